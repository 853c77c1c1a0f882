//! The fuzz targets' work on a stable compiler: a bounded number of seeded mutations of good documents.

use crate::forge::{HEADER, NOW, SECRET, World, forge, good, plus, policy};
use countersign_token::document::{self, DocumentType};
use countersign_token::jwe::{
    ContentEncryption as Enc, DecryptionKey, DecryptionKeys, KeyManagement, Kind, MAX_BYTES, decrypt,
};
use countersign_token::material::Material;
use countersign_token::provider::AwsLc;
use countersign_token::provider::jwe::Cipher;
use countersign_token::{AccessToken, Algorithm, KeySet, SigningKey, base64url, dangerous, nested, verify};

/// SplitMix64: a seeded stream, the same in every run.
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>, words: &[&[u8]]) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let to = (at + self.below(12)).min(bytes.len());
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 => drop(bytes.drain(at..to)),
                2 => {
                    let word = words[self.below(words.len())];
                    bytes.splice(at..at, word.iter().copied());
                }
                3 => {
                    let copy = bytes[at..to].to_vec();
                    bytes.splice(at..at, copy);
                }
                4 => bytes.truncate(at),
                _ => bytes.insert(at, u8::try_from(self.next() & 0xff).unwrap()),
            }
        }
    }
}

const WORDS: [&[u8]; 16] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\u0061",
    b"\\ud800",
    b"null",
    b"-1",
    b"1e999",
    b",\"exp\":1",
    b",\"alg\":\"none\"",
    b",\"crit\":[]",
    b"=",
    b".",
    b"\xff",
];

#[test]
fn mutated_tokens() {
    let world = World::new();
    let mut stream = Stream(1);
    let corpus =
        [(HEADER, good()), (HEADER, plus(r#""cnf":{"jkt":"a"},"x":[1,-2,3.5e1,true,null,"\u00e9"]"#))];
    let mut accepted = 0;
    for round in 0..30_000 {
        let (header, claims) = &corpus[round % corpus.len()];
        let (mut header, mut claims) = (header.as_bytes().to_vec(), claims.clone().into_bytes());
        // Below the signature, above it, and the text itself.
        let token = match round % 3 {
            0 => {
                stream.mutate(&mut claims, &WORDS);
                forge(&header, &claims)
            }
            1 => {
                stream.mutate(&mut header, &WORDS);
                forge(&header, &claims)
            }
            _ => {
                let mut bytes = forge(&header, &claims).into_bytes();
                stream.mutate(&mut bytes, &WORDS);
                String::from_utf8_lossy(&bytes).into_owned()
            }
        };
        let typed = verify::<AccessToken>(&token, &world.keys, &world.policy, NOW);
        let dynamic = world.judge(&token);
        if typed.is_ok() {
            assert!(dynamic.is_ok(), "accepted by type and refused without: {token}");
        }
        if let Ok(read) = dynamic {
            // serde_json is laxer: it must agree on everything accepted here.
            let text = base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&text).unwrap(), read);
            assert!(dangerous::decode(&token).is_ok());
            accepted += 1;
        }
    }
    assert!(accepted > 500, "the mutations must also leave good tokens: {accepted}");
}

#[test]
fn mutated_key_sets() {
    let jwks: Vec<_> = ["es", "ed", "rs"].map(|kid| World::new().key(kid).public_jwk().unwrap()).into();
    let document = serde_json::to_vec(&serde_json::json!({ "keys": jwks })).unwrap();
    let private = br#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    SigningKey::from_private_jwk(private, None).unwrap();
    let mut stream = Stream(2);
    for _ in 0..6_000 {
        let mut bytes = document.clone();
        stream.mutate(&mut bytes, &WORDS);
        if let Ok((keys, left_out)) = KeySet::from_jwks(&bytes) {
            let read: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(keys.len() + left_out.len(), read["keys"].as_array().unwrap().len());
        }
        let mut bytes = private.to_vec();
        stream.mutate(&mut bytes, &WORDS);
        let _ = SigningKey::from_private_jwk(&bytes, None);
    }
}

/// Header and content below the tag, the text above it.
#[test]
fn mutated_messages() {
    let secret =
        DecryptionKey::from_private_bytes(Kind::Secret(Enc::A256Gcm), SECRET).unwrap().with_kid("k1");
    let inbox = crate::jwe::key(Kind::X25519(KeyManagement::EcdhEsA256Kw));
    let to = inbox.encryption_key().unwrap();
    let keys = DecryptionKeys::new([secret, inbox]);
    let typ = DocumentType::new("letter").unwrap();
    let due = document::Policy::new(&typ, &[Algorithm::Hs256]);
    let (world, policy) = (World::new(), policy(&[Algorithm::Hs256]).encrypted_to(keys.clone()));
    let signed = document::sign(&document::Draft::new(&typ, b"x"), world.key("k1")).unwrap();
    let corpus = [
        (
            r#"{"alg":"dir","enc":"A256GCM","kid":"k1","typ":"letter","x":[1,null,{"y":"\u00e9"}]}"#,
            "x".to_owned(),
        ),
        (r#"{"alg":"dir","enc":"A256GCM","kid":"k1","typ":"letter","cty":"JOSE"}"#, signed),
        (r#"{"alg":"dir","enc":"A256GCM","kid":"k1","cty":"JWT"}"#, forge(HEADER, good())),
    ];
    let sealed = |header: &[u8], text: &[u8]| {
        let header = base64url::encode(header);
        let (text, tag) = AwsLc.encrypt(Enc::A256Gcm, SECRET, &[1; 12], header.as_bytes(), text).unwrap();
        format!(
            "{header}..{}.{}.{}",
            base64url::encode([1; 12]),
            base64url::encode(text),
            base64url::encode(tag)
        )
    };
    let mut stream = Stream(3);
    let mut opened = [0; 4];
    for round in 0..20_000 {
        let (header, text) = &corpus[round % corpus.len()];
        let (mut header, mut text) = (header.as_bytes().to_vec(), text.clone().into_bytes());
        let token = match round / corpus.len() % 4 {
            0 => {
                stream.mutate(&mut header, &WORDS);
                sealed(&header, &text)
            }
            1 => {
                stream.mutate(&mut text, &WORDS);
                sealed(&header, &text)
            }
            2 => {
                let mut bytes = sealed(&header, &text).into_bytes();
                stream.mutate(&mut bytes, &WORDS);
                String::from_utf8_lossy(&bytes).into_owned()
            }
            // An agreement costs more: one in ten.
            _ if round % 10 != 0 => continue,
            _ => {
                let mut bytes = to.encrypt(Some("letter"), None, &text).unwrap().into_bytes();
                stream.mutate(&mut bytes, &WORDS);
                String::from_utf8_lossy(&bytes).into_owned()
            }
        };
        if let Ok(read) = decrypt(&token, &keys, MAX_BYTES) {
            let header = base64url::decode(token.split('.').next().unwrap()).unwrap();
            let laxer: serde_json::Value = serde_json::from_slice(&header).unwrap();
            assert_eq!(laxer["enc"].as_str(), Some(read.enc.name()));
            opened[0] += 1;
        }
        opened[1] += usize::from(document::open(&token, &keys, &typ, MAX_BYTES).is_ok());
        opened[2] += usize::from(document::open_then_verify(&token, &keys, &world.keys, &due).is_ok());
        opened[3] += usize::from(nested::verify::<AccessToken>(&token, &world.keys, &policy, NOW).is_ok());
    }
    assert!(
        opened.into_iter().all(|count| count > 40),
        "the mutations must also leave good ones: {opened:?}"
    );
}

#[test]
fn mutated_key_files() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/openssl_keys.json")).unwrap();
    let mut stream = Stream(4);
    let mut read = 0;
    for name in ["P-256", "X25519", "RSA"] {
        for form in ["pkcs8", "spki", "sec1", "jwk"] {
            let text = match &vectors[name][form] {
                serde_json::Value::String(pem) => pem.clone(),
                serde_json::Value::Null => continue,
                jwk => jwk.to_string(),
            };
            for _ in 0..200 {
                let mut bytes = text.clone().into_bytes();
                stream.mutate(&mut bytes, &WORDS);
                if let Ok(key) = Material::read(&String::from_utf8_lossy(&bytes)) {
                    key.to_pem().unwrap();
                    read += 1;
                }
            }
        }
    }
    assert!(read > 20, "the mutations must also leave good ones: {read}");
}
