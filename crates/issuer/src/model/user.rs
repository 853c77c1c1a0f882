//! A person.

use super::{Cutoff, Role, UserId};
use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// May the person use the account?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum UserState {
    /// Yes.
    Active,
    /// No, since then: no login, no refresh, every token before it is revoked.
    Disabled {
        /// When.
        at: Timestamp,
    },
}

/// A person's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    /// Random; the `sub` of tokens.
    pub id: UserId,
    /// Unique without regard to case; kept as typed.
    pub email: String,
    /// Has the person shown that the address is theirs?
    pub email_verified: bool,
    /// Another name to sign in with; unique without regard to case. Holds no `@`.
    pub username: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Names of the roles held, sorted.
    pub roles: Vec<String>,
    /// State.
    pub state: UserState,
    /// Goes up with every change of a credential; sealed blobs that name an older one are void.
    pub credential_version: u32,
    /// Tokens with `iat` <= this are revoked (a global sign-out).
    pub cutoff: Option<Cutoff>,
    /// When made.
    pub created_at: Timestamp,
    /// When last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// May the person use the account?
    pub fn is_active(&self) -> bool {
        self.state == UserState::Active
    }
}

/// Longest address, in bytes (RFC 5321 4.5.3.1.3 without the angle brackets).
const LONGEST_ADDRESS: usize = 254;
/// Longest part before the `@`, in bytes (RFC 5321 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;

/// Is it written as an e-mail address: `name@domain`, without spaces, control characters and what RFC 5322
/// 3.2.3 keeps for other uses? Quoted names (`"a b"@x`) are none: one mailbox would have many spellings.
pub fn is_address(text: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || "\"\\()<>[],;:".contains(c);
    text.len() <= LONGEST_ADDRESS
        && !text.contains(bad)
        && text.split_once('@').is_some_and(|(local, domain)| {
            (1..=LONGEST_LOCAL).contains(&local.len())
                && !domain.is_empty()
                && !domain.contains('@')
                && !domain.ends_with('.')
        })
}

/// A person together with what their roles mean: all that issuing a token needs.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The person.
    pub user: User,
    /// The roles held, whole.
    pub roles: Vec<Arc<Role>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for fine in ["a@b", "o'hara+x@example.test", "gr\u{fc}n@example.test"] {
            assert!(is_address(fine), "{fine}");
        }
        let long = format!("{}@example.test", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b@c",
            "a@b.",
            "\"a\"@b",
            "a\\b@c",
            "<a@b>",
            "a@[127.0.0.1]",
            "a,b@c",
            "a(x)@b",
            long.as_str(),
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
