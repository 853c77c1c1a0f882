//! The set of live rules, and the question asked of it for every token this issuer is shown.
//!
//! A token is revoked if any live rule covers it, without precedence, so rules may come twice, late and in
//! any order: those this node writes at once, before they have a number, and all again as they are published.

use crate::model::{Cutoff, Rule, RuleKind};
use countersign_feed::{self as wire, Names, Salt, Subject, Table};
use countersign_token::Timestamp;
use std::sync::OnceLock;

/// A rule as the feed has it.
pub(super) fn named(rule: &Rule, salt: &Salt, issuer: &str) -> wire::Rule {
    let kind = match rule.kind {
        RuleKind::Jti => wire::Kind::Jti,
        RuleKind::Sid => wire::Kind::Sid,
        RuleKind::Sub => wire::Kind::Sub,
        RuleKind::Cid => wire::Kind::Cid,
        RuleKind::Kid => wire::Kind::Kid,
        RuleKind::Iss => wire::Kind::Iss,
        RuleKind::Bucket => wire::Kind::Bucket,
    };
    let h = match rule.kind {
        RuleKind::Iss => salt.name(kind, issuer, ""),
        RuleKind::Bucket => rule.id.parse::<u16>().unwrap_or_default().into(),
        _ => salt.name(kind, issuer, &rule.id),
    };
    let cutoff = match rule.cutoff {
        Cutoff::ALWAYS => wire::Cutoff::ALWAYS,
        Cutoff(seconds) => u32::try_from(seconds.max(0)).map_or(wire::Cutoff::ALWAYS, wire::Cutoff),
    };
    wire::Rule { kind, h, cutoff, until: wire::Rule::until_of(rule.until) }
}

/// `None`: of a kind that is no rule about tokens.
fn kind(kind: wire::Kind) -> Option<RuleKind> {
    Some(match kind {
        wire::Kind::Iss => RuleKind::Iss,
        wire::Kind::Kid => RuleKind::Kid,
        wire::Kind::Cid => RuleKind::Cid,
        wire::Kind::Sub => RuleKind::Sub,
        wire::Kind::Sid => RuleKind::Sid,
        wire::Kind::Jti => RuleKind::Jti,
        wire::Kind::Bucket => RuleKind::Bucket,
        wire::Kind::Coarse => return None,
    })
}

/// Live rules, under their names in the feed.
#[derive(Debug, Default)]
pub struct RuleSet {
    table: Table,
    /// Salt and issuer; none before the feed is known, and no rules then.
    naming: OnceLock<(Salt, String)>,
}

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
    /// What names are made with; once.
    pub(super) fn name_with(&self, salt: Salt, issuer: &str) {
        // One feed and one issuer a process, for good.
        let _ = self.naming.set((salt, issuer.to_owned()));
    }

    /// Adds them; of two with the same name the wider cutoff and the later `until` hold.
    pub(crate) fn add(&self, rules: &[Rule]) {
        let Some((salt, issuer)) = self.naming.get() else { return };
        let rules: Vec<_> = rules.iter().map(|rule| named(rule, salt, issuer)).collect();
        self.table.extend(&rules);
    }

    /// Adds what was published, in its order.
    pub(super) fn extend(&self, rules: &[wire::Rule]) {
        self.table.extend(rules);
    }

    /// Drops those of which no token they cover can be alive.
    pub(crate) fn expire(&self, now: Timestamp) {
        self.table.expire(now);
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// All, as a snapshot holds them.
    pub(super) fn all(&self) -> Vec<wire::Rule> {
        self.table.rules()
    }

    /// The kind of the first rule that covers the token (order: iss, kid, cid, sub, sid, jti, bucket).
    pub fn covers(&self, facts: &Facts<'_>) -> Option<RuleKind> {
        if self.table.is_empty() {
            return None;
        }
        let (salt, issuer) = self.naming.get()?;
        let names: Names = salt.names(&Subject {
            iss: issuer,
            kid: Some(facts.kid),
            client_id: facts.client,
            sub: facts.sub,
            sid: facts.sid,
            jti: Some(facts.jti),
        });
        let (found, _) = self.table.covers(&names, facts.iat)?;
        kind(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules() -> impl Strategy<Value = Vec<Rule>> {
        let cutoff = prop_oneof![(0..100_i64).prop_map(Cutoff), Just(Cutoff::ALWAYS)];
        let kinds = RuleKind::ALL.len() - 1;
        let rule = (0..kinds, 0..12_u8, cutoff, 1..200_i64).prop_map(|(kind, id, cutoff, until)| Rule {
            kind: RuleKind::ALL[kind],
            id: format!("id{id}"),
            cutoff,
            until: Timestamp::from_seconds(until),
        });
        proptest::collection::vec(rule, 0..60)
    }

    fn set() -> RuleSet {
        let set = RuleSet::default();
        set.name_with(Salt([3; 16]), "https://id.example");
        set
    }

    proptest! {
        #[test]
        fn what_is_revoked_stays_so_until_every_covered_token_is_dead(
            rules in rules(), ids in proptest::collection::vec(0..12_u8, 5), iat in 0..100_i64, now in 0..250_i64,
        ) {
            let [kid, client, sub, sid, jti] = [0, 1, 2, 3, 4].map(|i| format!("id{}", ids[i]));
            let facts =
                Facts { kid: &kid, iat, client: &client, sub: &sub, sid: Some(&sid), jti: &jti };
            let named = |r: &Rule| match r.kind {
                RuleKind::Iss => true,
                RuleKind::Kid => r.id == kid,
                RuleKind::Cid => r.id == client,
                RuleKind::Sub => r.id == sub,
                RuleKind::Sid => r.id == sid,
                RuleKind::Jti => r.id == jti,
                RuleKind::Bucket => false,
            };
            let (set, mut revoked) = (set(), false);
            for rule in &rules {
                set.add(std::slice::from_ref(rule));
                revoked |= named(rule) && iat <= rule.cutoff.0;
                prop_assert_eq!(set.covers(&facts).is_some(), revoked, "grows only, by each rule that names it");
            }
            set.expire(Timestamp::from_seconds(now));
            let live = rules.iter().any(|r| named(r) && iat <= r.cutoff.0 && r.until.seconds() > now);
            prop_assert!(!live || set.covers(&facts).is_some(), "no live rule is dropped");
            set.expire(Timestamp::from_seconds(200 + wire::rule::LINGER));
            prop_assert!(set.is_empty(), "dead ones are");
        }
    }

    #[test]
    fn the_second_of_the_cutoff_is_covered_and_the_next_is_not() {
        let rule = Rule {
            kind: RuleKind::Sub,
            id: "u_1".into(),
            cutoff: Cutoff(100),
            until: Timestamp::from_seconds(900),
        };
        let set = set();
        set.add(&[rule]);
        let at = |iat| Facts { kid: "k", iat, client: "c", sub: "u_1", sid: None, jti: "j" };
        assert_eq!(set.covers(&at(100)), Some(RuleKind::Sub));
        assert_eq!(set.covers(&at(101)), None);
        assert_eq!(set.covers(&Facts { sub: "u_2", ..at(1) }), None);
    }

    #[test]
    fn a_bucket_covers_whoever_is_in_it() {
        let salt = Salt([3; 16]);
        let bucket = salt.name(wire::Kind::Sub, "https://id.example", "u_1") >> 48;
        let (until, cutoff) = (Timestamp::from_seconds(900), Cutoff(100));
        let set = set();
        set.add(&[Rule { kind: RuleKind::Bucket, id: bucket.to_string(), cutoff, until }]);
        let at = |iat| Facts { kid: "k", iat, client: "c", sub: "u_1", sid: None, jti: "j" };
        assert_eq!(set.covers(&at(100)), Some(RuleKind::Bucket));
        assert_eq!(set.covers(&at(101)), None);
        assert_eq!(set.covers(&Facts { sub: "u_2", ..at(1) }), None);
    }
}
