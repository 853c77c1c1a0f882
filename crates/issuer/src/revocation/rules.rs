//! The set of live rules, and the question asked of it for every token this issuer is shown.
//!
//! A token is revoked if any live rule covers it, without precedence, so rules may come twice, late and in
//! any order. The set is kept as a few immutable layers, each at least eight times as large as the next:
//! a clone costs a handful of counters and adding a rule to a million does not copy the million.

use crate::model::{Cutoff, Rule, RuleKind};
use countersign_feed::{self as wire, Salt};
use countersign_token::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// A rule as the feed has it.
pub(super) fn wire(rule: &Rule, salt: &Salt, issuer: &str) -> wire::Rule {
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

/// How much larger a layer is than the one above it.
const GROWTH: usize = 8;

/// Which tokens of a name are covered, and for how long that matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    cutoff: Cutoff,
    until: Timestamp,
}

impl Span {
    /// Covers what either covers, as long as either lives.
    fn widen(&mut self, other: Self) {
        self.cutoff = self.cutoff.max(other.cutoff);
        self.until = self.until.max(other.until);
    }
}

type Layer = HashMap<Box<str>, Span>;

/// The rules of one kind, the largest layer first.
#[derive(Clone, Debug, Default)]
struct Layers(Vec<Arc<Layer>>);

impl Layers {
    fn covers(&self, id: &str, iat: i64) -> bool {
        self.0.iter().any(|layer| layer.get(id).is_some_and(|span| iat <= span.cutoff.0))
    }

    fn add(&mut self, id: &str, span: Span) {
        let mut top = Arc::new(Layer::from([(Box::from(id), span)]));
        while self.0.last().is_some_and(|below| below.len() < top.len() * GROWTH) {
            let Some(mut below) = self.0.pop() else { break };
            let into = Arc::make_mut(&mut below);
            for (id, span) in top.iter() {
                widen(into, id, *span);
            }
            top = below;
        }
        self.0.push(top);
    }

    fn expire(&mut self, now: Timestamp) {
        if !self.0.iter().any(|layer| layer.values().any(|span| span.until <= now)) {
            return;
        }
        let mut rest = Layer::new();
        for layer in &self.0 {
            for (id, span) in layer.iter().filter(|(_, span)| span.until > now) {
                widen(&mut rest, id, *span);
            }
        }
        self.0 = if rest.is_empty() { Vec::new() } else { vec![Arc::new(rest)] };
    }
}

fn widen(layer: &mut Layer, id: &str, span: Span) {
    match layer.get_mut(id) {
        Some(there) => there.widen(span),
        None => {
            layer.insert(id.into(), span);
        }
    }
}

/// Live rules by kind and id. Adding one twice or out of order is harmless.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// Everything of this issuer; one issuer, so one span.
    iss: Option<Span>,
    kid: Layers,
    cid: Layers,
    sub: Layers,
    sid: Layers,
    jti: Layers,
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
    fn layers(&mut self, kind: RuleKind) -> Option<&mut Layers> {
        match kind {
            RuleKind::Iss | RuleKind::Bucket => None,
            RuleKind::Kid => Some(&mut self.kid),
            RuleKind::Cid => Some(&mut self.cid),
            RuleKind::Sub => Some(&mut self.sub),
            RuleKind::Sid => Some(&mut self.sid),
            RuleKind::Jti => Some(&mut self.jti),
        }
    }

    /// Adds one; of two with the same name the wider cutoff and the later `until` hold.
    pub fn add(&mut self, rule: &Rule) {
        let span = Span { cutoff: rule.cutoff, until: rule.until };
        if rule.kind == RuleKind::Bucket {
            return;
        }
        match self.layers(rule.kind) {
            Some(layers) => layers.add(&rule.id, span),
            None => match &mut self.iss {
                Some(there) => there.widen(span),
                none => *none = Some(span),
            },
        }
    }

    /// Drops those whose `until` has passed: no token they cover can be alive.
    pub fn expire(&mut self, now: Timestamp) {
        self.iss = self.iss.filter(|span| span.until > now);
        for layers in [&mut self.kid, &mut self.cid, &mut self.sub, &mut self.sid, &mut self.jti] {
            layers.expire(now);
        }
    }

    /// The kind of the first rule that covers the token (order: iss, kid, cid, sub, sid, jti). A kind
    /// without rules costs the look at an empty list.
    pub fn covers(&self, facts: &Facts<'_>) -> Option<RuleKind> {
        if self.iss.is_some_and(|span| facts.iat <= span.cutoff.0) {
            return Some(RuleKind::Iss);
        }
        let asked = [
            (RuleKind::Kid, &self.kid, Some(facts.kid)),
            (RuleKind::Cid, &self.cid, Some(facts.client)),
            (RuleKind::Sub, &self.sub, Some(facts.sub)),
            (RuleKind::Sid, &self.sid, facts.sid),
            (RuleKind::Jti, &self.jti, Some(facts.jti)),
        ];
        asked
            .into_iter()
            .find(|(_, layers, id)| id.is_some_and(|id| layers.covers(id, facts.iat)))
            .map(|(kind, ..)| kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const KINDS: [RuleKind; 6] =
        [RuleKind::Iss, RuleKind::Kid, RuleKind::Cid, RuleKind::Sub, RuleKind::Sid, RuleKind::Jti];

    /// What the set holds, layers put together.
    fn content(set: &RuleSet) -> BTreeMap<(&'static str, String), (i64, i64)> {
        let mut out = BTreeMap::new();
        let mut put = |kind: RuleKind, id: &str, span: Span| {
            let there = out.entry((kind.name(), id.to_owned())).or_insert((i64::MIN, i64::MIN));
            *there = (there.0.max(span.cutoff.0), there.1.max(span.until.millis()));
        };
        if let Some(span) = set.iss {
            put(RuleKind::Iss, "", span);
        }
        let mut set = set.clone();
        for kind in KINDS {
            for layer in set.layers(kind).map(|l| l.0.clone()).unwrap_or_default() {
                layer.iter().for_each(|(id, span)| put(kind, id, *span));
            }
        }
        out
    }

    fn rules() -> impl Strategy<Value = Vec<Rule>> {
        let cutoff = prop_oneof![(0..100_i64).prop_map(Cutoff), Just(Cutoff::ALWAYS)];
        let rule = (0..6_usize, 0..12_u8, cutoff, 1..200_i64).prop_map(|(kind, id, cutoff, until)| Rule {
            kind: KINDS[kind],
            id: format!("id{id}"),
            cutoff,
            until: Timestamp::from_seconds(until),
        });
        proptest::collection::vec(rule, 0..60)
    }

    fn of<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> RuleSet {
        let mut set = RuleSet::default();
        rules.into_iter().for_each(|r| set.add(r));
        set
    }

    proptest! {
        #[test]
        fn order_and_repetition_do_not_matter(
            rules in rules(),
            again in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
            shuffle in any::<u64>(),
        ) {
            let mut other: Vec<&Rule> = rules.iter().collect();
            if !rules.is_empty() {
                other.extend(again.iter().map(|i| i.get(&rules)));
            }
            let mut state = shuffle | 1;
            for i in (1..other.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                other.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
            }
            prop_assert_eq!(content(&of(&rules)), content(&of(other)));
        }

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
            let (mut set, mut revoked) = (RuleSet::default(), false);
            for rule in &rules {
                set.add(rule);
                revoked |= named(rule) && iat <= rule.cutoff.0;
                prop_assert_eq!(set.covers(&facts).is_some(), revoked, "grows only, by each rule that names it");
            }
            set.expire(Timestamp::from_seconds(now));
            let live = rules.iter().any(|r| named(r) && iat <= r.cutoff.0 && r.until.seconds() > now);
            prop_assert!(!live || set.covers(&facts).is_some(), "no live rule is dropped");
            let dead = rules.iter().filter(|r| named(r)).all(|r| r.until.seconds() <= now);
            prop_assert!(!dead || set.covers(&facts).is_none(), "dead ones are");
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
        let set = of([&rule]);
        let at = |iat| Facts { kid: "k", iat, client: "c", sub: "u_1", sid: None, jti: "j" };
        assert_eq!(set.covers(&at(100)), Some(RuleKind::Sub));
        assert_eq!(set.covers(&at(101)), None);
        assert_eq!(set.covers(&Facts { sub: "u_2", ..at(1) }), None);
    }

    #[test]
    fn layers_stay_few() {
        let mut set = RuleSet::default();
        for n in 0..10_000 {
            set.add(&Rule {
                kind: RuleKind::Sid,
                id: n.to_string(),
                cutoff: Cutoff::ALWAYS,
                until: Timestamp::from_seconds(n),
            });
        }
        assert!(set.sid.0.len() <= 6, "{} layers", set.sid.0.len());
        assert_eq!(set.sid.0.iter().map(|l| l.len()).sum::<usize>(), 10_000);
        set.expire(Timestamp::from_seconds(9_998));
        assert_eq!(content(&set).len(), 1);
    }
}
