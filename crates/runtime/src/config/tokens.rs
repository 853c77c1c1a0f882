//! `[tokens]`: how long things live when client and resource do not say otherwise.

use super::Span;
use super::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// As written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawTokens {
    /// Life of access tokens; 1 s to 24 h.
    pub access_token_ttl: Span,
    /// Life of ID tokens; 1 s to 24 h.
    pub id_token_ttl: Span,
    /// A refresh token unused for so long is dead.
    pub refresh_idle: Span,
    /// A client session ends then in any case.
    pub refresh_absolute: Span,
    /// How long the refresh token before the newest is answered again, for clients that lost the answer;
    /// 0 to 300 s.
    pub refresh_retry_window: Span,
}

impl Default for RawTokens {
    fn default() -> Self {
        Self {
            access_token_ttl: Span::minutes(15),
            id_token_ttl: Span::minutes(60),
            refresh_idle: Span::days(7),
            refresh_absolute: Span::days(30),
            refresh_retry_window: Span::seconds(30),
        }
    }
}

impl RawTokens {
    pub(super) fn check(&self, problems: &mut Problems<'_>, out: &mut countersign_issuer::Settings) {
        let day = Span::days(1);
        problems.within("tokens.access_token_ttl", self.access_token_ttl, Span::seconds(1), day);
        problems.within("tokens.id_token_ttl", self.id_token_ttl, Span::seconds(1), day);
        problems.within("tokens.refresh_idle", self.refresh_idle, Span::seconds(1), Span::days(3650));
        problems.within("tokens.refresh_absolute", self.refresh_absolute, Span::seconds(1), Span::days(3650));
        problems.within(
            "tokens.refresh_retry_window",
            self.refresh_retry_window,
            Span(Duration::ZERO),
            Span::seconds(300),
        );
        if self.refresh_idle > self.refresh_absolute {
            problems.push(
                "tokens.refresh_idle",
                format!("is longer than tokens.refresh_absolute ({})", self.refresh_absolute),
            );
        }
        out.access_token_ttl = self.access_token_ttl.0;
        out.id_token_ttl = self.id_token_ttl.0;
        out.refresh_idle = self.refresh_idle.0;
        out.refresh_absolute = self.refresh_absolute.0;
        out.refresh_retry_window = self.refresh_retry_window.0;
    }
}
