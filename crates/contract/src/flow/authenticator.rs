//! A software authenticator and the browser in front of it, for WebAuthn flows: honest by default, and every
//! part can be made to lie. Written from WebAuthn Level 3 (6.1, 6.5.1, 5.8.1) and RFC 9052, 9053.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use countersign_token::base64url;
use serde_json::{Value, json};

/// Flags of authenticator data (WebAuthn 6.1).
pub mod flag {
    /// User present.
    pub const UP: u8 = 0x01;
    /// User verified.
    pub const UV: u8 = 0x04;
    /// Backup eligible.
    pub const BE: u8 = 0x08;
    /// Backed up.
    pub const BS: u8 = 0x10;
    /// Attested credential data follow.
    pub const AT: u8 = 0x40;
}

/// A key of an authenticator.
pub struct Key {
    pair: EcdsaKeyPair,
    /// Credential id.
    pub id: Vec<u8>,
    /// User handle; `None`: not discoverable.
    pub handle: Option<Vec<u8>>,
    /// Signature counter of the last use.
    pub counter: u32,
    /// What a use adds to it; 0: there is none.
    pub step: u32,
    /// Flags of every answer.
    pub flags: u8,
}

/// What the browser says of the page; a test changes what it is about.
#[derive(Clone)]
pub struct Page {
    /// `clientDataJSON.origin`.
    pub origin: String,
    /// What the rpId hash is made of.
    pub rp: String,
    /// `clientDataJSON.type`; `None`: the right one.
    pub kind: Option<&'static str>,
    /// Another challenge than the one asked for.
    pub challenge: Option<String>,
    /// More members of `clientDataJSON`.
    pub more: Value,
}

impl Page {
    /// Of the issuer at this origin.
    pub fn of(origin: &str, rp: &str) -> Self {
        Self { origin: origin.to_owned(), rp: rp.to_owned(), kind: None, challenge: None, more: json!({}) }
    }

    fn client_data(&self, options: &Value, kind: &str) -> Vec<u8> {
        let asked = options["publicKey"]["challenge"].as_str().unwrap();
        let mut data = json!({
            "type": self.kind.unwrap_or(kind),
            "challenge": self.challenge.as_deref().unwrap_or(asked),
            "origin": self.origin,
            "crossOrigin": false,
        });
        for (name, value) in self.more.as_object().unwrap() {
            data[name] = value.clone();
        }
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, flags: u8, counter: u32) -> Vec<u8> {
        let mut out = digest(&SHA256, self.rp.as_bytes()).as_ref().to_vec();
        out.push(flags);
        out.extend_from_slice(&counter.to_be_bytes());
        out
    }
}

/// CBOR (RFC 8949) of a byte or text string's head, of lengths below 65,536.
fn head(kind: u8, length: usize) -> Vec<u8> {
    let length = u16::try_from(length).unwrap();
    let [high, low] = length.to_be_bytes();
    match length {
        0..24 => vec![kind << 5 | low],
        24..256 => vec![kind << 5 | 24, low],
        _ => vec![kind << 5 | 25, high, low],
    }
}

fn bytes(content: &[u8]) -> Vec<u8> {
    [head(2, content.len()), content.to_vec()].concat()
}

fn text(content: &str) -> Vec<u8> {
    [head(3, content.len()), content.as_bytes().to_vec()].concat()
}

impl Key {
    /// Makes a key for these registration options; discoverable, verifying its user, backed up, without a
    /// counter, as passkeys of phones are. Answers it and what the browser posts.
    pub fn create(options: &Value, page: &Page, flags: u8) -> (Self, Value) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let handle = base64url::decode(options["publicKey"]["user"]["id"].as_str().unwrap());
        let id = digest(&SHA256, pair.public_key().as_ref()).as_ref().to_vec();
        let key = Self { pair, id, handle, counter: 0, step: 0, flags };
        let posted = key.attest(options, page);
        (key, posted)
    }

    /// Registers itself, again perhaps.
    pub fn attest(&self, options: &Value, page: &Page) -> Value {
        let point = self.pair.public_key().as_ref();
        // RFC 9053 7.1.1: EC2, ES256, P-256.
        let cose = [
            &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21][..],
            &bytes(&point[1..33]),
            &[0x22],
            &bytes(&point[33..65]),
        ]
        .concat();
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data = [
            &page.authenticator_data(self.flags | flag::AT, self.counter)[..],
            &[0; 16],
            &length,
            &self.id,
            &cose,
        ]
        .concat();
        let object = [
            vec![0xa3],
            text("fmt"),
            text("none"),
            text("attStmt"),
            vec![0xa0],
            text("authData"),
            bytes(&data),
        ]
        .concat();
        let id = base64url::encode(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key",
            "response": {
                "attestationObject": base64url::encode(object),
                "clientDataJSON": base64url::encode(page.client_data(options, "webauthn.create")),
                "transports": ["internal", "hybrid", "of the future"],
            },
            "clientExtensionResults": { "credProps": { "rk": self.handle.is_some() } },
        })
    }

    /// Answers a challenge.
    pub fn answer(&mut self, options: &Value, page: &Page) -> Value {
        self.counter += self.step;
        let client_data = page.client_data(options, "webauthn.get");
        let data = page.authenticator_data(self.flags, self.counter);
        let signed = [&data[..], digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        let id = base64url::encode(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key",
            "response": {
                "authenticatorData": base64url::encode(data),
                "clientDataJSON": base64url::encode(client_data),
                "signature": base64url::encode(signature.as_ref()),
                "userHandle": self.handle.as_deref().map(base64url::encode),
            },
            "clientExtensionResults": {},
        })
    }
}
