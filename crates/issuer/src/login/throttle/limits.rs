//! How many failures each kind of attempt may have, and what it waits after them: one row a kind.

use super::bucket::{Limits, SECOND};
use crate::model::Factor;
use std::time::Duration;

/// What is tried. Each has buckets of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Lane {
    /// A factor of a person.
    Factor(Factor),
    /// The key of an API user.
    ApiKey,
}

/// An API user's key, as the log of events says it.
pub(crate) const API_KEY: &str = "api_key";

/// Whether trying leads anywhere.
pub(super) enum Guessed {
    Password,
    /// Few digits, or a word on paper.
    Code,
    /// Too long, or signed.
    Never,
}

impl Lane {
    /// What is tried, as the log of events says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Factor(factor) => factor.name(),
            Self::ApiKey => API_KEY,
        }
    }

    pub(super) const fn guessed(self) -> Guessed {
        match self {
            Self::ApiKey | Self::Factor(Factor::Password) => Guessed::Password,
            Self::Factor(Factor::Totp | Factor::SmsCode | Factor::EmailCode | Factor::RecoveryCode) => {
                Guessed::Code
            }
            Self::Factor(Factor::Passkey | Factor::SecurityKey | Factor::MagicLink | Factor::Upstream) => {
                Guessed::Never
            }
        }
    }
}

/// The limits of one kind.
pub(super) struct Row {
    /// Of one account.
    pub(super) account: &'static Limits,
    /// Attempts under way for an account without failures.
    pub(super) parallel: u32,
    /// Of one address.
    pub(super) address: &'static Limits,
    /// Of one address, while there is a storm.
    pub(super) address_in_storm: &'static Limits,
    /// A right secret forgets the account's failures.
    pub(super) forgives: bool,
}

/// Failures, everywhere, from which on there is a storm.
pub(super) const STORM: u32 = 1_000;
/// Of everything.
pub(super) const EVERYTHING: Limits =
    Limits { free: u32::MAX, first: SECOND, longest: Duration::ZERO, forget: Duration::from_millis(100) };

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// Passwords: a longest delay of five minutes allows 288 guesses a day and lets the owner in again soon.
const PASSWORD: Limits = Limits { free: 5, first: SECOND, longest: minutes(5), forget: minutes(10) };
/// Six digits of an app, three of them right at a time: 96 guesses a day find one in about ten years.
const APP: Limits = Limits { free: 5, first: SECOND, longest: minutes(15), forget: minutes(30) };
/// Six digits by mail or SMS, beside the five tries of each: 20 at once, then one each 72 minutes, which is
/// 20 a day.
const SENT: Limits = Limits { free: 19, first: minutes(72), longest: minutes(72), forget: minutes(72) };
/// Recovery codes: too long to guess; who mistypes one of ten may try each.
const PAPER: Limits = Limits { free: 10, first: SECOND, longest: minutes(5), forget: minutes(10) };
/// Keys, links and other providers' answers cannot be guessed: what is bounded is work.
const UNGUESSABLE: Limits = Limits { free: 20, first: SECOND, longest: minutes(1), forget: minutes(1) };
/// A device that signed the person in before: ten, then one an hour.
pub(super) const DEVICE: Limits =
    Limits { free: 9, first: minutes(60), longest: minutes(60), forget: minutes(60) };

/// New passwords chosen from one address, good ones and weak ones: each costs a hash or a judgement. An office
/// that signs up at once has its room; then it is six a minute.
pub(super) const NEW_PASSWORD: Limits =
    Limits { free: 49, first: SECOND, longest: minutes(1), forget: Duration::from_secs(10) };

/// Many people may share an address.
const ADDRESS: Limits =
    Limits { free: 20, first: SECOND, longest: minutes(5), forget: Duration::from_secs(30) };
const ADDRESS_IN_STORM: Limits = Limits { free: 5, ..ADDRESS };

const fn row(account: &'static Limits, parallel: u32, forgives: bool) -> Row {
    Row { account, parallel, address: &ADDRESS, address_in_storm: &ADDRESS_IN_STORM, forgives }
}

/// Passwords cost a hash each, which bounds a burst; a person's apps may sign in together.
const OF_PASSWORD: Row = row(&PASSWORD, 64, true);
const OF_APP: Row = row(&APP, APP.free, true);
/// A right code forgives nothing: it is so many a day.
const OF_SENT: Row = row(&SENT, SENT.free, false);
const OF_PAPER: Row = row(&PAPER, PAPER.free, true);
const OF_UNGUESSABLE: Row = row(&UNGUESSABLE, 64, true);

/// The row of a kind.
pub(super) const fn of_lane(lane: Lane) -> &'static Row {
    match lane {
        Lane::ApiKey | Lane::Factor(Factor::Password) => &OF_PASSWORD,
        Lane::Factor(Factor::Totp) => &OF_APP,
        Lane::Factor(Factor::SmsCode | Factor::EmailCode) => &OF_SENT,
        Lane::Factor(Factor::RecoveryCode) => &OF_PAPER,
        Lane::Factor(Factor::Passkey | Factor::SecurityKey | Factor::MagicLink | Factor::Upstream) => {
            &OF_UNGUESSABLE
        }
    }
}
