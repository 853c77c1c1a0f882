//! `[sessions]`: sign-ins of browsers at the issuer.

use super::Span;
use super::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSessions {
    /// Life of a browser's sign-in; 1 min to 365 days.
    pub browser_ttl: Span,
}

impl Default for RawSessions {
    fn default() -> Self {
        Self { browser_ttl: Span::days(1) }
    }
}

impl RawSessions {
    pub(super) fn check(&self, problems: &mut Problems<'_>, out: &mut countersign_issuer::Settings) {
        problems.within("sessions.browser_ttl", self.browser_ttl, Span::minutes(1), Span::days(365));
        out.browser_session_ttl = self.browser_ttl.0;
    }
}
