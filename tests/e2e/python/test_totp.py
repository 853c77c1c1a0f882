"""PyPI pyotp, as an authenticator app is, against the real binary: set up on the pages, used by the direct API."""

import html
import re
import time
import unittest
import urllib.parse

import pyotp
import requests
from test_authlib import Forms, Issuer

EMAIL = "hedy@example.com"
PASSWORD = "frequency-hopping-1942"
STEP = 30


class Totp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.issuer = Issuer()
        cls.addClassCleanup(cls.issuer.stop)
        cls.issuer.cli("user", "add", EMAIL, "--name", "Hedy Lamarr", "--password-stdin", stdin=PASSWORD + "\n")

    def post(self, path, body):
        return requests.post(self.issuer.url + path, json=body, timeout=10)

    def submit(self, browser, page, form, **typed):
        return browser.post(
            urllib.parse.urljoin(page.url, form["action"]),
            data={**form["fields"], **typed},
            headers={"Origin": self.issuer.url},
            timeout=10,
        )

    def set_up(self):
        """Signs in on the pages and sets the app up from what its page shows."""
        browser = requests.Session()
        page = browser.get(self.issuer.url + "/login", timeout=10)
        form = next(f for f in Forms(page.text).forms if "password" in f)
        signed_in = self.submit(browser, page, form, **{form["username"]: EMAIL, form["password"]: PASSWORD})
        self.assertEqual(signed_in.status_code, 200, signed_in.text[:500])
        page = browser.get(self.issuer.url + "/account/totp", timeout=10)
        link = re.search(r'href="(otpauth://[^"]+)"', html.unescape(page.text)).group(1)
        app = pyotp.parse_uri(link)
        key = re.search(r'class="key">([A-Z2-7 ]+)<', page.text).group(1)
        self.assertEqual(key.replace(" ", ""), app.secret, "the key to type is the key of the link")
        self.assertEqual((app.digits, app.interval, app.name), (6, STEP, EMAIL))
        self.assertIn("<svg ", page.text)
        form = next(f for f in Forms(page.text).forms if f["action"].endswith("/account/totp"))
        done = self.submit(browser, page, form, code=app.now())
        self.assertEqual(done.status_code, 200, done.text[:500])
        return app

    def test_set_up_and_sign_in(self):
        app = self.set_up()
        credentials = {"username": EMAIL, "password": PASSWORD}
        partial = self.post("/auth/login", credentials)
        self.assertEqual(partial.status_code, 200, partial.text)
        self.assertIs(partial.json()["mfa_required"], True)
        self.assertIn("totp", partial.json()["mfa_methods"])
        self.assertNotIn("access_token", partial.json())
        token = partial.json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        self.assertEqual(requests.get(self.issuer.url + "/oauth/userinfo", headers=headers, timeout=10).status_code, 401)

        # The code of the present step was spent on setting up; the next one counts already (RFC 6238 5.2).
        code = app.at(int(time.time()) + STEP)
        full = self.post("/auth/mfa/verify", {"token": token, "code": code})
        self.assertEqual(full.status_code, 200, full.text)
        answer = full.json()
        self.assertEqual((answer["mfa_verified"], answer["mfa_method"]), (True, "totp"))
        self.assertAlmostEqual(answer["mfa_verified_at"], time.time(), delta=10)
        headers = {"Authorization": f"Bearer {answer['access_token']}"}
        self.assertEqual(requests.get(self.issuer.url + "/oauth/userinfo", headers=headers, timeout=10).status_code, 200)

        other = self.post("/auth/login", credentials).json()["token"]
        again = self.post("/auth/mfa/verify", {"token": other, "code": code})
        self.assertEqual((again.status_code, again.json()["error"]), (401, "invalid_code"), "a code is good once")
        spent = self.post("/auth/mfa/verify", {"token": token, "code": code})
        self.assertEqual((spent.status_code, spent.json()["error"]), (401, "invalid_token"), "finished before")


if __name__ == "__main__":
    unittest.main()
