//! `[gateway]`: where `rd=` may send a browser.

use super::problem::Problems;
use super::show::without_password;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawGateway {
    /// Hosts, with a port where it is not the usual one, that a browser may be sent back to.
    #[schemars(extend("x-later" = "this version has no gateway yet"))]
    #[schemars(extend("x-url" = true))]
    pub return_hosts: Vec<String>,
}

impl RawGateway {
    pub(super) fn check(&self, problems: &mut Problems<'_>) -> Vec<String> {
        for host in &self.return_hosts {
            let url = Url::parse(&format!("http://{host}/"));
            let whole = url.is_ok_and(|u| {
                u.path() == "/" && u.username().is_empty() && u.query().is_none() && u.fragment().is_none()
            });
            if !whole || host.contains(['/', '?', '#', '@', '*']) {
                let host = without_password(host);
                problems.push(
                    "gateway.return_hosts",
                    format!("{host:?} is not a host: write app.example.com or localhost:3000"),
                );
            }
        }
        self.return_hosts.clone()
    }
}
