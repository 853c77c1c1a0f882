//! `[signup]`: accounts that people make by themselves.

use super::problem::Problems;
use countersign_issuer::account::signup::SignUp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSignup {
    /// People may make accounts at `/signup`. Needs mail: the address is confirmed first.
    pub enabled: bool,
    /// Only with addresses of these domains (`example.com`, without its subdomains). Empty: of any.
    pub domains: Vec<String>,
}

impl RawSignup {
    pub(super) fn check(&self, problems: &mut Problems<'_>, out: &mut countersign_issuer::Settings) {
        for domain in &self.domains {
            let plain = !domain.is_empty() && !domain.contains(['@', '/', '*', ':']);
            if !plain || domain.contains(char::is_whitespace) || domain.starts_with('.') {
                let what = format!("{domain:?} is no domain: write it as example.com, without @ and *");
                problems.push("signup.domains", what);
            }
        }
        let domains = self.domains.iter().map(|d| d.to_lowercase()).collect();
        out.sign_up = SignUp { enabled: self.enabled, domains };
    }
}
