//! `document`: signed, detached, sealed, both.

use crate::bin::Bin;
use crate::keys_of_files::generate;
use serde_json::json;

const TEXT: &str = "total: 12\n\nthank you\n";

fn with_content() -> Bin {
    let bin = Bin::new();
    std::fs::write(bin.path().join("invoice.txt"), TEXT).unwrap();
    bin
}

fn public(bin: &Bin, file: &str) -> String {
    let name = format!("public-{file}");
    bin.run(&["jwk", "convert", file, "--to", "public", "--out", &name]).ok();
    name
}

#[test]
fn signed_and_verified() {
    let bin = with_content();
    for alg in ["Ed25519", "ES384", "PS256", "HS256", "ML-DSA-44"] {
        let file = format!("{alg}.jwk");
        generate(&bin, alg, &[], &file);
        let keys = if alg == "HS256" { file.clone() } else { public(&bin, &file) };
        let sign = [
            "document",
            "sign",
            "invoice.txt",
            "--key",
            &file,
            "--typ",
            "invoice",
            "--content-type",
            "text/plain",
        ];
        let text = bin.run(&sign).ok().out;
        let verify = ["document", "verify", "-", "--keys", &keys, "--typ", "invoice"];
        let verified = bin.pipe(&verify, &text).ok();
        assert_eq!(verified.out, TEXT, "{alg}");
        assert!(verified.err.starts_with("valid: signed by "), "{verified:?}");
        let told = bin.pipe(&[&verify[..], &["--json"]].concat(), &text).ok().json();
        assert_eq!(
            [&told["alg"], &told["content"], &told["content_type"]],
            [&json!(alg), &json!(TEXT), &json!("text/plain")]
        );

        let other = ["document", "verify", "-", "--keys", &keys, "--typ", "letter"];
        let refused = bin.pipe(&other, &text).failed(1, "wrong_type");
        assert!(refused.out.is_empty(), "nothing is printed that is not verified: {refused:?}");
        let (head, signature) = text.trim().rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let altered = format!("{head}.{first}{}", &signature[1..]);
        bin.pipe(&verify, &altered).failed(1, "bad_signature");
    }
}

#[test]
fn detached() {
    let bin = with_content();
    generate(&bin, "Ed25519", &[], "key.jwk");
    let keys = public(&bin, "key.jwk");
    let sign = [
        "document",
        "sign",
        "invoice.txt",
        "--key",
        "key.jwk",
        "--typ",
        "invoice",
        "--detached",
        "--out",
        "invoice.jws",
    ];
    assert!(bin.run(&sign).ok().out.is_empty());
    bin.run(&sign).failed(1, "cannot_write");
    let verify = |content: &[&str]| {
        bin.run(
            &[&["document", "verify", "invoice.jws", "--keys", &keys, "--typ", "invoice"], content].concat(),
        )
    };
    let verified = verify(&["--content", "invoice.txt"]).ok();
    assert!(verified.out.is_empty() && verified.err.starts_with("valid"), "{verified:?}");
    verify(&[]).failed(1, "malformed");
    std::fs::write(bin.path().join("invoice.txt"), "total: 13\n").unwrap();
    verify(&["--content", "invoice.txt"]).failed(1, "bad_signature");
}

#[test]
fn sealed_and_opened() {
    let bin = with_content();
    generate(&bin, "Ed25519", &[], "key.jwk");
    generate(&bin, "Ed25519", &[], "stranger.jwk");
    let (signer, stranger) = (public(&bin, "key.jwk"), public(&bin, "stranger.jwk"));
    for (alg, more) in [
        ("ECDH-ES", &["--crv", "X25519"][..]),
        ("ECDH-ES+A256KW", &["--crv", "P-521"]),
        ("RSA-OAEP-256", &[]),
        ("A128CBC-HS256", &[]),
    ] {
        let file = format!("{alg}.jwk");
        generate(&bin, alg, more, &file);
        let to = if alg.starts_with('A') { file.clone() } else { public(&bin, &file) };
        let seal = ["document", "seal", "invoice.txt", "--to", &to, "--typ", "invoice"];
        let open = ["document", "open", "-", "--key", &file, "--typ", "invoice"];
        let text = bin.run(&seal).ok().out;
        let opened = bin.pipe(&open, &text).ok();
        assert_eq!(opened.out, TEXT, "{alg}");
        assert!(opened.err.contains("nothing is known about who wrote it"), "{opened:?}");
        let signed_by = [&open[..], &["--signed-by", &signer]].concat();
        assert!(bin.pipe(&signed_by, &text).failed(1, "not_signed").out.is_empty());

        let both = bin.run(&[&seal[..], &["--sign-with", "key.jwk"]].concat()).ok().out;
        let opened = bin.pipe(&signed_by, &both).ok();
        assert_eq!(opened.out, TEXT);
        assert!(opened.err.starts_with("valid: signed by "), "{opened:?}");
        assert!(bin.pipe(&open, &both).failed(1, "signed_inside").out.is_empty());
        bin.pipe(&[&open[..], &["--signed-by", &stranger]].concat(), &both).failed(1, "unknown_key");
        let told = bin.pipe(&[&signed_by[..], &["--json"]].concat(), &both).ok().json();
        assert_eq!([&told["signed"], &told["content"]], [&json!(true), &json!(TEXT)]);

        let parts: Vec<_> = text.trim().split('.').collect();
        let altered = [parts[0], parts[1], parts[2], "AAAA", parts[4]].join(".");
        bin.pipe(&open, &altered).failed(1, "decryption_failed");
    }
    let narrow = [
        "document",
        "seal",
        "invoice.txt",
        "--to",
        "public-ECDH-ES.jwk",
        "--typ",
        "invoice",
        "--enc",
        "A128GCM",
    ];
    let text = bin.run(&narrow).ok().out;
    assert_eq!(
        bin.pipe(&["document", "open", "-", "--key", "ECDH-ES.jwk", "--typ", "invoice"], &text).ok().out,
        TEXT
    );
    let wrong = [&narrow[..8], &["A256CBC-HS512"]].concat();
    bin.run(&wrong).failed(2, "--enc");
    bin.run(&["document", "seal", "invoice.txt", "--to", "key.jwk", "--typ", "invoice"])
        .failed(1, "wrong_use");
    bin.run(&["document", "sign", "invoice.txt", "--key", "ECDH-ES.jwk", "--typ", "invoice"])
        .failed(1, "wrong_use");
}

#[test]
fn a_document_has_no_type_of_a_token_and_is_none() {
    let bin = with_content();
    generate(&bin, "ES256", &[], "key.jwk");
    for typ in ["JWT", "at+jwt", "application/dpop+jwt", "JOSE", ""] {
        let ran = bin.run(&["document", "sign", "invoice.txt", "--key", "key.jwk", "--typ", typ]);
        assert!(ran.failed(2, "--typ").out.is_empty());
    }
    std::fs::write(bin.path().join("empty"), "").unwrap();
    bin.run(&["document", "sign", "empty", "--key", "key.jwk", "--typ", "invoice"]).failed(1, "bad_document");
    bin.run(&["document", "sign", "nowhere", "--key", "key.jwk", "--typ", "invoice"])
        .failed(1, "cannot_read");
    // A claim set that is signed as a document verifies as no token.
    let claims = r#"{"iss":"https://id.example","aud":"a","sub":"s","client_id":"c","jti":"j","iat":1,"exp":4000000000}"#;
    let text = bin.pipe(&["document", "sign", "-", "--key", "key.jwk", "--typ", "json"], claims).ok().out;
    let public: serde_json::Value = bin.run(&["jwk", "convert", "key.jwk", "--to", "public"]).ok().json();
    std::fs::write(bin.path().join("set.json"), json!({ "keys": [public] }).to_string()).unwrap();
    let verify =
        ["token", "verify", "--jwks", "set.json", "--issuer", "https://id.example", "--audience", "a"];
    bin.pipe(&verify, &text).failed(1, "wrong_type");
    assert!(!bin.data().exists(), "documents need no store");
}
