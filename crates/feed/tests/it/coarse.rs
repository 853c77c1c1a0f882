//! Coarsening, as the issuer does it: whoever was refused stays refused.

use crate::issuer::{ISSUER, SALT};
use countersign_feed::rule::Subject;
use countersign_feed::{Cutoff, Kind, Names, Rule, Table};
use proptest::prelude::*;

const NOW: u32 = 1_000;
const LIFE: u32 = 900;

/// A session of one of a few users, whose token was issued at some second up to now.
#[derive(Clone, Debug)]
struct Token {
    names: Names,
    iat: u32,
}

fn token() -> impl Strategy<Value = Token> {
    (0..12_u32, 0..40_u32, 0..=NOW).prop_map(|(user, session, iat)| {
        let (sub, sid) = (format!("u_{user}"), format!("s_{user}_{session}"));
        let subject =
            Subject { iss: ISSUER, kid: None, client_id: "c", sub: &sub, sid: Some(&sid), jti: Some(&sid) };
        Token { names: SALT.names(&subject), iat }
    })
}

/// The rule against a token, its session or its user.
fn against(token: &Token, kind: Kind) -> Rule {
    let Names { sub, sid, jti, .. } = token.names;
    let (h, cutoff) = match kind {
        Kind::Sub => (sub, Cutoff(token.iat)),
        Kind::Sid => (sid.unwrap(), Cutoff::ALWAYS),
        _ => (jti.unwrap(), Cutoff::ALWAYS),
    };
    Rule { kind, h, cutoff, until: token.iat + LIFE }
}

proptest! {
    #[test]
    fn the_refused_only_grow(
        tokens in prop::collection::vec((token(), 0..4_usize), 1..60),
        some_buckets in prop::collection::vec(any::<bool>(), 60),
        cutoff in prop_oneof![Just(Cutoff(NOW)), Just(Cutoff::ALWAYS), (0..NOW).prop_map(Cutoff)],
    ) {
        let kinds = [Kind::Sub, Kind::Sid, Kind::Jti];
        let table = Table::default();
        for (token, kind) in &tokens {
            // The fourth of each is not revoked.
            kinds.get(*kind).into_iter().for_each(|kind| table.add(&against(token, *kind)));
        }
        let refused: Vec<_> = tokens
            .iter()
            .filter(|(token, _)| table.covers(&token.names, i64::from(token.iat)).is_some())
            .map(|(token, _)| token)
            .collect();
        // Buckets for all users with a rule: what an issuer writes. Any cutoff of the last rule is then right.
        let bucket = |token: &Token, until| {
            Rule { kind: Kind::Bucket, h: token.names.bucket(), cutoff: Cutoff(NOW), until }
        };
        let coarse = Rule { kind: Kind::Coarse, h: 0, cutoff, until: NOW + LIFE };
        let complete = table.rules();
        let whole = Table::default();
        whole.extend(&complete);
        tokens.iter().for_each(|(token, _)| whole.add(&bucket(token, NOW + LIFE)));
        let fine = whole.len();
        whole.add(&coarse);
        for token in &refused {
            prop_assert!(whole.covers(&token.names, i64::from(token.iat)).is_some());
        }
        prop_assert!(cutoff > Cutoff(NOW) || whole.rules().iter().all(|rule| rule.kind == Kind::Bucket));
        prop_assert!(whole.len() <= fine);
        // An issuer that forgets some: rules about users stay where no bucket is.
        for ((token, _), write) in tokens.iter().zip(some_buckets) {
            if write {
                table.add(&bucket(token, NOW + LIFE));
            }
        }
        table.add(&coarse);
        for rule in complete.iter().filter(|rule| rule.kind == Kind::Sub) {
            let held = table.holds(rule)
                || table.rules().iter().any(|other| {
                    other.kind == Kind::Bucket && other.h == rule.h >> 48 && other.until >= rule.until
                });
            prop_assert!(held);
        }
    }
}
