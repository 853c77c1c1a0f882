//! What requests ask while a [`crate::Follower`] writes: the rules of every epoch that still has some, and how
//! old this knowledge is. Cheap to clone; asking takes no lock and allocates nothing.

use crate::{Kind, Names, Rule, Salt};
use std::sync::Arc;
use std::time::Duration;

/// A rule that covers a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// What it names.
    pub kind: Kind,
    /// The rule.
    pub rule: Rule,
    /// Of which epoch.
    pub epoch: u64,
}

/// Rules and their age.
#[derive(Clone, Debug, Default)]
pub struct View {
    inner: Arc<()>,
}

impl View {
    /// The salt under which [`Self::covers`] wants names now. `None`: no head has come yet.
    pub fn salt(&self) -> Option<Salt> {
        let _ = &self.inner;
        todo!()
    }

    /// The rule that covers a token, if any. `names` under another salt than [`Self::salt`] are an error of the
    /// caller: keep the salt beside the names. Older epochs whose salt differs ask `again` for names under theirs.
    pub fn covers(&self, _names: &Names, _iat: i64, _again: impl Fn(&Salt) -> Names) -> Option<Hit> {
        todo!()
    }

    /// How old the newest proven head is at monotonic time `elapsed`. `None`: nothing was ever proven.
    pub fn age(&self, _elapsed: Duration) -> Option<Duration> {
        todo!()
    }
}
