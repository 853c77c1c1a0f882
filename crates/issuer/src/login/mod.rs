//! Logging in: the one function that decides what is still missing, and one file a factor.

pub mod browser;
pub mod flow;
pub mod password;
pub mod throttle;

pub use flow::{Asked, Policy, Step, next};

use crate::model::{Subject, UserId};
use countersign_token::Timestamp;
use std::net::IpAddr;

/// Where an attempt comes from, for the limiter and the log.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Address, from the connection or a declared proxy.
    pub ip: IpAddr,
    /// `User-Agent`, cut to 200 characters.
    pub device: String,
}

/// What a proof is for: it is good for nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A browser's sign-in.
    Browser,
    /// The direct API.
    Direct,
}

/// A factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Factor {
    /// Something known.
    Password,
}

/// Somebody proved something, just now, for one purpose. Made by a factor's file only.
#[derive(Clone, Debug)]
pub struct Proof {
    pub(crate) factor: Factor,
    pub(crate) user: UserId,
    pub(crate) purpose: Purpose,
    /// The flow it was made in (the flow cookie's value, or the request's id).
    pub(crate) flow: String,
    pub(crate) credential_version: u32,
    /// Store time.
    pub(crate) at: Timestamp,
    /// The person, as read with the credential.
    pub(crate) subject: Subject,
}

impl Proof {
    /// Whose proof it is.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }
}
