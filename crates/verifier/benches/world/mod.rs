//! An issuer in a folder: what a verifier would fetch lies in files.

use async_trait::async_trait;
use aws_lc_rs::signature::{self as sig, KeyPair, ParsedPublicKey};
use bytes::Bytes;
use countersign_feed::head::FeedId;
use countersign_feed::rule::Salt;
use countersign_feed::{Chain, Cutoff, Head, Kind, Metadata, Rule, SnapRef, Snapshot, Staleness};
use countersign_token::provider::{DEFAULT, Provider};
use countersign_token::{AccessToken, Algorithm, Audience, JwkSet, SigningKey, base64url};
use countersign_verifier::{Builder, Clock, Fetch, FetchError, SystemClock, Verifier};
use serde_json::{Value, json};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use url::Url;

const ISSUER: &str = "https://id.countersign.example/realms/main";
const AUDIENCE: &str = "https://api.countersign.example/orders";
const FEED: FeedId = FeedId([7; 16]);
const SALT: Salt = Salt([9; 16]);
const DAY: Duration = Duration::from_secs(86_400);

/// Documents by the last part of their address.
struct Folder(PathBuf, String);

#[async_trait]
impl Fetch for Folder {
    async fn get(&self, url: &Url, _: usize) -> Result<Bytes, FetchError> {
        let name = url.path().rsplit('/').next().unwrap_or_default();
        let found = match name {
            "openid-configuration" => Ok(metadata(self.0.join("head").exists()).to_string().into_bytes()),
            "jwks" => Ok(self.1.clone().into_bytes()),
            other => std::fs::read(self.0.join(other)),
        };
        found.map(Bytes::from).map_err(|_| FetchError::Status(404))
    }
}

fn metadata(with_feed: bool) -> Value {
    let mut document = json!({ "issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks") });
    if with_feed {
        document["revocation_feed"] = format!("{ISSUER}/revocation-feed").into();
    }
    document
}

fn now() -> i64 {
    SystemClock::new().now().seconds()
}

/// A snapshot of so many live rules, of every kind a token is asked about, and the head that names it.
pub(crate) fn write_rules(count: usize) -> TempDir {
    let folder = TempDir::new().unwrap();
    let until = u32::try_from(now() + 86_400).unwrap();
    let kinds = [Kind::Cid, Kind::Sub, Kind::Sid, Kind::Jti];
    let rule = |n: usize| {
        let kind = kinds[n % kinds.len()];
        Rule { kind, h: SALT.name(kind, ISSUER, &format!("revoked-{n}")), cutoff: Cutoff::ALWAYS, until }
    };
    let mut rules: Vec<Rule> = (0..count).map(rule).collect();
    rules.sort_by_key(|rule| (rule.kind, rule.h));
    let (seq, chain) = (count as u64, Chain([5; 32]));
    let bytes = Snapshot { feed: FEED, epoch: 1, seq, chain, rules }.bytes();
    let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let head = Head {
        iss: ISSUER.to_owned(),
        aud: Head::audience(ISSUER),
        feed: FEED,
        epoch: 1,
        seq,
        as_of: now() * 1000,
        chain,
        snap: Some(SnapRef { seq, url: format!("{ISSUER}/snapshot"), sha256: Chain(DEFAULT.sha256(&bytes)) }),
        salt: SALT,
        hb_ms: 500,
        policy: Staleness::default(),
        jwks: None,
        next_key: None,
        exp: now() + 86_400,
    };
    let at = |name: &str| format!("{ISSUER}/{name}");
    let feed = Metadata {
        issuer: ISSUER.to_owned(),
        feed: FEED,
        keys: vec![key.public_jwk().unwrap()],
        head_endpoint: at("head"),
        log_endpoint: at("log"),
        snapshot_endpoint: at("snapshot"),
        stream_endpoint: at("stream"),
        ack_endpoint: at("ack"),
    };
    for (name, bytes) in [
        ("snapshot", bytes),
        ("head", head.sign(&key).unwrap().into_bytes()),
        ("revocation-feed", serde_json::to_vec(&feed).unwrap()),
    ] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

pub(crate) struct World {
    pub(crate) key: SigningKey,
    pub(crate) runtime: Runtime,
    folder: PathBuf,
}

impl World {
    pub(crate) fn new(key: SigningKey, folder: Option<&Path>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { key, runtime, folder: folder.map(Path::to_path_buf).unwrap_or_default() }
    }

    fn builder(&self, capacity: usize) -> Builder {
        let jwks = JwkSet { keys: vec![self.key.public_jwk().unwrap()] };
        let fetch = Folder(self.folder.clone(), serde_json::to_string(&jwks).unwrap());
        let builder = Verifier::builder(ISSUER).audience([AUDIENCE]).fetch(fetch).cache_capacity(capacity);
        builder.max_key_age(DAY).max_staleness(DAY)
    }

    /// Follows the feed of the folder; all its rules are there.
    pub(crate) fn verifier(&self, capacity: usize) -> Verifier {
        let verifier = self.builder(capacity).poll(DAY).require_feed().timeout(DAY).build().unwrap();
        self.runtime.block_on(verifier.ready()).unwrap();
        verifier
    }

    pub(crate) fn without_feed(&self, capacity: usize) -> Verifier {
        let verifier = self.builder(capacity).without_feed().build().unwrap();
        self.runtime.block_on(verifier.ready()).unwrap();
        verifier
    }

    /// Access tokens with a payload of some 560 bytes: a person with eight roles.
    pub(crate) fn tokens(&self, count: usize) -> Vec<String> {
        let roles = ["admin", "auditor", "billing:read", "billing:write", "orders:read", "orders:write"];
        let now = now();
        let token = |n: usize| {
            let claims = AccessToken {
                iss: ISSUER.to_owned(),
                sub: format!("u_01jd3v8q2m4n6p8r0s2t4v{n:04}"),
                aud: Audience(vec![AUDIENCE.to_owned()]),
                exp: now + 3600,
                iat: now,
                jti: format!("xq5r0Zp1Sx2mC7bYk9{n:04}"),
                client_id: "web-shop-frontend".to_owned(),
                scope: "openid profile email orders.read orders.write invoices.read".to_owned(),
                sid: Some(format!("s_8Hq2vT4yXz6bN0dFgJkLmAqW{n:04}")),
                auth_time: Some(now - 60),
                acr: Some("urn:countersign:acr:mfa".to_owned()),
                amr: vec!["pwd".to_owned(), "otp".to_owned(), "mfa".to_owned()],
                roles: roles.map(str::to_owned).to_vec(),
                ..AccessToken::default()
            };
            self.key.sign("at+jwt", &claims).unwrap()
        };
        (0..count).map(token).collect()
    }

    /// What another library needs to verify these tokens.
    pub(crate) fn for_others(&self, tokens: &[String]) -> Value {
        json!({ "jwk": self.key.public_jwk(), "issuer": ISSUER, "audience": AUDIENCE, "tokens": tokens })
    }
}

/// The bare signature check of aws-lc-rs, on a key parsed once, of the tokens in turn.
pub(crate) fn bare(key: &SigningKey, tokens: &[String]) -> impl FnMut(usize) + use<> {
    let stored = key.private_bytes();
    let parse =
        |alg: &'static dyn sig::VerificationAlgorithm, key: &[u8]| ParsedPublicKey::new(alg, key).unwrap();
    let public = match key.algorithm() {
        Algorithm::Ed25519 => {
            let pair = sig::Ed25519KeyPair::from_pkcs8(&stored).unwrap();
            parse(&sig::ED25519, pair.public_key().as_ref())
        }
        Algorithm::Es256 => {
            let pair = sig::EcdsaKeyPair::from_pkcs8(&sig::ECDSA_P256_SHA256_FIXED_SIGNING, &stored).unwrap();
            parse(&sig::ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
        }
        _ => {
            let pair = sig::RsaKeyPair::from_pkcs8(&stored).unwrap();
            parse(&sig::RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
        }
    };
    let split = |token: &String| {
        let (message, signature) = token.rsplit_once('.').unwrap();
        (message.as_bytes().to_vec(), base64url::decode(signature).unwrap())
    };
    let signed: Vec<(Vec<u8>, Vec<u8>)> = tokens.iter().map(split).collect();
    move |i| {
        let (message, signature) = &signed[i % signed.len()];
        public.verify_sig(black_box(message), signature).unwrap();
    }
}
