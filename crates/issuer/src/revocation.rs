//! The set of live rules, and the question asked of it for every token this issuer is shown.

use crate::model::{Rule, RuleKind};
use countersign_token::Timestamp;

/// Live rules by kind and id. Adding one twice or out of order is harmless.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {}

/// What of a token the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Key.
    pub kid: &'a str,
    /// `iat`.
    pub iat: i64,
    /// `client_id`.
    pub client: &'a str,
    /// `sub`.
    pub sub: &'a str,
    /// `sid`.
    pub sid: Option<&'a str>,
    /// `jti`.
    pub jti: &'a str,
}

impl RuleSet {
    /// Adds one; of two with the same name the wider cutoff and the later `until` hold.
    pub fn add(&mut self, _rule: &Rule) {
        todo!()
    }
    /// Drops those whose `until` has passed.
    pub fn expire(&mut self, _now: Timestamp) {
        todo!()
    }
    /// The kind of the first rule that covers the token (order: iss, kid, cid, sub, sid, jti).
    pub fn covers(&self, _facts: &Facts<'_>) -> Option<RuleKind> {
        todo!()
    }
}
