//! Hostile tokens, part 2: algorithms, key choice and the signatures of asymmetric keys.

use crate::forge::{HEADER, SECRET, World, forge, good, input, raw};
use crate::misuse::{Row, run};
use countersign_token::{Algorithm, Jwk, SigningKey, base64url};

fn header(alg: &str, kid: &str) -> String {
    format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{kid}"}}"#)
}

#[test]
fn algorithm_names() {
    let named =
        |name, alg: &str| (name, forge(HEADER.replace("HS256", alg), good()), "wrong_algorithm", Some("alg"));
    let unsigned = |name, alg: &str| {
        let input = input(HEADER.replace("HS256", alg), good());
        (name, format!("{input}."), "wrong_algorithm", Some("alg"))
    };
    let without_kid = |name, alg: &str| {
        let input = input(format!(r#"{{"alg":"{alg}","typ":"at+jwt"}}"#), good());
        (name, format!("{input}."), "wrong_algorithm", Some("alg"))
    };
    let rows = vec![
        unsigned("none", "none"),
        unsigned("None", "None"),
        unsigned("NONE", "NONE"),
        unsigned("nOnE", "nOnE"),
        unsigned("empty, unsigned", ""),
        without_kid("none without kid", "none"),
        without_kid("HS1 without kid", "HS1"),
        named("none but signed", "none"),
        named("empty", ""),
        named("lower case", "hs256"),
        named("trailing space", "HS256 "),
        named("trailing NUL", r"HS256\u0000"),
        named("HS1", "HS1"),
        named("HS512 under an HS256 key", "HS512"),
        named("RS256 under an HS256 key", "RS256"),
        named("ES256 under an HS256 key", "ES256"),
        named("a key-wrapping name", "A256KW"),
        named("dir", "dir"),
        named("ES256K", "ES256K"),
        named("a list of names", "HS256,none"),
    ];
    run(&World::new(), rows);
}

/// RFC 8725 2.1: a public key taken for an HMAC secret, and keys used under another algorithm.
#[test]
fn algorithm_confusion() {
    let world = World::new();
    let confused = |name: &'static str, alg: &str, kid: &str, secret: &[u8]| -> Row {
        let input = input(header(alg, kid), good());
        let mac = raw(Algorithm::Hs256, &[secret, &[0; 32]].concat(), input.as_bytes());
        (name, format!("{input}.{}", base64url::encode(mac)), "wrong_algorithm", Some("alg"))
    };
    let jwk = |kid| world.key(kid).public_jwk().unwrap();
    let modulus = base64url::decode(jwk("rs").n.unwrap()).unwrap();
    let text = serde_json::to_vec(&jwk("rs")).unwrap();
    let point = base64url::decode(jwk("es").x.unwrap()).unwrap();
    let edwards = base64url::decode(jwk("ed").x.unwrap()).unwrap();
    let under = |name: &'static str, signer: &str, alg: &str, kid: &str| -> Row {
        (name, world.signed_by(signer, &header(alg, kid), &good()), "wrong_algorithm", Some("alg"))
    };
    let rows = vec![
        confused("RSA modulus as secret", "HS256", "rs", &modulus),
        confused("RSA JWK as secret", "HS256", "rs", &text),
        confused("EC point as secret", "HS256", "es", &point),
        confused("Ed25519 key as secret", "HS256", "ed", &edwards),
        confused("empty secret", "HS256", "rs", b""),
        under("PS256 named for an RS256 key", "rs", "PS256", "rs"),
        under("RS512 named for an RS256 key", "rs", "RS512", "rs"),
        under("ES384 named for a P-256 key", "es", "ES384", "es"),
        under("EdDSA named for an EC key", "es", "EdDSA", "es"),
        under("ES256 named for an Ed25519 key", "ed", "ES256", "ed"),
        under("HS256 named for an EC key", "es", "HS256", "es"),
        under("a key whose algorithm is not due", "e3", "ES384", "e3"),
        under("a key of another algorithm by kid", "es", "ES256", "k1"),
    ];
    run(&world, rows);
}

#[test]
fn key_choice() {
    let world = World::new();
    let unknown = |name: &'static str, kid: &str| -> Row {
        (name, forge(HEADER.replace("k1", kid), good()), "unknown_key", Some("kid"))
    };
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap().with_kid("es");
    let from_stranger = |name: &'static str, more: &str| -> Row {
        let header = header("ES256", "es").replace('}', &format!(",{more}}}"));
        let input = input(header, good());
        let signature = raw(Algorithm::Es256, &stranger.private_bytes(), input.as_bytes());
        (name, format!("{input}.{}", base64url::encode(signature)), "bad_signature", None)
    };
    let jwk = serde_json::to_string(&stranger.public_jwk().unwrap()).unwrap();
    let input = input(r#"{"alg":"ES256","typ":"at+jwt"}"#, good());
    let ambiguous = format!("{input}.{}", base64url::encode(world.raw("es", input.as_bytes())));
    let long_kid = "k".repeat(3000);
    let rows = vec![
        unknown("unknown kid", "k2"),
        unknown("empty kid", ""),
        unknown("kid in another case", "K1"),
        unknown("kid with a space", "k1 "),
        unknown("kid with NUL", r"k1\u0000"),
        unknown("kid as path", "../../../../dev/null"),
        unknown("kid as SQL", "x' UNION SELECT 'AAAA"),
        unknown("kid as command", "k1|whoami"),
        unknown("kid as URL", "https://evil.example/key"),
        unknown("very long kid", &long_kid),
        unknown("kid not ASCII", "k1\u{1F511}\u{202E}"),
        ("no kid, two keys fit", ambiguous, "ambiguous_key", Some("kid")),
        from_stranger("another key, known kid", r#""x":1"#),
        from_stranger("jku", r#""jku":"https://evil.example/jwks.json""#),
        from_stranger("x5u", r#""x5u":"https://evil.example/cert.pem""#),
        from_stranger("x5c", r#""x5c":["MIIB"]"#),
        from_stranger("x5t", r#""x5t":"AAAA","x5t#S256":"AAAA""#),
        (
            "jwk of the signer",
            from_stranger("", &format!(r#""jwk":{jwk}"#)).1,
            "forbidden_header",
            Some("jwk"),
        ),
    ];
    run(&world, rows);
}

#[test]
fn signatures_of_asymmetric_keys() {
    let world = World::new();
    let signed = |name: &'static str, alg: &str, kid: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| -> Row {
        let input = input(header(alg, kid), good());
        let signature = change(world.raw(kid, input.as_bytes()));
        (name, format!("{input}.{}", base64url::encode(signature)), "bad_signature", None)
    };
    let es = |name, change: &dyn Fn(Vec<u8>) -> Vec<u8>| signed(name, "ES256", "es", change);
    let ed = |name, change: &dyn Fn(Vec<u8>) -> Vec<u8>| signed(name, "Ed25519", "ed", change);
    let rs = |name, change: &dyn Fn(Vec<u8>) -> Vec<u8>| signed(name, "RS256", "rs", change);
    let (r, s) = (0..32, 32..64);
    let rows = vec![
        es("ECDSA of zeros (CVE-2022-21449)", &|_| vec![0; 64]),
        es("ECDSA r = 0", &|x| [vec![0; 32], x[s.clone()].to_vec()].concat()),
        es("ECDSA s = 0", &|x| [x[r.clone()].to_vec(), vec![0; 32]].concat()),
        es("ECDSA r = n", &|x| [P256_ORDER.to_vec(), x[s.clone()].to_vec()].concat()),
        es("ECDSA s = n", &|x| [x[r.clone()].to_vec(), P256_ORDER.to_vec()].concat()),
        es("ECDSA all ones", &|_| vec![0xff; 64]),
        es("ECDSA halves swapped", &|x| [x[s.clone()].to_vec(), x[r.clone()].to_vec()].concat()),
        es("ECDSA as DER", &|x| der(&x[r.clone()], &x[s.clone()])),
        es("ECDSA with a leading zero", &|x| [vec![0], x].concat()),
        es("ECDSA with a trailing zero", &|x| [x, vec![0]].concat()),
        es("ECDSA one byte less", &|x| x[..63].to_vec()),
        es("ECDSA padded halves", &|x| [&[0], &x[r.clone()], &[0], &x[s.clone()]].concat()),
        es("ECDSA empty", &|_| Vec::new()),
        es("ECDSA of a retired key", &|_| {
            world.raw("es-old", input(header("ES256", "es"), good()).as_bytes())
        }),
        ed("Ed25519 of zeros", &|_| vec![0; 64]),
        ed("Ed25519 one byte less", &|x| x[..63].to_vec()),
        ed("Ed25519 one byte more", &|x| [x, vec![0]].concat()),
        ed("Ed25519 with S + L", &|x| malleable(&x)),
        ed("Ed25519 halves swapped", &|x| [x[s.clone()].to_vec(), x[r.clone()].to_vec()].concat()),
        rs("RSA of zeros", &|x| vec![0; x.len()]),
        rs("RSA of one", &|x| [vec![0; x.len() - 1], vec![1]].concat()),
        rs("RSA with a leading zero", &|x| [vec![0], x].concat()),
        rs("RSA with a trailing zero", &|x| [x, vec![0]].concat()),
        rs("RSA one byte less", &|x| x[1..].to_vec()),
        rs("RSA all ones", &|x| vec![0xff; x.len()]),
        rs("RSA-PSS by an RS256 key", &|_| {
            let stored = world.key("rs").private_bytes();
            raw(Algorithm::Ps256, &stored, input(header("RS256", "rs"), good()).as_bytes())
        }),
        rs("RSA by SHA-512", &|_| {
            let stored = world.key("rs").private_bytes();
            raw(Algorithm::Rs512, &stored, input(header("RS256", "rs"), good()).as_bytes())
        }),
        rs("an HMAC", &|_| raw(Algorithm::Hs256, SECRET, input(header("RS256", "rs"), good()).as_bytes())),
    ];
    run(&world, rows);
}

/// The order of P-256 (FIPS 186-5).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The order of the Ed25519 base point (RFC 8032 5.1), little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The same signature with S + L, which a lax verifier takes (RFC 8032 5.1.7).
fn malleable(signature: &[u8]) -> Vec<u8> {
    let mut out = signature.to_vec();
    let mut carry = 0;
    for (s, l) in out[32..].iter_mut().zip(L) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    out
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |i: &[u8]| {
        let i = [&[0], i].concat();
        [vec![2, u8::try_from(i.len()).unwrap()], i].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

/// Name, the change to a good key set document's member, the code of the error or of the one left out.
#[test]
fn key_documents() {
    use countersign_token::KeySet;
    use serde_json::{Value, json};
    let world = World::new();
    let key = |kid: &str, changes: Value| {
        let mut jwk = serde_json::to_value(world.key(kid).public_jwk().unwrap()).unwrap();
        for (name, value) in changes.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        json!({ "keys": [jwk] })
    };
    let short = base64url::encode([1; 31]);
    let off_curve = base64url::encode([1; 32]);
    let weak = base64url::encode([0xff; 128]);
    let huge = base64url::encode([0xff; 1025]);
    let even = base64url::encode([0xfe; 256]);
    let zero_led = base64url::encode([&[0][..], &[0xff; 256]].concat());
    let errors = vec![
        ("no object", json!([]), "malformed"),
        ("no keys", json!({}), "malformed"),
        ("keys an object", json!({"keys": {}}), "malformed"),
        ("a secret", json!({"keys": [{"kty": "oct", "kid": "x"}]}), "symmetric_key"),
        ("a secret with its k", json!({"keys": [{"kty": "oct", "k": "AAAA"}]}), "symmetric_key"),
        ("private EC", key("es", json!({"d": "AAAA"})), "private_key"),
        ("private RSA factor", key("rs", json!({"p": "AAAA"})), "private_key"),
        ("private member null", key("rs", json!({"qi": null})), "private_key"),
        ("other primes", key("rs", json!({"oth": []})), "private_key"),
        ("private ML-DSA seed", json!({"keys": [{"kty": "AKP", "priv": "AAAA"}]}), "private_key"),
        (
            "kid twice",
            {
                let one = key("es", json!({}))["keys"][0].clone();
                json!({"keys": [one.clone(), one]})
            },
            "duplicate_kid",
        ),
        (
            "kid twice, other types",
            {
                let (one, two) = (key("es", json!({})), key("ed", json!({"kid": "es"})));
                json!({"keys": [one["keys"][0], two["keys"][0]]})
            },
            "duplicate_kid",
        ),
    ];
    for (name, document, code) in errors {
        let error = KeySet::from_jwks(&serde_json::to_vec(&document).unwrap()).unwrap_err();
        assert_eq!(error.code, code, "{name}: {error}");
    }
    let left_out = vec![
        ("encryption", key("rs", json!({"use": "enc"})), "wrong_use"),
        ("unknown use", key("rs", json!({"use": "both"})), "wrong_use"),
        ("wrapping only", key("rs", json!({"key_ops": ["wrapKey"]})), "wrong_use"),
        ("unknown type", json!({"keys": [{"kty": "XYZ", "kid": "x"}]}), "unsupported"),
        ("unknown curve", key("es", json!({"crv": "secp256k1", "alg": "ES256K"})), "unsupported"),
        ("Ed448", key("ed", json!({"crv": "Ed448", "alg": "EdDSA"})), "wrong_algorithm"),
        ("X25519", json!({"keys": [{"kty": "OKP", "crv": "X25519", "x": off_curve}]}), "unsupported"),
        ("algorithm none", key("rs", json!({"alg": "none"})), "unsupported"),
        ("HS256 on an RSA key", key("rs", json!({"alg": "HS256"})), "wrong_algorithm"),
        ("ES384 on P-256", key("es", json!({"alg": "ES384"})), "wrong_algorithm"),
        ("a key that encrypts", key("rs", json!({"alg": "RSA-OAEP-256"})), "unsupported"),
        ("no type", json!({"keys": [{"kid": "x"}]}), "malformed"),
        ("not an object", json!({"keys": ["x"]}), "malformed"),
        ("kid a number", key("es", json!({"kid": 1})), "malformed"),
        ("alg null", key("es", json!({"alg": null})), "malformed"),
        ("x missing", json!({"keys": [{"kty": "EC", "crv": "P-256", "y": off_curve}]}), "malformed"),
        ("x short", key("es", json!({"x": short})), "malformed"),
        ("x long", key("es", json!({"x": base64url::encode([0; 33])})), "malformed"),
        ("x padded", key("ed", json!({"x": format!("{off_curve}=")})), "malformed"),
        ("off the curve", key("es", json!({"x": off_curve, "y": off_curve})), "bad_key"),
        (
            "at infinity",
            key("es", json!({"x": base64url::encode([0; 32]), "y": base64url::encode([0; 32])})),
            "bad_key",
        ),
        ("Ed25519 short", key("ed", json!({"x": short})), "malformed"),
        ("RSA 1024", key("rs", json!({"n": weak})), "weak_key"),
        ("RSA over 8192", key("rs", json!({"n": huge})), "weak_key"),
        ("RSA even", key("rs", json!({"n": even})), "bad_key"),
        ("RSA with a leading zero", key("rs", json!({"n": zero_led})), "malformed"),
        ("RSA empty modulus", key("rs", json!({"n": ""})), "malformed"),
        ("RSA exponent 1", key("rs", json!({"e": "AQ"})), "bad_key"),
        ("RSA exponent 2", key("rs", json!({"e": "Ag"})), "bad_key"),
        ("RSA exponent 0", key("rs", json!({"e": "AA"})), "malformed"),
        ("RSA exponent huge", key("rs", json!({"e": base64url::encode([0xff; 32])})), "bad_key"),
    ];
    for (name, document, code) in left_out {
        let (keys, out) = KeySet::from_jwks(&serde_json::to_vec(&document).unwrap())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((keys.len(), out.len()), (0, 1), "{name}");
        assert_eq!(out[0].code, code, "{name}: {}", out[0]);
    }
    for text in
        [r#"{"keys":[],"keys":[]}"#, r#"{"keys":[{"kty":"EC","kty":"RSA"}]}"#, r#"{"keys":[]}x"#, "", "{"]
    {
        assert_eq!(KeySet::from_jwks(text.as_bytes()).unwrap_err().code, "malformed", "{text}");
    }
    let private: Result<Jwk, _> = serde_json::from_str(r#"{"kty":"EC","crv":"P-256","d":"AAAA"}"#);
    assert!(private.unwrap_err().to_string().contains("private"));
}
