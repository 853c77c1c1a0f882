//! Typed ids, made by us from random bytes, never an e-mail or a client's choice (client ids apart).

use crate::port::Entropy;
use countersign_token::base64url;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new one from 16 random bytes.
            pub fn mint(entropy: &dyn Entropy) -> Self {
                Self(format!(concat!($prefix, "{}"), base64url::encode(entropy.bytes::<16>())))
            }
            /// As it stands in the store or a token.
            pub fn from_stored(text: impl Into<String>) -> Self {
                Self(text.into())
            }
            /// The text form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A person: `u_` and 22 characters. No client id may start so.
    UserId, "u_"
);
text_id!(
    /// A browser session: `b_` and 22 characters. Not the cookie's value.
    BrowserSessionId, "b_"
);

/// A client's id: 1 to 200 visible ASCII characters (RFC 6749 A.1), not starting with `u_`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(String);

impl ClientId {
    /// Longest client id, in bytes.
    pub const MAX: usize = 200;

    /// Checks the form.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic())
            && !text.starts_with("u_");
        fits.then(|| Self(text.to_owned()))
    }
    /// As it stands in the store.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client session: 16 random bytes, shown as 22 characters of base64url. This is the `sid` of tokens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientSessionId(pub [u8; 16]);

impl ClientSessionId {
    /// A new one.
    pub fn mint(entropy: &dyn Entropy) -> Self {
        Self(entropy.bytes())
    }
    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        base64url::decode(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for ClientSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for ClientSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
