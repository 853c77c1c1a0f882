//! Reading a compact JWE (RFC 7516 5.2, 7.1).
//!
//! What is refused before a secret is touched says why: form, header, key choice, and lengths that the
//! algorithm fixes. What fails afterwards is one error, [`FAILED`], and takes the same path: where a
//! content key does not unwrap, a random one takes its place (RFC 7516 11.5), so that the tag refuses it.

use super::algorithm::TAG_BYTES;
use super::header::Header;
use super::{ContentEncryption, DecryptionKeys, KeyManagement};
use crate::header::MAX_HEADER;
use crate::provider::jwe::Secret;
use crate::text::shown;
use crate::verify::check_size;
use crate::{VerifyError, base64url};

/// Bytes of a compact JWE at most, where nothing else is said.
pub const MAX_BYTES: usize = crate::policy::MAX_BYTES;

/// The code of every failure after parsing.
const FAILED: &str = "decryption_failed";

/// A message that was opened. Nothing in it says who sent it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Decrypted {
    /// The content; wiped when dropped.
    pub plaintext: Secret,
    /// The header's `typ`.
    pub typ: Option<String>,
    /// The header's `cty`: what the content is.
    pub cty: Option<String>,
    /// The id of the key that opened it.
    pub kid: String,
    /// How the content key came.
    pub alg: KeyManagement,
    /// How the content was encrypted.
    pub enc: ContentEncryption,
}

/// Opens a compact JWE of at most `max_bytes`.
///
/// Codes: `too_large`, `malformed`, `forbidden_header`, `wrong_algorithm`, `unknown_key`,
/// `ambiguous_key`, and `decryption_failed` for whatever depends on a secret.
pub fn decrypt(token: &str, keys: &DecryptionKeys, max_bytes: usize) -> Result<Decrypted, VerifyError> {
    check_size(token, max_bytes)?;
    let parts = Parts::of(token)?;
    let bytes = parts.decoded(parts.header, "header")?;
    let header = Header::read(&bytes)?;
    let key = keys.choose(&header)?;
    let enc = key.encryption(&header.enc)?;
    let (iv, tag) = (parts.decoded(parts.iv, "iv")?, parts.decoded(parts.tag, "tag")?);
    for (name, came, due) in [("iv", iv.len(), enc.iv_bytes()), ("tag", tag.len(), TAG_BYTES)] {
        if came != due {
            let detail = format!("{name}: {due} bytes due for {enc}, {came} came");
            return Err(VerifyError::new("malformed", None, detail));
        }
    }
    let encrypted_key = parts.decoded(parts.encrypted_key, "encrypted key")?;
    let text = parts.decoded(parts.text, "ciphertext")?;
    let content_key = key.content_key(&header, enc, &encrypted_key)?;
    let plaintext =
        key.cipher().decrypt(enc, &content_key, &iv, parts.header.as_bytes(), (&text, &tag)).ok_or_else(
            || VerifyError::new(FAILED, None, "the message was not encrypted to this key, or altered"),
        )?;
    Ok(Decrypted {
        plaintext,
        typ: header.typ.map(Into::into),
        cty: header.cty.map(Into::into),
        kid: key.kid().to_owned(),
        alg: key.algorithm(),
        enc,
    })
}

/// A compact JWE, split.
struct Parts<'t> {
    header: &'t str,
    encrypted_key: &'t str,
    iv: &'t str,
    text: &'t str,
    tag: &'t str,
}

impl<'t> Parts<'t> {
    fn of(token: &'t str) -> Result<Self, VerifyError> {
        let mut parts = token.split('.');
        let mut next = || parts.next();
        let split = (next(), next(), next(), next(), next(), next());
        let (Some(header), Some(encrypted_key), Some(iv), Some(text), Some(tag), None) = split else {
            return Err(VerifyError::new("malformed", None, "not five parts"));
        };
        if header.len() > MAX_HEADER {
            let detail = format!("a header of {} bytes; at most {MAX_HEADER} are due", header.len());
            return Err(VerifyError::new("too_large", None, detail));
        }
        Ok(Self { header, encrypted_key, iv, text, tag })
    }

    fn decoded(&self, part: &str, name: &str) -> Result<Vec<u8>, VerifyError> {
        base64url::decode(part)
            .ok_or_else(|| VerifyError::new("malformed", None, format!("{name} is not base64url")))
    }
}

/// The algorithm that a header names is not the one due.
pub(super) fn wrong(claim: &'static str, due: &str, came: &str) -> VerifyError {
    let detail = format!("expected {due}, came {}", shown(came, 24));
    VerifyError::new("wrong_algorithm", Some(claim), detail)
}
