//! Tokens, and what revokes them.

use countersign_feed::rule::{LINGER, Subject};
use countersign_feed::{Cutoff, Kind, Names, Rule, Salt};
use std::sync::Mutex;

/// No token lives longer, in seconds: until then a rule stays that covers more than one.
pub const LIFE: u32 = 700;

/// The issuer of everything.
pub const ISSUER: &str = "https://id.countersign.example";

/// A token, and the rule that revokes it.
#[derive(Debug)]
pub struct Token {
    kind: Kind,
    sub: String,
    number: usize,
    /// Whole seconds.
    pub iat: i64,
    /// Whole seconds.
    pub exp: i64,
    /// Under each salt there has been.
    names: Mutex<Vec<Names>>,
}

impl Token {
    /// Of the user of that number, revoked by this kind of rule.
    pub fn new(number: usize, user: usize, kind: Kind, iat: i64, exp: i64) -> Self {
        Self { kind, sub: format!("u_{user}"), number, iat, exp, names: Mutex::default() }
    }

    /// Its names under a salt.
    pub fn names(&self, salt: &Salt) -> Names {
        let mut known = self.names.lock().unwrap();
        if let Some(names) = known.iter().find(|names| names.salt == *salt) {
            return *names;
        }
        let (sid, jti) = (format!("s_{}", self.number), format!("t_{}", self.number));
        let unlike =
            |kind, id: &str| if self.kind == kind { format!("{id}_{}", self.number) } else { id.into() };
        let (kid, client) = (unlike(Kind::Kid, "k"), unlike(Kind::Cid, "c"));
        let names = salt.names(&Subject {
            iss: ISSUER,
            kid: Some(&kid),
            client_id: &client,
            sub: &self.sub,
            sid: Some(&sid),
            jti: Some(&jti),
        });
        known.push(names);
        names
    }

    /// The rule that revokes it, at a moment in whole seconds.
    pub fn rule(&self, salt: &Salt, at: u32) -> Rule {
        let names = self.names(salt);
        let exp = u32::try_from(self.exp).unwrap();
        let (h, cutoff, until) = match self.kind {
            Kind::Kid => (names.kid, Cutoff::ALWAYS, at + LIFE),
            Kind::Cid => (Some(names.cid), Cutoff(at), at + LIFE),
            Kind::Sub => (Some(names.sub), Cutoff(at), at + LIFE),
            Kind::Sid => (names.sid, Cutoff::ALWAYS, exp),
            _ => (names.jti, Cutoff::ALWAYS, exp),
        };
        let kind =
            if matches!(self.kind, Kind::Iss | Kind::Bucket | Kind::Coarse) { Kind::Jti } else { self.kind };
        Rule { kind, h: h.expect("all names are there"), cutoff, until }
    }

    /// Whether some verifier could still take it, at a time in milliseconds.
    pub fn lives(&self, now: i64) -> bool {
        self.exp + LINGER > now.div_euclid(1000)
    }

    /// Whether buckets of users may stand for the rule that revokes it.
    pub fn coarsens(&self) -> bool {
        matches!(self.kind, Kind::Sub | Kind::Sid | Kind::Jti)
    }
}
