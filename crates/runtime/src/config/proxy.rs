//! `[proxy]`: reverse proxies whose forwarded headers are believed.

use super::problem::Problems;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawProxy {
    /// Addresses or networks of the proxies that terminate TLS in front of this server, such as
    /// `127.0.0.1` or `10.0.0.0/8`. Only their `X-Forwarded-*` and `Forwarded` headers are believed.
    pub trusted: Vec<String>,
}

impl RawProxy {
    pub(super) fn check(&self, problems: &mut Problems<'_>) -> Vec<IpNet> {
        networks("proxy.trusted", &self.trusted, problems)
    }
}

/// Reads addresses and networks.
pub(super) fn networks(key: &'static str, texts: &[String], problems: &mut Problems<'_>) -> Vec<IpNet> {
    let mut out = Vec::with_capacity(texts.len());
    for text in texts {
        let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        match net {
            Some(net) => out.push(net),
            None => problems.push(
                key,
                format!("{text:?} is not an address or network: write 127.0.0.1, 10.0.0.0/8 or fd00::/8"),
            ),
        }
    }
    out
}
