//! Bounded memory: when there are more live rules than every verifier should hold, those about people are put
//! together in 65,536 buckets of subjects, each with one cutoff. That revokes more than was asked (people in
//! a bucket get new tokens silently), never less.

use super::{rules, sequence};
use crate::Issuer;
use crate::error::Result;
use crate::model::{Cutoff, Rule, RuleKind};
use crate::port::Append;
use crate::port::feed::Finer;
use countersign_feed::{Cutoff as WireCutoff, Kind, Rule as Wire, Salt};
use countersign_token::Timestamp;
use std::collections::BTreeMap;

/// Rows read at once.
const BATCH: u32 = 10_000;
/// What finer rules come to.
#[derive(Debug, Default)]
struct Fold {
    /// By bucket: all that they cover, as long as any of them lives.
    buckets: BTreeMap<u16, (Cutoff, Timestamp)>,
    /// Those of which nobody knows whose tokens they cover: they stay.
    kept: Vec<Rule>,
    /// Rules in buckets now.
    count: usize,
    /// The last row looked at.
    row: i64,
}

impl Fold {
    fn take(&mut self, finer: Finer, salt: &Salt, issuer: &str) {
        self.row = finer.row;
        let bucket = match (finer.rule.kind, &finer.sub) {
            (RuleKind::Bucket, _) => finer.rule.id.parse().ok(),
            (_, Some(sub)) => {
                self.count += 1;
                u16::try_from(salt.name(Kind::Sub, issuer, sub) >> 48).ok()
            }
            (_, None) => None,
        };
        let Some(bucket) = bucket else { return self.kept.push(finer.rule) };
        // Of what is revoked for good no token was made since it got its number.
        let cutoff = match finer.rule.cutoff {
            Cutoff::ALWAYS => sequence::up_to(finer.numbered_at),
            finite => finite,
        };
        let held = self.buckets.entry(bucket).or_insert((cutoff, finer.rule.until));
        *held = (held.0.max(cutoff), held.1.max(finer.rule.until));
    }

    /// The buckets as rules.
    fn rules(&self) -> Vec<Rule> {
        let rule = |(bucket, (cutoff, until)): (&u16, &(Cutoff, Timestamp))| Rule {
            kind: RuleKind::Bucket,
            id: bucket.to_string(),
            cutoff: *cutoff,
            until: *until,
        };
        self.buckets.iter().map(rule).collect()
    }

    /// What to publish: the buckets, those that stay with an end beyond what is dropped, and the word that the
    /// others may be.
    fn publish(&self, append: &mut Append, salt: &Salt, issuer: &str) {
        let buckets: Vec<Wire> = self.rules().iter().map(|rule| rules::named(rule, salt, issuer)).collect();
        let until = buckets.iter().map(|rule| rule.until).max().unwrap_or_default();
        let cutoff = buckets.iter().map(|rule| rule.cutoff).min().unwrap_or(WireCutoff(0));
        let kept = self.kept.iter().map(|rule| {
            let rule = rules::named(rule, salt, issuer);
            Wire { until: rule.until.max(until.saturating_add(1)), ..rule }
        });
        let coarse = Wire { kind: Kind::Coarse, h: 0, cutoff, until };
        for rule in buckets.into_iter().chain(kept).chain([coarse]) {
            sequence::put(append, rule);
        }
    }
}

/// Puts rules together if there are too many.
pub(super) async fn tend(issuer: &Issuer) -> Result<()> {
    let most = usize::try_from(issuer.settings.max_rules).unwrap_or(usize::MAX);
    if issuer.directory.rules().len() <= most {
        return Ok(());
    }
    let Some((_, salt)) = issuer.feed.naming() else { return Ok(()) };
    let name = issuer.settings.issuer.as_str();
    let mut fold = Fold::default();
    // Most of them while others go on numbering; only the rest holds them up.
    read(issuer, &mut fold, &salt, name).await?;
    let turn = issuer.feed.turn().await;
    let (state, now) = sequence::number(issuer).await?;
    read(issuer, &mut fold, &salt, name).await?;
    // Where most cannot be put together, doing so again and again would help nobody.
    if fold.count <= most / 2 {
        return Ok(());
    }
    let mut append = Append {
        after: state.at,
        read_at: now,
        rules: Vec::new(),
        rows: Vec::new(),
        fills: Vec::new(),
        chain: state.at.chain,
    };
    fold.publish(&mut append, &salt, name);
    // `false`: another node went on numbering; the next turn tries again.
    if issuer.store.coarsen(append.clone(), fold.rules(), fold.row).await? {
        tracing::warn!(rules = fold.count, buckets = fold.buckets.len(), "rules are put together in buckets");
        sequence::extend(issuer, &append.rules);
        sequence::number(issuer).await?;
    }
    drop(turn);
    Ok(())
}

async fn read(issuer: &Issuer, fold: &mut Fold, salt: &Salt, name: &str) -> Result<()> {
    loop {
        let rows = issuer.store.finer_rules(fold.row, BATCH).await?;
        if rows.is_empty() {
            return Ok(());
        }
        rows.into_iter().for_each(|finer| fold.take(finer, salt, name));
    }
}
