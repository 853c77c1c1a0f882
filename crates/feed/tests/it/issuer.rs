//! An issuer in memory: a log, a key, and the heads, pages and snapshots it would serve.

use countersign_feed::head::FeedId;
use countersign_feed::rule::{Salt, Subject};
use countersign_feed::{
    Chain, Cutoff, Head, Kind, Names, Page, Pins, Rule, SnapRef, Snapshot, Staleness, Table,
};
use countersign_token::provider::{DEFAULT, Provider};
use countersign_token::{Algorithm, SigningKey, Timestamp};

pub(crate) const ISSUER: &str = "https://id.countersign.example";
/// The moment at which everything begins, in seconds.
pub(crate) const START: i64 = 1_800_000_000;
pub(crate) const FEED: FeedId = FeedId([7; 16]);
pub(crate) const SALT: Salt = Salt([9; 16]);

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(START + seconds)
}

pub(crate) fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Ed25519).unwrap()
}

pub(crate) struct Issuer {
    pub(crate) key: SigningKey,
    pub(crate) feed: FeedId,
    pub(crate) salt: Salt,
    pub(crate) epoch: u64,
    pub(crate) rules: Vec<Rule>,
    pub(crate) snap: Option<(SnapRef, Vec<u8>)>,
    pub(crate) next_key: Option<String>,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        Self { key: key(), feed: FEED, salt: SALT, epoch: 1, rules: Vec::new(), snap: None, next_key: None }
    }

    pub(crate) fn pins(&self) -> Pins {
        Pins::new(ISSUER, &[self.key.public_jwk().unwrap()])
    }

    pub(crate) fn add(&mut self, count: u64) {
        for _ in 0..count {
            let n = self.rules.len() as u64 + 1;
            self.rules.push(rule(Kind::Sid, n));
        }
    }

    pub(crate) fn genesis(&self) -> Chain {
        Chain::genesis(&self.feed.0, self.epoch)
    }

    pub(crate) fn chain(&self, seq: usize) -> Chain {
        self.genesis().over(&self.rules[..seq])
    }

    pub(crate) fn claims(&self, as_of: Timestamp) -> Head {
        self.claims_at(self.rules.len(), as_of)
    }

    /// What a head of an earlier moment said.
    pub(crate) fn claims_at(&self, seq: usize, as_of: Timestamp) -> Head {
        Head {
            iss: ISSUER.into(),
            aud: Head::audience(ISSUER),
            feed: self.feed,
            epoch: self.epoch,
            seq: seq as u64,
            as_of: as_of.millis(),
            chain: self.chain(seq),
            snap: self.snap.as_ref().map(|(named, _)| named.clone()),
            salt: self.salt,
            hb_ms: 500,
            policy: Staleness::default(),
            jwks: None,
            next_key: self.next_key.clone(),
            exp: as_of.seconds() + 60,
        }
    }

    pub(crate) fn head(&self, as_of: Timestamp) -> String {
        self.claims(as_of).sign(&self.key).unwrap()
    }

    pub(crate) fn page(&self, after: usize, end: usize) -> Page {
        let rules = self.rules[after..end].to_vec();
        Page { epoch: self.epoch, after: after as u64, chain: self.chain(after), rules, head: None }
    }

    /// Everything after this rule, and the head that covers it: what a poll answers.
    pub(crate) fn tail(&self, after: usize, as_of: Timestamp) -> Page {
        Page { head: Some(self.head(as_of)), ..self.page(after, self.rules.len()) }
    }

    pub(crate) fn make_snapshot(&mut self, seq: usize) {
        let table = Table::default();
        table.extend(&self.rules[..seq]);
        let (feed, epoch, chain) = (self.feed, self.epoch, self.chain(seq));
        let bytes = Snapshot { feed, epoch, seq: seq as u64, chain, rules: table.rules() }.bytes();
        let sha256 = Chain(DEFAULT.sha256(&bytes));
        let url = format!("{ISSUER}/rev/snap/{epoch}/{seq}");
        self.snap = Some((SnapRef { seq: seq as u64, url, sha256 }, bytes));
    }
}

/// Covers the session of that number always.
pub(crate) fn rule(kind: Kind, n: u64) -> Rule {
    let h = if kind == Kind::Bucket { n } else { SALT.name(kind, ISSUER, &n.to_string()) };
    Rule { kind, h, cutoff: Cutoff::ALWAYS, until: u32::try_from(START).unwrap() + 900 }
}

/// A token of the session of that number.
pub(crate) fn token(salt: &Salt, session: u64) -> Names {
    let sid = session.to_string();
    salt.names(&Subject {
        iss: ISSUER,
        kid: Some("k"),
        client_id: "c",
        sub: "u",
        sid: Some(&sid),
        jti: Some("j"),
    })
}
