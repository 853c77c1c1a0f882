//! `[keys]`: the life of signing keys, and where the master key comes from.

use super::Span;
use super::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawKeys {
    /// Age at which a signing key is replaced; 1 h to 3,650 days.
    pub rotation: Span,
    /// How long a new key is published before it signs; at least twice `jwks_max_age`, so that every
    /// verifier has it by then.
    pub publish_ahead: Span,
    /// How long verifiers may keep the key set (`Cache-Control: max-age`); 1 s to 24 h.
    pub jwks_max_age: Span,
    /// The 32 bytes that seal everything secret in the store, as base64url or hex. Give it by
    /// `COUNTERSIGN_KEYS__MASTER_KEY_FILE` or the systemd credential `countersign-master-key`. Default:
    /// the file `master.key` in the data directory, made at the first start.
    #[schemars(extend("x-secret" = true))]
    pub master_key: Option<String>,
}

impl Default for RawKeys {
    fn default() -> Self {
        Self {
            rotation: Span::days(90),
            publish_ahead: Span::days(1),
            jwks_max_age: Span::minutes(15),
            master_key: None,
        }
    }
}

impl RawKeys {
    pub(super) fn check(&self, problems: &mut Problems<'_>, out: &mut countersign_issuer::Settings) {
        problems.within("keys.rotation", self.rotation, Span::minutes(60), Span::days(3650));
        problems.within("keys.jwks_max_age", self.jwks_max_age, Span::seconds(1), Span::days(1));
        let least = Span(self.jwks_max_age.0.saturating_mul(2));
        if self.publish_ahead < least {
            problems.push(
                "keys.publish_ahead",
                format!(
                    "{} is too short: a verifier may keep the old key set for keys.jwks_max_age ({}), so a \
                     new key must be published at least {least} before it signs",
                    self.publish_ahead, self.jwks_max_age
                ),
            );
        }
        if self.publish_ahead >= self.rotation {
            problems.push(
                "keys.publish_ahead",
                format!("must be shorter than keys.rotation ({})", self.rotation),
            );
        }
        out.key_rotation = self.rotation.0;
        out.key_publish_ahead = self.publish_ahead.0;
        out.jwks_max_age = self.jwks_max_age.0;
    }
}
