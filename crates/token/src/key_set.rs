//! A set of keys to choose from, and how it is read from a JWKS document (RFC 7517 5).

use crate::jwk::PRIVATE_MEMBERS;
use crate::provider::{self, Provider};
use crate::{Algorithm, Jwk, KeyError, VerifyingKey, json};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// Bytes of a JWKS document at most.
const MAX_DOCUMENT: usize = 1 << 20;

/// Keys to choose from by the header's `kid`. Cheap to clone.
#[derive(Clone, Default, Debug)]
pub struct KeySet {
    keys: Arc<[VerifyingKey]>,
}

/// Why no key was chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoKey {
    Unknown,
    Ambiguous,
}

impl KeySet {
    /// From parsed keys. Of two keys with one `kid` the first is kept.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let mut kids = HashSet::new();
        let first = |key: &VerifyingKey| key.kid().is_none_or(|kid| kids.insert(kid.to_owned()));
        Self { keys: keys.into_iter().filter(first).collect() }
    }

    /// From a JWKS document. Keys that cannot be used (encryption, unknown type, weak) are left out and
    /// named in the second value; a duplicate `kid` or a private or symmetric key is an error.
    /// An RSA key that names no algorithm is read as RS256, the default of OpenID Connect.
    pub fn from_jwks(document: &[u8]) -> Result<(Self, Vec<KeyError>), KeyError> {
        Self::from_jwks_with(&provider::DEFAULT, document)
    }

    /// As [`Self::from_jwks`], by another provider.
    pub fn from_jwks_with(
        provider: &dyn Provider,
        document: &[u8],
    ) -> Result<(Self, Vec<KeyError>), KeyError> {
        if document.len() > MAX_DOCUMENT {
            return Err(KeyError::new("too_large", format!("a key set of over {MAX_DOCUMENT} bytes")));
        }
        let set: Value = json::read(document).map_err(|e| KeyError::new("malformed", e.detail()))?;
        let Some(entries) = set.get("keys").and_then(Value::as_array) else {
            return Err(KeyError::new("malformed", "no array named keys"));
        };
        let (mut keys, mut left_out, mut kids) = (Vec::new(), Vec::new(), HashSet::new());
        for entry in entries {
            check_public(entry)?;
            if let Some(kid) = entry.get("kid").and_then(Value::as_str)
                && !kids.insert(kid)
            {
                return Err(KeyError::new("duplicate_kid", crate::text::shown(kid, 48)));
            }
            match one(provider, entry) {
                Ok(key) => keys.push(key),
                Err(error) => left_out.push(error),
            }
        }
        Ok((Self::new(keys), left_out))
    }

    /// The key of that id.
    pub fn get(&self, kid: &str) -> Option<&VerifyingKey> {
        self.keys.iter().find(|key| key.kid() == Some(kid))
    }

    /// The key a header selects. Without a `kid` exactly one key must fit the algorithm it names.
    pub(crate) fn choose(&self, kid: Option<&str>, alg: &str) -> Result<&VerifyingKey, NoKey> {
        if let Some(kid) = kid {
            return self.get(kid).ok_or(NoKey::Unknown);
        }
        let mut fitting = self.keys.iter().filter(|key| key.algorithm().is_named(alg));
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(NoKey::Ambiguous),
            (None, _) => Err(NoKey::Unknown),
        }
    }

    /// The keys, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Somebody published a secret: nothing else in that document can be trusted either.
fn check_public(entry: &Value) -> Result<(), KeyError> {
    if entry.get("kty").and_then(Value::as_str) == Some("oct") {
        return Err(KeyError::new("symmetric_key", "a secret in a public key set"));
    }
    if PRIVATE_MEMBERS.into_iter().any(|name| entry.get(name).is_some()) {
        return Err(KeyError::new("private_key", "private members in a public key set"));
    }
    Ok(())
}

fn one(provider: &dyn Provider, entry: &Value) -> Result<VerifyingKey, KeyError> {
    let named = |error: KeyError| match entry.get("kid").and_then(Value::as_str) {
        Some(kid) => {
            KeyError { detail: format!("{}: {}", crate::text::shown(kid, 48), error.detail), ..error }
        }
        None => error,
    };
    let jwk: Jwk = serde::Deserialize::deserialize(entry)
        .map_err(|e: serde_json::Error| KeyError::new("malformed", crate::text::shown(&e.to_string(), 120)))
        .map_err(named)?;
    let fallback = (jwk.kty == "RSA").then_some(Algorithm::Rs256);
    VerifyingKey::from_jwk_with(provider, &jwk, fallback).map_err(named)
}
