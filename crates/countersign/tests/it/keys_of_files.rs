//! `jwk` and `token sign`: keys in files, and tokens by them.

use crate::bin::Bin;
use serde_json::{Value, json};

/// Makes a key file and answers what was printed.
pub(crate) fn generate(bin: &Bin, alg: &str, more: &[&str], file: &str) -> String {
    let args = [&["jwk", "generate", "--alg", alg, "--out", file], more].concat();
    bin.run(&args).ok().out
}

#[test]
fn a_generated_key_is_for_one_algorithm_and_for_its_owner() {
    let bin = Bin::new();
    for (alg, more, use_) in [
        ("Ed25519", &[][..], "sig"),
        ("ES256", &["--use", "sig"], "sig"),
        ("PS256", &[], "sig"),
        ("ML-DSA-44", &[], "sig"),
        ("RSA-OAEP-256", &["--use", "enc"], "enc"),
        ("ECDH-ES", &["--crv", "X25519"], "enc"),
        ("ECDH-ES+A256KW", &[], "enc"),
    ] {
        let file = format!("{alg}.jwk");
        let public: Value = serde_json::from_str(&generate(&bin, alg, more, &file)).unwrap();
        assert_eq!([&public["alg"], &public["use"]], [&json!(alg), &json!(use_)]);
        let print = bin.run(&["jwk", "thumbprint", &file]).ok();
        assert_eq!(print.out.trim(), public["kid"].as_str().unwrap());
        let uri = bin.run(&["jwk", "thumbprint", &file, "--uri"]).ok();
        let due = format!("urn:ietf:params:oauth:jwk-thumbprint:sha-256:{}", print.out.trim());
        assert_eq!(uri.out.trim(), due);
        assert_eq!(bin.run(&["jwk", "thumbprint", &file, "--json"]).ok().json()["uri"], json!(due));

        let whole: Value = serde_json::from_slice(&std::fs::read(bin.path().join(&file)).unwrap()).unwrap();
        let secret = ["d", "priv"].into_iter().find_map(|name| whole[name].as_str()).unwrap();
        assert!(!public.to_string().contains(secret), "{public}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(bin.path().join(&file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{alg}");
        }
        // Never written over.
        bin.run(&["jwk", "generate", "--alg", alg, "--out", &file]).failed(1, "cannot_write");
    }
    let secret = bin.run(&["jwk", "generate", "--alg", "A256GCM"]).ok().json();
    assert_eq!(
        [&secret["kty"], &secret["alg"], &secret["use"]],
        [&json!("oct"), &json!("A256GCM"), &json!("enc")]
    );
    assert!(generate(&bin, "HS256", &[], "hs.jwk").is_empty(), "a secret has no public half to print");
    bin.run(&["jwk", "thumbprint", "hs.jwk"]).failed(1, "symmetric_key");
    for args in [
        &["--alg", "none"][..],
        &["--alg", "RSA1_5"],
        &["--alg", "dir"],
        &["--alg", "ES256", "--use", "enc"],
        &["--alg", "ECDH-ES", "--use", "sig"],
        &["--alg", "ES256", "--crv", "P-384"],
        &["--alg", "RSA-OAEP-256", "--crv", "P-256"],
        &["--alg", "ECDH-ES", "--crv", "Ed25519"],
        &["--alg", "ES256", "--use", "both"],
    ] {
        bin.run(&[&["jwk", "generate"], args].concat()).failed(2, "error");
    }
    assert!(!bin.data().exists(), "keys need no store");
}

#[test]
fn keys_are_converted_there_and_back() {
    let bin = Bin::new();
    for (alg, crv) in [
        ("ES256", None),
        ("RS256", None),
        ("Ed25519", None),
        ("ML-DSA-65", None),
        ("ECDH-ES", Some("X25519")),
    ] {
        let more = crv.map_or(vec![], |crv| vec!["--crv", crv]);
        let (jwk, pem) = (format!("{alg}.jwk"), format!("{alg}.pem"));
        generate(&bin, alg, &more, &jwk);
        let to_pem = bin.run(&["jwk", "convert", &jwk, "--to", "pem", "--out", &pem]).ok();
        assert!(to_pem.out.is_empty() && to_pem.err.contains("wrote the private key"), "{to_pem:?}");
        let text = std::fs::read_to_string(bin.path().join(&pem)).unwrap();
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{alg}");
        let back = bin.run(&["jwk", "convert", &pem, "--to", "jwk", "--alg", alg]).ok().json();
        let whole: Value = serde_json::from_slice(&std::fs::read(bin.path().join(&jwk)).unwrap()).unwrap();
        for (name, value) in back.as_object().unwrap() {
            assert_eq!(*value, whole[name], "{alg} {name}");
        }
        let public = bin.run(&["jwk", "convert", &pem, "--to", "public", "--alg", alg]).ok().json();
        assert!(["d", "p", "priv"].into_iter().all(|name| public.get(name).is_none()), "{public}");
        let spki = bin.run(&["jwk", "convert", &jwk, "--to", "public-pem"]).ok().out;
        assert!(spki.starts_with("-----BEGIN PUBLIC KEY-----\n"));
        let again = bin.pipe(&["jwk", "thumbprint", "-"], &spki).ok().out;
        assert_eq!(again, bin.run(&["jwk", "thumbprint", &jwk]).ok().out, "{alg}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(bin.path().join(&pem)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{alg}");
        }
    }
    generate(&bin, "HS256", &[], "hs.jwk");
    bin.run(&["jwk", "convert", "hs.jwk", "--to", "public"]).failed(1, "symmetric_key");
    bin.run(&["jwk", "convert", "hs.jwk", "--to", "pem"]).failed(1, "error");
    bin.pipe(&["jwk", "convert", "-", "--to", "jwk"], "not a key").failed(1, "malformed");
    bin.run(&["jwk", "convert", "nowhere.pem", "--to", "jwk"]).failed(1, "cannot_read");
}

#[test]
fn a_signed_token_has_an_expiry_and_verifies() {
    let bin = Bin::new();
    for alg in ["ES256", "Ed25519", "RS256", "ML-DSA-44"] {
        let (file, set) = (format!("{alg}.jwk"), format!("{alg}.json"));
        let public: Value = serde_json::from_str(&generate(&bin, alg, &[], &file)).unwrap();
        std::fs::write(bin.path().join(&set), json!({ "keys": [public] }).to_string()).unwrap();
        let claims = json!({"iss": "https://id.example", "aud": "orders", "sub": "u_1", "client_id": "ci", "jti": "j"});
        let args =
            ["token", "sign", "--key", &file, "--claims", "-", "--typ", "at+jwt", "--expires-in", "15m"];
        let token = bin.pipe(&args, &claims.to_string()).ok().out;
        let verify = [
            "token",
            "verify",
            "--jwks",
            &set,
            "--issuer",
            "https://id.example",
            "--audience",
            "orders",
            "--json",
        ];
        let verified = bin.pipe(&verify, &token).ok().json();
        assert_eq!(verified["sub"], "u_1");
        let life = verified["exp"].as_i64().unwrap() - verified["iat"].as_i64().unwrap();
        assert_eq!(life, 900, "{alg}");
        let told = bin.pipe(&[&args[..], &["--json"]].concat(), &claims.to_string()).ok().json();
        assert_eq!([&told["alg"], &told["typ"]], [&json!(alg), &json!("at+jwt")]);
        let other = [&verify[..7], &["elsewhere"]].concat();
        bin.pipe(&other, &token).failed(1, "wrong_audience");
    }
}

#[test]
fn a_token_without_an_expiry_is_refused() {
    let bin = Bin::new();
    generate(&bin, "Ed25519", &[], "key.jwk");
    generate(&bin, "ECDH-ES", &[], "inbox.jwk");
    let sign = |more: &[&str], claims: &str| {
        bin.pipe(&[&["token", "sign", "--key", "key.jwk", "--claims", "-"], more].concat(), claims)
    };
    sign(&[], "{}").failed(2, "no expiry");
    sign(&["--expires-in", "5m"], r#"{"exp":1}"#).failed(2, "which");
    sign(&[], r#"{"exp":"soon"}"#).failed(1, "bad_claims");
    sign(&["--expires-in", "5m"], "[]").failed(1, "bad_claims");
    sign(&["--expires-in", "5m"], "{").failed(1, "invalid_json");
    sign(&["--expires-in", "soon"], "{}").failed(2, "length of time");
    let token = sign(&["--kid", "other"], r#"{"exp":2000000000}"#).ok().out;
    let told = bin.pipe(&["token", "inspect", "--json"], &token).ok().json();
    assert_eq!([&told["header"]["kid"], &told["header"]["typ"]], [&json!("other"), &json!("JWT")]);
    assert_eq!(told["claims"], json!({"exp": 2_000_000_000}));
    let with = |key: &str| {
        let args = ["token", "sign", "--key", key, "--claims", "-", "--expires-in", "5m"];
        bin.pipe(&args, "{}")
    };
    with("inbox.jwk").failed(1, "wrong_use");
    let public = bin.run(&["jwk", "convert", "key.jwk", "--to", "public", "--out", "public.jwk"]).ok();
    assert!(public.out.is_empty());
    with("public.jwk").failed(1, "public_key");
    with("nowhere.jwk").failed(1, "cannot_read");
    assert!(!bin.data().exists(), "signing needs no store");
}
