//! Revocation rules that hang on no other row.

use super::{At, StoreResult};
use crate::model::{EventDraft, Rule, RuleKind};
use async_trait::async_trait;
use countersign_token::Timestamp;

/// A rule as it stands in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// The rule.
    pub rule: Rule,
    /// When the transaction that wrote it read the clock.
    pub at: Timestamp,
    /// Its number in the log of the feed's epoch. `None`: it waits for one.
    pub number: Option<u64>,
}

/// Revocation rules.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// Writes one, `until` as given; `sub`: the token's, where it is known. Answers the rule as written; one
    /// that is there already is answered and nothing written.
    async fn revoke_token(
        &self,
        jti: &str,
        sub: Option<&str>,
        until: Timestamp,
        event: EventDraft,
    ) -> StoreResult<Rule>;
    /// Writes a rule with cutoff = store now + 2 s (client, everything), `until` = now + given.
    async fn revoke_before_now(
        &self,
        kind: RuleKind,
        id: &str,
        until: std::time::Duration,
        event: EventDraft,
    ) -> StoreResult<Rule>;
    /// Rules written after row `after` (0: from the beginning) that still live, in order, with the number of
    /// the last row; at most `limit`.
    async fn rules_after(&self, after: i64, limit: u32) -> StoreResult<At<(Vec<Rule>, i64)>>;
    /// The live rules of one id, oldest first.
    async fn rules_of(&self, kind: RuleKind, id: &str) -> StoreResult<At<Vec<Written>>>;
}
