"""PyPI joserfc and cryptography as oracles of documents, encryption and keys: what one side writes the other
reads, through the command line."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import mldsa
from joserfc import jwe, jws, jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey, import_key
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("E2E_BINARY", str(ROOT / "target" / "release" / "countersign"))
TEXT = "total: 12 — thank you\n"
ENCS = ["A128GCM", "A256GCM", "A128CBC-HS256"]
RECIPIENTS = [("RSA-OAEP-256", None)] + [
    (alg, crv) for alg in ("ECDH-ES", "ECDH-ES+A256KW") for crv in ("P-256", "P-384", "P-521", "X25519")
]
SIGNATURES = ["Ed25519", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
SHARED = ["HS256", "HS384", "HS512"]


class Refused(Exception):
    pass


def cli(*args, stdin=""):
    run = subprocess.run([BINARY, *args], input=stdin.encode(), capture_output=True)
    if run.returncode:
        raise Refused(run.stderr.decode())
    return run.stdout.decode()


def altered(compact):
    """Another character where the last part begins: a changed signature or tag."""
    head, _, last = compact.strip().rpartition(".")
    return f"{head}.{'B' if last[0] == 'A' else 'A'}{last[1:]}"


def make(alg, crv=None):
    """A key of joserfc's for that algorithm."""
    curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "Ed25519": "Ed25519"}
    crv = crv or curves.get(alg)
    if crv in ("Ed25519", "X25519"):
        return OKPKey.generate_key(crv)
    return ECKey.generate_key(crv) if crv else RSAKey.generate_key(2048)


class Interop(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="countersign-interop-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def ours(self, alg, crv=None):
        """A key file of ours; its path and the whole JWK."""
        path = self.dir / f"ours-{alg}-{crv}.jwk"
        cli("jwk", "generate", "--alg", alg, "--out", str(path), *(["--crv", crv] if crv else []))
        return str(path), json.loads(path.read_text())

    def theirs(self, key, alg, use, private=True):
        path = self.dir / f"theirs-{alg}-{use}-{private}-{key.thumbprint()}.jwk"
        members = {**key.as_dict(private=private), "alg": alg, "use": use, "kid": "theirs"}
        path.write_text(json.dumps(members))
        return str(path)

    def refused(self, code, *args, stdin):
        with self.assertRaises(Refused) as refusal:
            cli(*args, stdin=stdin)
        self.assertIn(code, str(refusal.exception))

    def test_signed(self):
        for alg in SIGNATURES + SHARED:
            with self.subTest(alg):
                path, jwk = self.ours(alg)
                signed = cli("document", "sign", "-", "--key", path, "--typ", "invoice", stdin=TEXT).strip()
                key = import_key(jwk)
                read = jws.deserialize_compact(signed, key, algorithms=[alg])
                self.assertEqual((read.payload.decode(), read.headers()["typ"]), (TEXT, "invoice"))
                with self.assertRaises(BadSignatureError):
                    jws.deserialize_compact(altered(signed), key, algorithms=[alg])
                content = self.dir / "content"
                content.write_text(TEXT)
                detached = cli("document", "sign", str(content), "--key", path, "--typ", "invoice", "--detached")
                read = jws.deserialize_compact(detached.strip(), key, algorithms=[alg], payload=TEXT.encode())
                self.assertEqual(read.headers()["alg"], alg)

                other = OctKey.generate_key(512) if alg in SHARED else make(alg)
                keys = self.theirs(other, alg, "sig", private=alg in SHARED)
                header = {"alg": alg, "kid": "theirs", "typ": "invoice"}
                made = jws.serialize_compact(header, TEXT.encode(), other, algorithms=[alg])
                verify = ("document", "verify", "-", "--keys", keys, "--typ", "invoice")
                self.assertEqual(cli(*verify, stdin=made), TEXT)
                self.refused("bad_signature", *verify, stdin=altered(made))

    def test_sealed(self):
        for alg, crv in RECIPIENTS:
            path, jwk = self.ours(alg, crv)
            other = make(alg, crv)
            theirs = self.theirs(other, alg, "enc", private=False)
            for enc in ENCS:
                with self.subTest(f"{alg} {crv} {enc}"):
                    allowed = [alg, enc]
                    header = {"alg": alg, "enc": enc, "typ": "letter"}
                    sealed = jwe.encrypt_compact(header, TEXT.encode(), import_key(jwk), algorithms=allowed)
                    opening = ("document", "open", "-", "--key", path, "--typ", "letter")
                    self.assertEqual(cli(*opening, stdin=sealed), TEXT)
                    self.refused("decryption_failed", *opening, stdin=altered(sealed))

                    made = cli("document", "seal", "-", "--to", theirs, "--typ", "letter", "--enc", enc, stdin=TEXT).strip()
                    read = jwe.decrypt_compact(made, other, algorithms=allowed)
                    self.assertEqual((read.plaintext.decode(), read.headers()["enc"]), (TEXT, enc))
                    with self.assertRaises(Exception):
                        jwe.decrypt_compact(altered(made), other, algorithms=allowed)

    def test_shared_secret(self):
        for enc in ENCS:
            with self.subTest(enc):
                path, jwk = self.ours(enc)
                key = OctKey.import_key({"kty": "oct", "k": jwk["k"]})
                header = {"alg": "dir", "enc": enc, "typ": "letter"}
                sealed = jwe.encrypt_compact(header, TEXT.encode(), key, algorithms=["dir", enc])
                self.assertEqual(cli("document", "open", "-", "--key", path, "--typ", "letter", stdin=sealed), TEXT)
                made = cli("document", "seal", "-", "--to", path, "--typ", "letter", stdin=TEXT).strip()
                self.assertEqual(jwe.decrypt_compact(made, key, algorithms=["dir", enc]).plaintext.decode(), TEXT)

    def test_signed_then_sealed(self):
        (signer, signing), (inbox, opening) = self.ours("ES256"), self.ours("ECDH-ES", "X25519")
        made = cli("document", "seal", "-", "--to", inbox, "--sign-with", signer, "--typ", "report", stdin=TEXT).strip()
        opened = jwe.decrypt_compact(made, import_key(opening), algorithms=["ECDH-ES", "A256GCM"])
        self.assertEqual(opened.headers()["cty"], "JOSE")
        self.assertEqual(jws.deserialize_compact(opened.plaintext, import_key(signing)).payload.decode(), TEXT)

        other = make("ES256")
        keys = self.theirs(other, "ES256", "sig", private=False)
        inner = jws.serialize_compact({"alg": "ES256", "kid": "theirs", "typ": "report"}, TEXT.encode(), other)
        header = {"alg": "ECDH-ES", "enc": "A256GCM", "typ": "report", "cty": "JOSE"}
        seal = lambda content: jwe.encrypt_compact(header, content, import_key(opening), algorithms=["ECDH-ES", "A256GCM"])
        read = ("document", "open", "-", "--key", inbox, "--signed-by", keys, "--typ", "report")
        self.assertEqual(cli(*read, stdin=seal(inner)), TEXT)
        self.refused("bad_signature", *read, stdin=seal(altered(inner)))

    def test_tokens(self):
        path, jwk = self.ours("ES256")
        claims = json.dumps({"iss": "https://id.example", "aud": "shop", "sub": "u_1"})
        token = cli("token", "sign", "--key", path, "--claims", "-", "--expires-in", "5m", stdin=claims).strip()
        read = jwt.decode(token, import_key(jwk))
        jwt.JWTClaimsRegistry(iss={"essential": True, "value": "https://id.example"}, exp={"essential": True}).validate(read.claims)
        self.assertEqual(read.claims["exp"] - read.claims["iat"], 300)

    def test_keys(self):
        for alg, crv in [(alg, None) for alg in SIGNATURES] + RECIPIENTS:
            with self.subTest(f"{alg} {crv}"):
                path, jwk = self.ours(alg, crv)
                key = import_key(jwk)
                self.assertEqual(key.thumbprint(), jwk["kid"])
                self.assertEqual(key.thumbprint_uri(), cli("jwk", "thumbprint", path, "--uri").strip())
                pem = cli("jwk", "convert", path, "--to", "pem")
                again = type(key).import_key(pem).as_dict(private=True)
                for name in set(again) - {"kid"}:
                    self.assertEqual(again[name], jwk[name], name)
                spki = type(key).import_key(cli("jwk", "convert", path, "--to", "public-pem"))
                self.assertEqual(spki.thumbprint(), jwk["kid"])
                other = make(alg, crv)
                for pem in [other.as_pem(private=True), other.as_pem(private=False)]:
                    back = json.loads(cli("jwk", "convert", "-", "--to", "jwk", stdin=pem.decode()))
                    whole = other.as_dict(private=b"PRIVATE" in pem)
                    for name in set(whole) - {"kid"}:
                        self.assertEqual(back[name], whole[name], name)

    def test_ml_dsa(self):
        """joserfc has no ML-DSA; cryptography has the primitive (RFC 9964 signs without a context)."""
        kinds = {"ML-DSA-44": mldsa.MLDSA44PrivateKey, "ML-DSA-65": mldsa.MLDSA65PrivateKey, "ML-DSA-87": mldsa.MLDSA87PrivateKey}
        for alg, kind in kinds.items():
            with self.subTest(alg):
                path, jwk = self.ours(alg)
                key = kind.from_seed_bytes(urlsafe_b64decode(jwk["priv"].encode()))
                raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
                self.assertEqual(urlsafe_b64encode(raw).decode(), jwk["pub"])
                signed = cli("document", "sign", "-", "--key", path, "--typ", "invoice", stdin=TEXT).strip()
                message, _, signature = signed.rpartition(".")
                key.public_key().verify(urlsafe_b64decode(signature.encode()), message.encode())

                other = kind.generate()
                pem = other.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
                public = cli("jwk", "convert", "-", "--to", "public", stdin=pem.decode())
                keys = self.dir / f"{alg}.jwk"
                keys.write_text(public)
                header = urlsafe_b64encode(json.dumps({"alg": alg, "typ": "invoice"}).encode()).decode()
                message = f"{header}.{urlsafe_b64encode(TEXT.encode()).decode()}"
                made = f"{message}.{urlsafe_b64encode(other.sign(message.encode())).decode()}"
                verify = ("document", "verify", "-", "--keys", str(keys), "--typ", "invoice")
                self.assertEqual(cli(*verify, stdin=made), TEXT)
                self.refused("bad_signature", *verify, stdin=altered(made))


if __name__ == "__main__":
    unittest.main()
