"""PyPI authlib (client) and PyJWT (verifier) against the real binary, walking its pages without script."""

import html.parser
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import jwt
import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("E2E_BINARY", str(ROOT / "target" / "release" / "countersign"))
CALLBACK = "http://127.0.0.1:9/callback"
SECRET = "shop-secret-0123456789abcdef0123456789abcdef"
API = "https://stock.example/api"
PASSWORD = "analytical-engine-1837"


class Forms(html.parser.HTMLParser):
    """Collects the forms of a page: action, fields and named submit buttons."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.forms.append({"action": attrs.get("action", ""), "fields": {}, "buttons": []})
        elif tag == "input" and self.forms and attrs.get("name"):
            form = self.forms[-1]
            form["fields"][attrs["name"]] = attrs.get("value", "")
            if "username" in attrs.get("autocomplete", ""):
                form["username"] = attrs["name"]
            if attrs.get("type") == "password":
                form["password"] = attrs["name"]
        elif tag == "button" and self.forms:
            self.forms[-1]["buttons"].append((attrs.get("name"), attrs.get("value")))


class Issuer:
    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="countersign-e2e-")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.url = f"http://localhost:{port}"
        self.log = open(pathlib.Path(self.dir.name) / "server.log", "wb")
        self.child = subprocess.Popen(
            [BINARY, "serve", "--listen", f"127.0.0.1:{port}", "--issuer", self.url, "--data-dir", self.dir.name],
            stdout=self.log,
            stderr=self.log,
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                if requests.get(self.url + "/readyz", timeout=2).ok:
                    return
            except requests.ConnectionError:
                pass
            if time.monotonic() > deadline or self.child.poll() is not None:
                raise RuntimeError(pathlib.Path(self.log.name).read_text())

    def cli(self, *args, stdin=""):
        run = subprocess.run([BINARY, *args, "--data-dir", self.dir.name], input=stdin, text=True, capture_output=True)
        if run.returncode:
            raise RuntimeError(run.stderr)
        return run.stdout

    def apply(self, kind, document):
        path = pathlib.Path(self.dir.name) / f"{kind}.json"
        path.write_text(json.dumps(document))
        self.cli(kind, "apply", str(path))

    def stop(self):
        self.child.terminate()
        self.child.wait(timeout=30)
        self.log.close()
        self.dir.cleanup()


class Authlib(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.issuer = Issuer()
        cls.addClassCleanup(cls.issuer.stop)
        cls.issuer.cli("user", "add", "grace@example.com", "--name", "Grace Hopper", "--password-stdin", stdin=PASSWORD + "\n")
        cls.issuer.apply("resource", {"resource": API, "name": "Stock", "scopes": ["stock:read"]})
        cls.issuer.apply(
            "client",
            [
                {
                    "client_id": "shop",
                    "client_secret": SECRET,
                    "client_name": "Shop",
                    "redirect_uris": [CALLBACK],
                    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
                    "response_types": ["code"],
                    "token_endpoint_auth_method": "client_secret_basic",
                    "scope": "openid profile email offline_access stock:read",
                    "resources": [API],
                },
            ],
        )
        cls.metadata = requests.get(cls.issuer.url + "/.well-known/openid-configuration", timeout=5).json()
        cls.keys = jwt.PyJWKClient(cls.metadata["jwks_uri"])

    def client(self, **more):
        return OAuth2Session(
            "shop",
            SECRET,
            token_endpoint_auth_method="client_secret_basic",
            code_challenge_method="S256",
            redirect_uri=CALLBACK,
            token_endpoint=self.metadata["token_endpoint"],
            revocation_endpoint_auth_method="client_secret_basic",
            **more,
        )

    def walk(self, url):
        """Goes through sign-in and consent like a browser without script; answers the callback URL."""
        browser = requests.Session()
        page = browser.get(url, allow_redirects=False, timeout=10)
        for _ in range(12):
            if page.is_redirect:
                target = urllib.parse.urljoin(page.url, page.headers["location"])
                if target.startswith(CALLBACK):
                    return target
                page = browser.get(target, allow_redirects=False, timeout=10)
                continue
            self.assertEqual(page.status_code, 200, page.text[:500])
            form = next(f for f in Forms(page.text).forms if "password" in f or f["buttons"])
            fields = dict(form["fields"])
            if "password" in form:
                fields[form["username"]] = "grace@example.com"
                fields[form["password"]] = PASSWORD
            else:
                name, value = next(b for b in form["buttons"] if b[1] and "allow" in b[1].lower())
                fields[name] = value
            page = browser.post(
                urllib.parse.urljoin(page.url, form["action"]),
                data=fields,
                headers={"Origin": self.issuer.url},
                allow_redirects=False,
                timeout=10,
            )
        self.fail("the pages never led back to the client")

    def verify(self, token, audience, typ):
        self.assertEqual(jwt.get_unverified_header(token)["typ"].lower(), typ)
        key = self.keys.get_signing_key_from_jwt(token)
        return jwt.decode(
            token,
            key.key,
            algorithms=[jwt.get_unverified_header(token)["alg"]],
            audience=audience,
            issuer=self.issuer.url,
            options={"require": ["exp", "iat", "aud", "iss", "sub"]},
        )

    def test_code_refresh_and_revocation(self):
        client = self.client(scope="openid profile email offline_access stock:read")
        verifier = "v" * 64
        url, state = client.create_authorization_url(
            self.metadata["authorization_endpoint"], code_verifier=verifier, nonce="n-0S6_WzA2Mj"
        )
        answer = self.walk(url)
        token = client.fetch_token(authorization_response=answer, state=state, code_verifier=verifier)
        access = self.verify(token["access_token"], API, "at+jwt")
        identity = self.verify(token["id_token"], "shop", "jwt")
        self.assertEqual(access["sub"], identity["sub"])
        self.assertNotIn("email", access)
        self.assertEqual(identity["email"], "grace@example.com")
        self.assertEqual(identity["nonce"], "n-0S6_WzA2Mj")
        with self.assertRaises(jwt.InvalidAudienceError):
            self.verify(token["access_token"], "https://elsewhere.example", "at+jwt")

        with self.assertRaises(OAuthError) as twice:
            self.client().fetch_token(authorization_response=answer, state=state, code_verifier=verifier)
        self.assertEqual(twice.exception.error, "invalid_grant")
        with self.assertRaises(OAuthError):
            client.refresh_token(self.metadata["token_endpoint"], refresh_token=token["refresh_token"])

    def test_refresh_then_revoke(self):
        client = self.client(scope="openid offline_access stock:read")
        verifier = "w" * 64
        url, state = client.create_authorization_url(self.metadata["authorization_endpoint"], code_verifier=verifier)
        token = client.fetch_token(authorization_response=self.walk(url), state=state, code_verifier=verifier)
        renewed = client.refresh_token(self.metadata["token_endpoint"], refresh_token=token["refresh_token"])
        self.verify(renewed["access_token"], API, "at+jwt")
        response = client.revoke_token(
            self.metadata["revocation_endpoint"], renewed["refresh_token"], token_type_hint="refresh_token"
        )
        self.assertEqual(response.status_code, 200)
        with self.assertRaises(OAuthError) as revoked:
            client.refresh_token(self.metadata["token_endpoint"], refresh_token=renewed["refresh_token"])
        self.assertEqual(revoked.exception.error, "invalid_grant")

    def test_client_credentials(self):
        token = self.client(scope="stock:read").fetch_token(grant_type="client_credentials")
        claims = self.verify(token["access_token"], API, "at+jwt")
        self.assertEqual(claims["sub"], "shop")
        self.assertEqual(claims["scope"], "stock:read")
        wrong = OAuth2Session("shop", "not the secret", token_endpoint=self.metadata["token_endpoint"])
        with self.assertRaises(OAuthError) as refused:
            wrong.fetch_token(grant_type="client_credentials")
        self.assertEqual(refused.exception.error, "invalid_client")


if __name__ == "__main__":
    unittest.main()
