//! The keys that open messages, and which of them a header selects.

use super::compact::wrong;
use super::header::Header;
use super::{DecryptionKey, KeyManagement};
use crate::VerifyError;
use crate::text::shown;
use std::sync::Arc;

/// Keys to choose from by the header's `kid`. Cheap to clone.
#[derive(Clone, Default, Debug)]
pub struct DecryptionKeys {
    keys: Arc<[DecryptionKey]>,
}

impl DecryptionKeys {
    /// From parsed keys. Of two keys with one id the first is chosen.
    pub fn new(keys: impl IntoIterator<Item = DecryptionKey>) -> Self {
        Self { keys: keys.into_iter().collect() }
    }

    /// The keys, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &DecryptionKey> {
        self.keys.iter()
    }

    /// The key of the header's `kid`; without one exactly one key must fit the algorithm it names. The
    /// algorithm must be that key's own.
    pub(super) fn choose(&self, header: &Header<'_>) -> Result<&DecryptionKey, VerifyError> {
        if KeyManagement::parse(&header.alg).is_none() {
            return Err(wrong("alg", "an algorithm of the keys", &header.alg));
        }
        let fits = |key: &&DecryptionKey| key.algorithm().name() == header.alg;
        let key = match &header.kid {
            Some(kid) => self.keys.iter().find(|key| key.kid() == kid).ok_or_else(|| {
                let detail = format!("no key for kid {}", shown(kid, 48));
                VerifyError::new("unknown_key", Some("kid"), detail)
            })?,
            None => {
                let mut fitting = self.keys.iter().filter(fits);
                match (fitting.next(), fitting.next()) {
                    (Some(only), None) => only,
                    (None, _) => {
                        return Err(VerifyError::new("unknown_key", Some("kid"), "no kid, and no key fits"));
                    }
                    (Some(_), Some(_)) => {
                        let detail = "no kid, and several keys fit";
                        return Err(VerifyError::new("ambiguous_key", Some("kid"), detail));
                    }
                }
            }
        };
        match fits(&key) {
            true => Ok(key),
            false => Err(wrong("alg", key.algorithm().name(), &header.alg)),
        }
    }
}
