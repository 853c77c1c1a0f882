//! Nested JWTs (RFC 7519 5.2, Appendix A.2): a signed token inside an encrypted one, one level deep.
//!
//! The inside is judged by the ordinary [`verify`](crate::verify()) and its whole policy; encryption adds
//! secrecy, never trust. Claims repeated in the outer header (RFC 7519 5.3) are not read.
//!
//! ```
//! use countersign_token::jwe::{DecryptionKey, DecryptionKeys, Kind, KeyManagement};
//! use countersign_token::{Algorithm, KeySet, Policy, SigningKey, Timestamp, TokenType, nested};
//!
//! let signer = SigningKey::generate(Algorithm::Ed25519)?;
//! let own = DecryptionKey::generate(Kind::X25519(KeyManagement::EcdhEs))?;
//! let claims = serde_json::json!({"iss": "https://id.example", "aud": "shop", "sub": "u_1", "exp": 2_000_000_000});
//! let token = nested::encrypt(&signer.sign("JWT", &claims)?, &own.encryption_key()?)?;
//!
//! let policy = Policy::issuer("https://id.example")
//!     .audience(["shop"])
//!     .token_type(TokenType::Id)
//!     .algorithms(&[Algorithm::Ed25519])
//!     .encrypted_to(DecryptionKeys::new([own]));
//! let keys = KeySet::new([signer.verifying_key()?]);
//! let now = Timestamp::from_seconds(1_900_000_000);
//! let verified = nested::verify::<serde_json::Value>(&token, &keys, &policy, now)?;
//! assert_eq!(verified.claims["sub"], "u_1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::jwe::{self, DecryptionKeys, EncryptionKey};
use crate::text::shown;
use crate::{KeyError, KeySet, Policy, Timestamp, TokenType, Verified, VerifyError};
use serde::de::DeserializeOwned;

/// The `cty` of an encrypted token whose content is a token (RFC 7519 5.2).
const CONTENT: TokenType = TokenType::Named("JWT");

/// A policy for tokens that are encrypted to one of these keys. Made by [`Policy::encrypted_to`].
#[derive(Clone, Debug)]
pub struct EncryptedPolicy {
    policy: Policy,
    keys: DecryptionKeys,
    required: bool,
}

impl Policy {
    /// The token must be encrypted to one of these keys; inside, this policy holds.
    pub fn encrypted_to(self, keys: DecryptionKeys) -> EncryptedPolicy {
        EncryptedPolicy { policy: self, keys, required: true }
    }
}

impl EncryptedPolicy {
    /// A token that is only signed is due as well.
    #[must_use]
    pub fn or_only_signed(self) -> Self {
        Self { required: false, ..self }
    }
}

/// Encrypts a signed token to a recipient.
pub fn encrypt(signed: &str, to: &EncryptionKey) -> Result<String, KeyError> {
    to.encrypt(Some(CONTENT.name()), Some(CONTENT.name()), signed.as_bytes())
}

/// Decrypts where the token is encrypted, then verifies what is signed, at `now`.
///
/// Codes: those of [`jwe::decrypt`] and [`crate::verify()`], and `not_encrypted`.
pub fn verify<C: DeserializeOwned>(
    token: &str,
    keys: &KeySet,
    policy: &EncryptedPolicy,
    now: Timestamp,
) -> Result<Verified<C>, VerifyError> {
    // Three parts are a JWS, five a JWE (RFC 7516 9).
    if token.bytes().filter(|byte| *byte == b'.').count() < 4 {
        return match policy.required {
            true => Err(VerifyError::new("not_encrypted", None, "a token that is only signed is not due")),
            false => crate::verify(token, keys, &policy.policy, now),
        };
    }
    let outer = jwe::decrypt(token, &policy.keys, policy.policy.max_bytes)?;
    if outer.cty.is_none() || !CONTENT.accepts(outer.cty.as_deref()) {
        let came = outer.cty.as_deref().map_or("none".to_owned(), |cty| shown(cty, 32));
        let detail = format!("expected {}, came {came}", CONTENT.name());
        return Err(VerifyError::new("wrong_type", Some("cty"), detail));
    }
    let malformed = |_| VerifyError::new("malformed", None, "the content is not a token");
    let inner = std::str::from_utf8(&outer.plaintext).map_err(malformed)?;
    crate::verify(inner, keys, &policy.policy, now)
}
