//! `[egress]`: addresses that the server may call although they are not public.

use super::problem::Problems;
use super::proxy::networks;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawEgress {
    /// Addresses or networks beside public ones that the server may call, such as `127.0.0.1/32`; these also
    /// over plain http. Everything else is called by https at public addresses alone.
    pub allow: Vec<String>,
}

impl RawEgress {
    pub(super) fn check(&self, problems: &mut Problems<'_>) -> Vec<IpNet> {
        networks("egress.allow", &self.allow, problems)
    }
}
