//! `[oauth]`: what strangers may do at the OAuth endpoints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawOauth {
    /// Dynamic client registration (RFC 7591).
    pub registration: RawRegistration,
}

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawRegistration {
    /// Who may register a client at `/oauth/register`.
    #[schemars(extend("x-later" = "this version has no registration endpoint yet: clients come from `countersign client apply`"))]
    pub mode: RegistrationMode,
}

/// Who may register a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RegistrationMode {
    /// Nobody.
    #[default]
    Off,
    /// Whoever has an initial access token.
    Token,
    /// Anybody.
    Open,
}
