//! `[revocation]`: the revocation feed.

use super::Span;
use super::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Rules beyond which a verifier's memory would be more than it may take.
const MOST_RULES: u32 = 4_000_000;
/// Fewer would collapse at the first busy day.
const LEAST_RULES: u32 = 1_000;

/// As written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawRevocation {
    /// Age of a verifier's knowledge at which it should raise an alarm; 1 s to 1 h.
    pub soft: Span,
    /// Age at which a verifier should stop accepting tokens by itself; a revocation is in force everywhere by
    /// then, whatever the network does. At least `soft`, at most 24 h. Verifiers may choose their own.
    pub hard: Span,
    /// Live rules beyond which those about people and sessions are collapsed into buckets, which signs some
    /// people in again silently; 1,000 to 4,000,000.
    pub max_rules: u32,
    /// Streams and long polls at once; 1 to 9,000.
    pub streams: u16,
    /// Those of one address (of one /64 with IPv6).
    pub streams_per_address: u16,
}

impl Default for RawRevocation {
    fn default() -> Self {
        Self {
            soft: Span::seconds(5),
            hard: Span::seconds(60),
            max_rules: MOST_RULES,
            streams: 8_000,
            streams_per_address: 2_000,
        }
    }
}

/// Checked: readers of the feed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReaderLimits {
    /// In all.
    pub streams: usize,
    /// Of one address.
    pub streams_per_address: usize,
}

impl RawRevocation {
    pub(super) fn check(
        &self,
        problems: &mut Problems<'_>,
        out: &mut countersign_issuer::Settings,
    ) -> ReaderLimits {
        problems.within("revocation.soft", self.soft, Span::seconds(1), Span::minutes(60));
        problems.within("revocation.hard", self.hard, Span::seconds(1), Span::days(1));
        for (key, span) in [("revocation.soft", self.soft), ("revocation.hard", self.hard)] {
            if span.0 != Duration::from_secs(span.0.as_secs()) {
                problems.push(key, "must be whole seconds");
            }
        }
        if self.hard < self.soft {
            problems.push("revocation.hard", format!("is shorter than revocation.soft ({})", self.soft));
        }
        if !(LEAST_RULES..=MOST_RULES).contains(&self.max_rules) {
            problems.push("revocation.max_rules", format!("goes from {LEAST_RULES} to {MOST_RULES}"));
        }
        if !(1..=9_000).contains(&self.streams) {
            problems.push(
                "revocation.streams",
                "goes from 1 to 9000: a node takes 10000 connections, and some must be left for sign-ins",
            );
        }
        if self.streams_per_address == 0 {
            problems.push("revocation.streams_per_address", "must be at least 1");
        }
        out.staleness.soft = self.soft.0.as_secs();
        out.staleness.hard = self.hard.0.as_secs();
        out.max_rules = self.max_rules;
        ReaderLimits { streams: self.streams.into(), streams_per_address: self.streams_per_address.into() }
    }
}
