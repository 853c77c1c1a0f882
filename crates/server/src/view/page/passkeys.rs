//! What the page of passkeys is told.

use super::account::Frame;
use super::{Guard, Page};
use serde::Serialize;

/// A passkey or security key in the list.
#[derive(Serialize, Debug)]
pub(crate) struct PasskeyEntry {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Good as a first factor; else second only.
    pub(crate) passkey: bool,
    /// Where it is kept, the end of a text's key: `device`, `eligible`, `backed_up`.
    pub(crate) kept: &'static str,
    pub(crate) created_at: i64,
    pub(crate) used_at: Option<i64>,
}

/// Passkeys: which there are, and one more.
#[derive(Serialize, Debug)]
pub(crate) struct Passkeys {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    /// Oldest first.
    pub(crate) keys: Vec<PasskeyEntry>,
    /// There are as many as there may be.
    pub(crate) full: bool,
    /// This browser's `User-Agent`: the name of a new one, if nothing is typed.
    pub(crate) agent: String,
}

impl Page for Passkeys {
    const TEMPLATE: &'static str = "account_passkeys.html";
    fn guard(&self) -> Guard {
        Guard::OwnWithPasskeys
    }
}
