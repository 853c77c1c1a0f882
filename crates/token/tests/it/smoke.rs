//! The fuzz targets' work on a stable compiler: a bounded number of seeded mutations of good documents.

use crate::forge::{HEADER, NOW, World, forge, good, plus};
use countersign_token::{AccessToken, KeySet, SigningKey, base64url, dangerous, verify};

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
