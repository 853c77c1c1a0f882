//! Stands where the revocation feed is when the crate is built without it: nothing is followed.

use crate::check::Moment;
use crate::identity::Identity;
use crate::keys::Source;
use crate::refusal::Revocation;
use crate::staleness::Terms;
use crate::status::FeedStatus;
use std::marker::PhantomData;
use std::time::Duration;

/// A token's names in the feed: none.
#[derive(Clone, Copy)]
pub(crate) struct Named;

/// How old the knowledge of revocations is.
#[expect(dead_code, reason = "the two kinds there are with the feed")]
pub(crate) enum Age {
    NotFollowed,
    Known { age: Duration, hard: Duration },
    Unknown,
}

impl Age {
    pub(crate) fn known(&self) -> Option<Duration> {
        None
    }
}

pub(crate) struct Feed;

impl Feed {
    pub(crate) async fn ready(&self, _: &Source) {}

    pub(crate) fn look(&self) -> Look<'_> {
        Look(PhantomData)
    }

    pub(crate) fn note(&self, _: Terms) {}

    pub(crate) fn status(&self, _: Moment, _: Terms) -> Option<FeedStatus> {
        None
    }
}

/// What is known at one moment: nothing.
pub(crate) struct Look<'a>(PhantomData<&'a Feed>);

impl Look<'_> {
    pub(crate) fn age(&self, _: Moment) -> Age {
        Age::NotFollowed
    }

    pub(crate) fn mark(&self) -> u64 {
        0
    }

    pub(crate) fn speaks(&self, _: &Named) -> bool {
        true
    }

    pub(crate) fn names(&self, _: &Identity) -> Named {
        Named
    }

    pub(crate) fn covering(&self, _: &Named, _: &Identity) -> Option<Revocation> {
        None
    }
}
