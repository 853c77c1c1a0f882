//! The hash chain over the log: one link a rule, so that any prefix has a name of its own.

use crate::rule::Rule;
use countersign_token::base64url;
use countersign_token::provider::{DEFAULT, Provider};
use serde::{Deserialize, Serialize};

const DOMAIN: &[u8] = b"countersign revocation feed 1";

/// SHA-256 over everything before; base64url in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// Of the empty log of an epoch.
    pub fn genesis(feed: &[u8; 16], epoch: u64) -> Self {
        let mut text = Vec::with_capacity(DOMAIN.len() + 24);
        text.extend_from_slice(DOMAIN);
        text.extend_from_slice(feed);
        text.extend_from_slice(&epoch.to_be_bytes());
        Self(DEFAULT.sha256(&text))
    }

    /// With one rule more.
    #[must_use]
    pub fn then(&self, rule: &Rule) -> Self {
        let mut text = [0; 32 + Rule::BYTES];
        let (before, added) = text.split_at_mut(32);
        before.copy_from_slice(&self.0);
        added.copy_from_slice(&rule.bytes());
        Self(DEFAULT.sha256(&text))
    }

    /// With these rules more.
    #[must_use]
    pub fn over<'a>(self, rules: impl IntoIterator<Item = &'a Rule>) -> Self {
        rules.into_iter().fold(self, |chain, rule| chain.then(rule))
    }
}

impl TryFrom<String> for Chain {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = base64url::decode(text).and_then(|b| b.try_into().ok());
        bytes.map(Self).ok_or("32 bytes, base64url")
    }
}

impl From<Chain> for String {
    fn from(chain: Chain) -> Self {
        base64url::encode(chain.0)
    }
}
