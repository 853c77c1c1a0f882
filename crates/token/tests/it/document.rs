//! Documents: signed, detached, sealed, both; never a token.

use crate::forge::{CLAIMS, HEADER, NOW, SECRET, World, forge, good, input, policy as token_policy, raw};
use crate::jwe::key;
use countersign_token::document::{self, DocumentType, Draft, MAX_BYTES, Policy};
use countersign_token::jwe::{ContentEncryption, DecryptionKeys, KeyManagement, Kind};
use countersign_token::{Algorithm, KeySet, SigningKey, TokenType, VerifyingKey, base64url, nested, verify};
use serde_json::{Value, json};

const CONTENT: &[u8] = b"{\"total\": 12}\n\0\xff";

fn invoice() -> DocumentType {
    DocumentType::new("invoice+json").unwrap()
}

fn secret() -> SigningKey {
    SigningKey::from_private_bytes(Algorithm::Hs256, SECRET).unwrap().with_kid("k1")
}

fn keys(key: &SigningKey) -> KeySet {
    KeySet::new([key.verifying_key().unwrap()])
}

fn due(alg: Algorithm) -> Policy {
    Policy::new(&invoice(), &[alg])
}

/// A document under the secret of `k1`, with any header and payload.
fn judge(header: &str, content: &str) -> Result<document::Signed, &'static str> {
    document::verify(&forge(header, content), &keys(&secret()), &due(Algorithm::Hs256)).map_err(|e| e.code)
}

#[test]
fn signed_by_every_algorithm() {
    for alg in Algorithm::ALL.iter().copied() {
        let key = SigningKey::generate(alg).unwrap();
        let typ = invoice();
        let draft = Draft::new(&typ, CONTENT).content_type("application/json");
        let text = document::sign(&draft, &key).unwrap();
        let signed = document::verify(&text, &keys(&key), &due(alg)).unwrap();
        assert_eq!((signed.content.as_slice(), signed.algorithm), (CONTENT, alg));
        assert_eq!((signed.content_type.as_deref(), signed.kid.as_deref()), (Some("json"), Some(key.kid())));

        let detached = document::sign_detached(&draft, &key).unwrap();
        assert_eq!(detached.split('.').nth(1), Some(""));
        let signed = document::verify_detached(&detached, CONTENT, &keys(&key), &due(alg)).unwrap();
        assert_eq!(signed.content, CONTENT);

        let other = SigningKey::generate(alg).unwrap().with_kid(key.kid());
        let forged = document::sign(&draft, &other).unwrap();
        assert_eq!(document::verify(&forged, &keys(&key), &due(alg)).unwrap_err().code, "bad_signature");
    }
}

#[test]
fn no_changed_document_passes() {
    let (key, typ) = (secret(), invoice());
    let draft = Draft::new(&typ, CONTENT);
    let (text, detached) =
        (document::sign(&draft, &key).unwrap(), document::sign_detached(&draft, &key).unwrap());
    for at in 0..text.len() {
        for bit in 0..7 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(document::verify(&changed, &keys(&key), &due(Algorithm::Hs256)).is_err(), "{at} {bit}");
        }
    }
    for bit in 0..CONTENT.len() * 8 {
        let mut content = CONTENT.to_vec();
        content[bit / 8] ^= 1 << (bit % 8);
        let refused = document::verify_detached(&detached, &content, &keys(&key), &due(Algorithm::Hs256));
        assert_eq!(refused.unwrap_err().code, "bad_signature");
    }
}

/// RFC 7520 4.5: detached content. Its signature is good, and only its missing type is not.
#[test]
fn rfc_7520_4_5_detached() {
    let jwk = json!({"kty": "oct", "kid": "018c0ae5-4d9b-471b-bfd6-eef314bc7037", "use": "sig", "alg": "HS256",
        "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"});
    let key = SigningKey::from_private_jwk(&serde_json::to_vec(&jwk).unwrap(), None).unwrap();
    let header = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9";
    let text = format!("{header}..s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0");
    let content = "It’s a dangerous business, Frodo, going out your door. You step onto the road, and if you don't keep your feet, there’s no knowing where you might be swept off to.";
    let check = |content: &[u8]| {
        document::verify_detached(&text, content, &keys(&key), &due(Algorithm::Hs256)).unwrap_err()
    };
    assert_eq!(
        (check(content.as_bytes()).code, check(content.as_bytes()).claim),
        ("wrong_type", Some("typ"))
    );
    assert_eq!(check(b"It is a dangerous business").code, "bad_signature");
}

#[test]
fn types() {
    for name in [
        "invoice+json",
        "application/invoice+json",
        "text/plain",
        "x",
        "vnd.example.report.v2+json",
        "1-a.b_c",
    ] {
        let typ = DocumentType::new(name).unwrap();
        let text = document::sign(&Draft::new(&typ, CONTENT), &secret()).unwrap();
        document::verify(&text, &keys(&secret()), &Policy::new(&typ, &[Algorithm::Hs256])).unwrap();
    }
    for name in [
        "JWT",
        "jwt",
        "application/jwt",
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "mfa+jwt",
        "link+jwt",
        "login-link+jwt",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "revhead+jwt",
        "statuslist+jwt",
        "sd-jwt",
        "kb+jwt",
        "x/at+jwt",
        "JOSE",
        "jose",
        "application/jose",
        "JOSE+JSON",
    ] {
        assert_eq!(DocumentType::new(name).unwrap_err().code, "reserved_type", "{name}");
        let typ = invoice();
        let draft = Draft::new(&typ, CONTENT).content_type(name);
        assert_eq!(document::sign(&draft, &secret()).unwrap_err().code, "reserved_type", "{name}");
    }
    let long = "a".repeat(128);
    for name in
        ["", " ", "a b", "a/b/c", "/a", "a/", "a\n", "ä", "+a", "a;q=1", "application/", long.as_str()]
    {
        assert_eq!(DocumentType::new(name).unwrap_err().code, "bad_document", "{name}");
    }
    let header = |typ: &str| format!(r#"{{"alg":"HS256",{typ}"kid":"k1"}}"#);
    for typ in ["invoice+json", "INVOICE+JSON", "application/invoice+json"] {
        judge(&header(&format!(r#""typ":"{typ}","#)), "x").unwrap();
    }
    for typ in ["JWT", "at+jwt", "invoice", "invoice+json ", "x/invoice+json"] {
        assert_eq!(judge(&header(&format!(r#""typ":"{typ}","#)), "x").unwrap_err(), "wrong_type", "{typ}");
    }
    assert_eq!(judge(&header(""), "x").unwrap_err(), "wrong_type");
}

#[test]
fn headers() {
    let header = r#"{"alg":"HS256","typ":"invoice+json","kid":"k1"}"#;
    judge(header, "x").unwrap();
    let plus = |more: &str| header.replace('}', &format!(",{more}}}"));
    for (name, header, code) in [
        ("b64", plus(r#""b64":false,"crit":["b64"]"#), "forbidden_header"),
        ("b64 alone", plus(r#""b64":false"#), "forbidden_header"),
        ("crit", plus(r#""crit":["exp"],"exp":1"#), "forbidden_header"),
        ("jwk", plus(r#""jwk":{}"#), "forbidden_header"),
        ("zip", plus(r#""zip":"DEF""#), "forbidden_header"),
        ("duplicate", plus(r#""typ":"invoice+json""#), "malformed"),
        ("cty a number", plus(r#""cty":1"#), "malformed"),
        ("none", header.replace("HS256", "none"), "wrong_algorithm"),
        ("another algorithm", header.replace("HS256", "HS512"), "wrong_algorithm"),
        ("unknown key", header.replace("k1", "k2"), "unknown_key"),
        ("over 8 KiB", plus(&format!(r#""x":"{}""#, "x".repeat(8 * 1024))), "too_large"),
    ] {
        assert_eq!(judge(&header, "x").unwrap_err(), code, "{name}");
    }
    let text = forge(header, "x");
    let other = Policy::new(&invoice(), &[Algorithm::Es256]);
    assert_eq!(document::verify(&text, &keys(&secret()), &other).unwrap_err().code, "wrong_algorithm");
}

#[test]
fn attached_is_not_detached() {
    let (key, typ) = (secret(), invoice());
    let due = due(Algorithm::Hs256);
    let draft = Draft::new(&typ, b"x");
    let (text, detached) =
        (document::sign(&draft, &key).unwrap(), document::sign_detached(&draft, &key).unwrap());
    assert_eq!(document::verify(&detached, &keys(&key), &due).unwrap_err().code, "malformed");
    assert_eq!(document::verify_detached(&text, b"x", &keys(&key), &due).unwrap_err().code, "malformed");
    // A detached signature of nothing would be one of an attached empty document.
    let empty = forge(r#"{"alg":"HS256","typ":"invoice+json","kid":"k1"}"#, "");
    assert_eq!(document::verify(&empty, &keys(&key), &due).unwrap_err().code, "malformed");
    assert_eq!(document::verify_detached(&empty, b"", &keys(&key), &due).unwrap_err().code, "malformed");
    for made in [
        document::sign(&Draft::new(&typ, b""), &key),
        document::sign_detached(&Draft::new(&typ, b""), &key),
        document::seal(
            &Draft::new(&typ, b""),
            &crate::jwe::key(Kind::X25519(KeyManagement::EcdhEs)).encryption_key().unwrap(),
        ),
    ] {
        assert_eq!(made.unwrap_err().code, "bad_document");
    }
    let small = due.clone().max_bytes(text.len() - 1);
    assert_eq!(document::verify(&text, &keys(&key), &small).unwrap_err().code, "too_large");
    let small = due.max_bytes(detached.len());
    let content = vec![b'x'; detached.len() + 1];
    assert_eq!(
        document::verify_detached(&detached, &content, &keys(&key), &small).unwrap_err().code,
        "too_large"
    );
}

/// A signed document whose content is a perfect claim set, and a token whose claims are a document.
#[test]
fn a_document_is_never_a_token() {
    let world = World::new();
    let typ = DocumentType::new("json").unwrap();
    let text = document::sign(&Draft::new(&typ, good().as_bytes()), world.key("k1")).unwrap();
    assert_eq!(world.judge(&text).unwrap_err().code, "wrong_type");
    for kind in [TokenType::Id, TokenType::Access, TokenType::Named("mfa+jwt"), TokenType::Named("dpop+jwt")]
    {
        let policy = countersign_token::Policy::issuer("https://id.example")
            .any_audience()
            .token_type(kind)
            .algorithms(&[Algorithm::Hs256]);
        assert_eq!(verify::<Value>(&text, &world.keys, &policy, NOW).unwrap_err().code, "wrong_type");
    }
    let claims: serde_json::Map<_, _> = CLAIMS
        .iter()
        .map(|(name, value)| ((*name).to_owned(), serde_json::from_str(value).unwrap()))
        .collect();
    for token_type in ["at+jwt", "JWT", "mfa+jwt", "link+jwt"] {
        let token = world.key("k1").sign(token_type, &claims).unwrap();
        for typ in [&typ, &invoice()] {
            let refused = document::verify(&token, &world.keys, &Policy::new(typ, &[Algorithm::Hs256]));
            assert_eq!(refused.unwrap_err().code, "wrong_type", "{token_type}");
        }
    }
    // Nor when it is sealed, nor a sealed token a document.
    let own = key(Kind::X25519(KeyManagement::EcdhEs));
    let (to, ring) = (own.encryption_key().unwrap(), DecryptionKeys::new([own]));
    let sealed =
        document::sign_then_seal(&Draft::new(&typ, good().as_bytes()), world.key("k1"), &to).unwrap();
    let policy = token_policy(&[Algorithm::Hs256]).encrypted_to(ring.clone());
    let refused = nested::verify::<Value>(&sealed, &world.keys, &policy, NOW).unwrap_err();
    assert_eq!((refused.code, refused.claim), ("wrong_type", Some("cty")));
    let token = nested::encrypt(&forge(HEADER, good()), &to).unwrap();
    let due = Policy::new(&typ, &[Algorithm::Hs256]);
    assert_eq!(document::open_then_verify(&token, &ring, &world.keys, &due).unwrap_err().code, "wrong_type");
    assert_eq!(document::open(&token, &ring, &typ, MAX_BYTES).unwrap_err().code, "wrong_type");
}

#[test]
fn sealed() {
    let typ = invoice();
    for kind in crate::jwe::KINDS {
        let own = key(kind);
        let to = own.encryption_key().unwrap();
        let ring = DecryptionKeys::new([own]);
        let draft = Draft::new(&typ, CONTENT).content_type("text/plain");
        let text = document::seal(&draft, &to).unwrap();
        let opened = document::open(&text, &ring, &typ, MAX_BYTES).unwrap();
        assert_eq!((&opened.content[..], opened.content_type.as_deref()), (CONTENT, Some("text/plain")));
        let refused = document::open(&text, &ring, &DocumentType::new("letter").unwrap(), MAX_BYTES);
        assert_eq!(refused.unwrap_err().code, "wrong_type");
        assert_eq!(document::open(&text, &ring, &typ, text.len() - 1).unwrap_err().code, "too_large");

        let due = due(Algorithm::Hs256);
        let refused = document::open_then_verify(&text, &ring, &keys(&secret()), &due);
        assert_eq!(refused.unwrap_err().code, "not_signed");
        let both = document::sign_then_seal(&draft, &secret(), &to).unwrap();
        let signed = document::open_then_verify(&both, &ring, &keys(&secret()), &due).unwrap();
        assert_eq!((signed.content.as_slice(), signed.kid.as_deref()), (CONTENT, Some("k1")));
        assert_eq!(document::open(&both, &ring, &typ, MAX_BYTES).unwrap_err().code, "signed_inside");
        let stranger = secret().private_bytes().iter().map(|byte| byte ^ 1).collect::<Vec<_>>();
        let stranger = VerifyingKey::from_secret(Algorithm::Hs256, Some("k1"), &stranger).unwrap();
        let refused = document::open_then_verify(&both, &ring, &KeySet::new([stranger]), &due);
        assert_eq!(refused.unwrap_err().code, "bad_signature");
    }
}

/// The outside says invoice, the inside something else.
#[test]
fn both_types_are_judged() {
    let own = key(Kind::Secret(ContentEncryption::A256Gcm));
    let (to, ring) = (own.encryption_key().unwrap(), DecryptionKeys::new([own]));
    let letter = DocumentType::new("letter").unwrap();
    let inside = document::sign(&Draft::new(&letter, CONTENT), &secret()).unwrap();
    let (signers, due) = (keys(&secret()), due(Algorithm::Hs256));
    for (outer, code) in [("invoice+json", "wrong_type"), ("letter", "wrong_type")] {
        let text = to.encrypt(Some(outer), Some("JOSE"), inside.as_bytes()).unwrap();
        let refused = document::open_then_verify(&text, &ring, &signers, &due).unwrap_err();
        assert_eq!((refused.code, refused.claim), (code, Some("typ")), "{outer}");
    }
    for inside in [&b"\xff"[..], b"", b"a.b.c", to.encrypt(None, None, b"x").unwrap().as_bytes()] {
        let text = to.encrypt(Some("invoice+json"), Some("JOSE"), inside).unwrap();
        let refused = document::open_then_verify(&text, &ring, &signers, &due).unwrap_err();
        assert_eq!(refused.code, "malformed");
    }
    let untyped = to.encrypt(None, None, CONTENT).unwrap();
    assert_eq!(document::open(&untyped, &ring, &invoice(), MAX_BYTES).unwrap_err().code, "wrong_type");
}

/// Signatures are over the text as it came, not over a header written again.
#[test]
fn another_writers_header_counts_as_it_is() {
    let header = "{\r\n \"typ\" : \"invoice+json\",\"x\":[1],\"kid\":\"k1\", \"alg\":\"HS256\" }";
    let input = input(header, "x");
    let signature = raw(Algorithm::Hs256, SECRET, input.as_bytes());
    let detached = format!("{}..{}", base64url::encode(header), base64url::encode(signature));
    document::verify_detached(&detached, b"x", &keys(&secret()), &due(Algorithm::Hs256)).unwrap();
}
