//! `[direct]`: the direct API for first-party apps.

use super::problem::Problems;
use countersign_issuer::model::ClientId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawDirect {
    /// Clients of the direct API when a call names none; the first wins. Default: the built-in public
    /// client `countersign-direct`.
    pub clients: Vec<String>,
}

impl RawDirect {
    pub(super) fn check(&self, problems: &mut Problems<'_>, out: &mut countersign_issuer::Settings) {
        for id in &self.clients {
            if ClientId::parse(id).is_none() {
                problems.push(
                    "direct.clients",
                    format!(
                        "{id:?} cannot be a client id: 1 to 200 visible ASCII characters, not beginning with u_"
                    ),
                );
            }
        }
        out.direct_clients.clone_from(&self.clients);
    }
}
