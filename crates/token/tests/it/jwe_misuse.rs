//! Hostile messages. A row is a name, the message, and how it is refused. What the engine's own sender would
//! never make is made with the provider's primitives: any header, a good tag.

use crate::jwe::{TEXT, key, open};
use countersign_token::algorithm::Curve;
use countersign_token::base64url;
use countersign_token::jwe::{
    self, ContentEncryption as Enc, DecryptionKey, DecryptionKeys, Exchange, KeyManagement as Alg, Kind,
};
use countersign_token::provider::jwe::Cipher;
use countersign_token::provider::{AwsLc, PublicKey};
use serde_json::{Value, json};

const SECRET: &[u8; 32] = b"a content key of thirty-two byte";
const HEADER: &str = r#"{"alg":"dir","enc":"A256GCM","kid":"k1"}"#;

fn secret() -> DecryptionKey {
    DecryptionKey::from_private_bytes(Kind::Secret(Enc::A256Gcm), SECRET).unwrap().with_kid("k1")
}

/// A message under the shared secret, with any header.
fn forge(header: impl AsRef<[u8]>, text: &[u8]) -> String {
    seal(header, Enc::A256Gcm, SECRET, "", text)
}

fn seal(header: impl AsRef<[u8]>, enc: Enc, key: &[u8], encrypted_key: &str, text: &[u8]) -> String {
    let header = base64url::encode(header);
    let iv = vec![1; enc.iv_bytes()];
    let (text, tag) = AwsLc.encrypt(enc, key, &iv, header.as_bytes(), text).unwrap();
    let [iv, text, tag] = [&iv[..], &text, &tag].map(base64url::encode);
    format!("{header}.{encrypted_key}.{iv}.{text}.{tag}")
}

/// Name, message, code, parameter.
type Row = (&'static str, String, &'static str, Option<&'static str>);

fn run(key: &DecryptionKey, rows: Vec<Row>) {
    let mut wrong = Vec::new();
    for (name, token, code, claim) in rows {
        match open(&token, key) {
            Ok(_) => wrong.push(format!("{name}: opened")),
            Err(e) if (e.code, e.claim) != (code, claim) => {
                wrong.push(format!("{name}: due {code} {claim:?}, came {e} {:?}", e.claim));
            }
            Err(e) => {
                let told = e.to_string();
                if told.len() > 300 || told.chars().any(|c| c.is_control() || !c.is_ascii()) {
                    wrong.push(format!("{name}: says too much: {told}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn encodings() {
    let good = forge(HEADER, TEXT);
    assert_eq!(*open(&good, &secret()).unwrap().plaintext, TEXT);
    let [h, k, iv, c, t] = <[&str; 5]>::try_from(good.split('.').collect::<Vec<_>>()).unwrap();
    let malformed = |name, token: String| -> Row { (name, token, "malformed", None) };
    let with = |parts: [&str; 5]| parts.join(".");
    let short = base64url::encode([1; 11]);
    let rows = vec![
        malformed("empty", String::new()),
        malformed("three parts, as JWS", format!("{h}.{c}.{t}")),
        malformed("four parts", format!("{h}.{iv}.{c}.{t}")),
        malformed("six parts", format!("{good}.{t}")),
        malformed("only dots", "....".to_owned()),
        malformed("JSON serialisation", format!(r#"{{"protected":"{h}","ciphertext":"{c}"}}"#)),
        malformed("padded header", with([&format!("{h}="), k, iv, c, t])),
        malformed("padded iv", with([h, k, &format!("{iv}="), c, t])),
        malformed("padded tag", format!("{good}=")),
        malformed("standard alphabet", with([h, k, iv, &format!("+{}", &c[1..]), t])),
        malformed("leading space", format!(" {good}")),
        malformed("trailing newline", format!("{good}\n")),
        malformed("not ASCII", with([h, k, iv, &format!("é{c}"), t])),
        malformed("no iv", with([h, k, "", c, t])),
        malformed("a short iv", with([h, k, &short, c, t])),
        malformed("an iv of CBC", with([h, k, &base64url::encode([1; 16]), c, t])),
        malformed("no tag", with([h, k, iv, c, ""])),
        malformed("a short tag", with([h, k, iv, c, &base64url::encode([1; 12])])),
        malformed("a long tag", with([h, k, iv, c, &base64url::encode([1; 17])])),
        malformed("an encrypted key with dir", with([h, &base64url::encode([1; 40]), iv, c, t])),
        ("over 64 KiB", forge(HEADER, &vec![b'x'; 50 * 1024]), "too_large", None),
        (
            "header over 8 KiB",
            forge(HEADER.replace('}', &format!(r#","x":"{}"}}"#, "x".repeat(8 * 1024))), TEXT),
            "too_large",
            None,
        ),
    ];
    run(&secret(), rows);
    assert!(jwe::decrypt(&good, &DecryptionKeys::new([secret()]), good.len()).is_ok());
    let error = jwe::decrypt(&good, &DecryptionKeys::new([secret()]), good.len() - 1).unwrap_err();
    assert_eq!(error.code, "too_large");
}

#[test]
fn headers() {
    let plus = |more: &str| HEADER.replace('}', &format!(",{more}}}"));
    let row = |name, header: &str, code, claim| -> Row { (name, forge(header, TEXT), code, claim) };
    let forbidden = |name, more: &str, claim| row(name, &plus(more), "forbidden_header", Some(claim));
    let malformed = |name, header: &str, claim| row(name, header, "malformed", claim);
    let alg = |name, alg: &str| row(name, &HEADER.replace("dir", alg), "wrong_algorithm", Some("alg"));
    let enc = |name, enc: &str| row(name, &HEADER.replace("A256GCM", enc), "wrong_algorithm", Some("enc"));
    let rows = vec![
        malformed("not JSON", "dir", None),
        malformed("array", "[]", None),
        malformed("trailing data", &format!("{HEADER}x"), None),
        malformed("duplicate alg", r#"{"alg":"dir","alg":"dir","enc":"A256GCM","kid":"k1"}"#, None),
        malformed("duplicate by escape", r#"{"alg":"dir","\u0061lg":"x","enc":"A256GCM","kid":"k1"}"#, None),
        malformed("duplicate deep inside", &plus(r#""x":[{"y":1,"y":2}]"#), None),
        malformed("no alg", r#"{"enc":"A256GCM","kid":"k1"}"#, Some("alg")),
        malformed("no enc", r#"{"alg":"dir","kid":"k1"}"#, Some("enc")),
        malformed("alg a number", r#"{"alg":1,"enc":"A256GCM","kid":"k1"}"#, Some("alg")),
        malformed("enc null", r#"{"alg":"dir","enc":null,"kid":"k1"}"#, Some("enc")),
        malformed("kid a number", r#"{"alg":"dir","enc":"A256GCM","kid":1}"#, Some("kid")),
        malformed("typ an array", &plus(r#""typ":["JWT"]"#), Some("typ")),
        malformed("cty null", &plus(r#""cty":null"#), Some("cty")),
        malformed("epk a string", &plus(r#""epk":"x""#), Some("epk")),
        malformed("apu padded", &plus(r#""apu":"YQ==""#), Some("apu")),
        malformed("apv a number", &plus(r#""apv":1"#), Some("apv")),
        forbidden("crit of a known name", r#""crit":["exp"]"#, "crit"),
        forbidden("crit of an unknown name", r#""crit":["acme"],"acme":1"#, "crit"),
        forbidden("crit empty", r#""crit":[]"#, "crit"),
        forbidden("crit null", r#""crit":null"#, "crit"),
        forbidden("zip", r#""zip":"DEF""#, "zip"),
        forbidden("zip null", r#""zip":null"#, "zip"),
        forbidden("b64", r#""b64":false"#, "b64"),
        forbidden("jwk", r#""jwk":{}"#, "jwk"),
        alg("none", "none"),
        alg("empty", ""),
        alg("RSA1_5", "RSA1_5"),
        alg("RSA-OAEP with SHA-1", "RSA-OAEP"),
        alg("a password", "PBES2-HS256+A128KW"),
        alg("A128KW", "A128KW"),
        alg("A256GCMKW", "A256GCMKW"),
        alg("lower case", "DIR"),
        alg("another algorithm of the table", "ECDH-ES"),
        alg("RSA for a secret", "RSA-OAEP-256"),
        alg("a signature's", "HS256"),
        enc("a longer one", "A256CBC-HS512"),
        enc("A128GCM under a key for A256GCM", "A128GCM"),
        enc("A128CBC-HS256 under a key for A256GCM", "A128CBC-HS256"),
        enc("none", "none"),
        enc("lower case", "a256gcm"),
        row("unknown kid", &HEADER.replace("k1", "k2"), "unknown_key", Some("kid")),
        row("kid in another case", &HEADER.replace("k1", "K1"), "unknown_key", Some("kid")),
    ];
    run(&secret(), rows);
    for fine in [
        HEADER.replace(r#","kid":"k1""#, ""),
        plus(r#""jku":"https://evil.example","x5u":"https://evil.example","x5c":["MIIB"],"x":{"y":[1]}"#),
        plus(r#""typ":"JWT","cty":"JWT""#),
    ] {
        assert_eq!(*open(&forge(fine, TEXT), &secret()).unwrap().plaintext, TEXT);
    }
    let two = DecryptionKeys::new([secret(), key(Kind::Secret(Enc::A256Gcm))]);
    let unnamed = forge(HEADER.replace(r#","kid":"k1""#, ""), TEXT);
    assert_eq!(jwe::decrypt(&unnamed, &two, jwe::MAX_BYTES).unwrap_err().code, "ambiguous_key");
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    base64url::encode(bytes)
}

/// A message to the key as a hostile sender makes it: any `epk`, the content key of any shared secret.
fn agreed(to: &DecryptionKey, epk: &Value, secret: &[u8], encrypted_key: &str) -> String {
    let enc = Enc::A256Gcm;
    let alg = to.algorithm();
    let header = json!({"alg": alg.name(), "enc": enc.name(), "kid": to.kid(), "epk": epk}).to_string();
    let name = if alg == Alg::EcdhEs { enc.name() } else { alg.name() };
    let mut info = Vec::new();
    for part in [name.as_bytes(), b"", b""] {
        info.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        info.extend(part);
    }
    info.extend(256_u32.to_be_bytes());
    let key = AwsLc.derive(secret, &info, 32).unwrap();
    seal(header, enc, &key, encrypted_key, TEXT)
}

#[test]
fn sender_keys() {
    let (p256, p384) = (key(Kind::Ec(Curve::P256, Alg::EcdhEs)), key(Kind::Ec(Curve::P384, Alg::EcdhEs)));
    let own = p256.public_jwk().unwrap();
    let (x, y) = (own.x.clone().unwrap(), own.y.clone().unwrap());
    let to = |epk: Value| agreed(&p256, &epk, b"whatever", "");
    let malformed = |name, epk: Value| -> Row { (name, to(epk), "malformed", Some("epk")) };
    let failed = |name, epk: Value| -> Row { (name, to(epk), "decryption_failed", None) };
    let ec = |crv: &str, x: &str, y: &str| json!({"kty": "EC", "crv": crv, "x": x, "y": y});
    let other = p384.public_jwk().unwrap();
    // On y^2 = x^3 - 3x + b' of another b': the point (1, 1), and one bit off a good point.
    let one = {
        let mut one = [0; 32];
        one[31] = 1;
        b64(&one)
    };
    let bent = {
        let mut y = base64url::decode(&y).unwrap();
        y[31] ^= 1;
        b64(&y)
    };
    let rows = vec![
        malformed("no members", json!({})),
        malformed("null", json!(null)),
        malformed("a private member", json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "d": x})),
        malformed(
            "a private member of another type",
            json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "k": x}),
        ),
        malformed("a private member null", json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "d": null})),
        malformed("another curve", ec("P-384", other.x.as_deref().unwrap(), other.y.as_deref().unwrap())),
        malformed("another curve's name", ec("P-384", &x, &y)),
        malformed("another type's name", json!({"kty": "OKP", "crv": "P-256", "x": x, "y": y})),
        malformed("another curve's coordinates", ec("P-256", other.x.as_deref().unwrap(), &y)),
        malformed("X25519", json!({"kty": "OKP", "crv": "X25519", "x": x})),
        malformed("Ed25519", json!({"kty": "OKP", "crv": "Ed25519", "x": x})),
        malformed("a secret", json!({"kty": "oct", "k": x})),
        malformed("RSA", json!({"kty": "RSA", "n": x, "e": "AQAB"})),
        malformed("no y", json!({"kty": "EC", "crv": "P-256", "x": x})),
        malformed("a short coordinate", ec("P-256", &b64(&[1; 31]), &y)),
        malformed("a long coordinate", ec("P-256", &b64(&[&[0][..], &[1; 32]].concat()), &y)),
        malformed("a padded coordinate", ec("P-256", &format!("{x}="), &y)),
        failed("off the curve", ec("P-256", &one, &one)),
        failed("a bit off the curve", ec("P-256", &x, &bent)),
        failed("at infinity", ec("P-256", &b64(&[0; 32]), &b64(&[0; 32]))),
        failed("over the field's prime", ec("P-256", &b64(&[0xff; 32]), &y)),
        (
            "an encrypted key",
            agreed(&p256, &ec("P-256", &x, &y), b"whatever", &b64(&[1; 40])),
            "malformed",
            None,
        ),
    ];
    run(&p256, rows);
    let without = forge(format!(r#"{{"alg":"ECDH-ES","enc":"A256GCM","kid":"{}"}}"#, p256.kid()), TEXT);
    run(&p256, vec![("no epk", without, "malformed", Some("epk"))]);
}

/// RFC 7748 6.1, RFC 8037 3.2: a sender's key of small order makes every shared secret zero, which the
/// sender knows too. The message is encrypted under exactly that secret, so only the check refuses it.
#[test]
fn small_order() {
    let to = key(Kind::X25519(Alg::EcdhEs));
    let small: [[u8; 32]; 4] = [
        [0; 32],
        {
            let mut one = [0; 32];
            one[0] = 1;
            one
        },
        // RFC 7748 has no list; these are the points of order 8 (https://cr.yp.to/ecdh.html#validate).
        [
            0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
            0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
        ],
        [
            0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
            0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
        ],
    ];
    for x in small {
        let epk = json!({"kty": "OKP", "crv": "X25519", "x": b64(&x)});
        let error = open(&agreed(&to, &epk, &[0; 32], ""), &to).unwrap_err();
        assert_eq!(error.code, "decryption_failed");
        let holder = AwsLc.holder(Exchange::X25519, None).unwrap().key;
        assert!(holder.agree(&PublicKey::X25519(x.to_vec())).is_none());
    }
    // The same forger, with an honest key: this is how a message is made, and it opens.
    let public = PublicKey::X25519(base64url::decode(to.public_jwk().unwrap().x.unwrap()).unwrap());
    let (epk, secret) = AwsLc.peer(Exchange::X25519, &public).unwrap().agree().unwrap();
    let PublicKey::X25519(x) = epk else { unreachable!() };
    let epk = json!({"kty": "OKP", "crv": "X25519", "x": b64(&x)});
    assert_eq!(*open(&agreed(&to, &epk, &secret, ""), &to).unwrap().plaintext, TEXT);
}

/// An encrypted key that does not unwrap, for every reason: one error, the same as for an altered text.
#[test]
fn encrypted_keys() {
    for kind in [Kind::Rsa, Kind::Ec(Curve::P256, Alg::EcdhEsA256Kw), Kind::X25519(Alg::EcdhEsA256Kw)] {
        let key = key(kind);
        let token = key.encryption_key().unwrap().encrypt(None, None, TEXT).unwrap();
        let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        let good = base64url::decode(&parts[1]).unwrap();
        let altered = {
            parts[3] = b64(b"an altered text");
            open(&parts.join("."), &key).unwrap_err()
        };
        let mut wrapped = vec![
            Vec::new(),
            vec![0],
            vec![0; good.len()],
            vec![0xff; good.len()],
            good[1..].to_vec(),
            [&[0][..], &good].concat(),
            [&good[..], &[0; 8]].concat(),
            [&good[..], &good].concat(),
        ];
        if kind == Kind::Rsa {
            let jwk = key.public_jwk().unwrap();
            let integer = |text: Option<String>| base64url::decode(text.unwrap()).unwrap();
            let public = PublicKey::Rsa { n: integer(jwk.n), e: integer(jwk.e) };
            let recipient = AwsLc.wrap(&public).unwrap();
            // Good padding around a content key of the wrong length.
            wrapped.extend([&[][..], &[1; 16], &[1; 31], &[1; 33]].map(|key| recipient.wrap(key).unwrap()));
        }
        for wrapped in wrapped {
            parts[1] = b64(&wrapped);
            assert_eq!(open(&parts.join("."), &key).unwrap_err(), altered, "{} bytes", wrapped.len());
        }
    }
}

/// CBC-HMAC: what only padding could tell, the tag refuses first. Padding that is wrong under a good tag can
/// only be made by who has the key, and is the same error.
#[test]
fn padding_tells_nothing() {
    let key =
        DecryptionKey::from_private_bytes(Kind::Secret(Enc::A128CbcHs256), SECRET).unwrap().with_kid("k1");
    let header = HEADER.replace("A256GCM", "A128CBC-HS256");
    let good = seal(&header, Enc::A128CbcHs256, SECRET, "", TEXT);
    assert_eq!(*open(&good, &key).unwrap().plaintext, TEXT);
    let parts: Vec<_> = good.split('.').collect();
    let altered = open(&good.replace(parts[3], &b64(&[1; 16])), &key).unwrap_err();
    assert_eq!(altered.code, "decryption_failed");
    for text in [vec![], vec![1], vec![1; 15], vec![1; 17], vec![1; 32]] {
        let error = open(&good.replace(parts[3], &b64(&text)), &key).unwrap_err();
        assert_eq!(error, altered);
    }
}
