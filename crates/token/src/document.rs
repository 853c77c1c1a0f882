//! Documents: any bytes, signed (RFC 7515), sealed to a recipient (RFC 7516), or both.
//!
//! A document is never a token. Its `typ` is due on both sides and no token's: [`DocumentType`] refuses the
//! names of tokens (`JWT`, `at+jwt`, everything ending in `jwt`, `JOSE`), so what somebody got signed as a
//! document is accepted nowhere as a token, and the other way round.
//!
//! | you want | write | read |
//! |---|---|---|
//! | others to know it is yours | [`sign`], [`sign_detached`] | [`verify`], [`verify_detached`] |
//! | only one reader | [`seal`] | [`open`]: tells nothing about who wrote it |
//! | both | [`sign_then_seal`] | [`open_then_verify`] |
//!
//! A reader can seal a signed document again for somebody else: where it matters whom it was for, the
//! content must say so.
//!
//! ```
//! use countersign_token::document::{self, Draft, DocumentType, Policy};
//! use countersign_token::{Algorithm, KeySet, SigningKey};
//!
//! let invoice = DocumentType::new("invoice+json")?;
//! let key = SigningKey::generate(Algorithm::Ed25519)?;
//! let text = document::sign(&Draft::new(&invoice, br#"{"total": 12}"#), &key)?;
//!
//! let policy = Policy::new(&invoice, &[Algorithm::Ed25519]);
//! let signed = document::verify(&text, &KeySet::new([key.verifying_key()?]), &policy)?;
//! assert_eq!(signed.content, br#"{"total": 12}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::header::Header;
use crate::jwe::{self, DecryptionKeys, EncryptionKey};
use crate::policy::strip;
use crate::provider::jwe::Secret;
use crate::text::shown;
use crate::verify::{Parts, check_size, choose};
use crate::{Algorithm, KeyError, KeySet, SigningKey, VerifyError, base64url};
use serde::Serialize;

/// Bytes of a document at most, as it is written, where nothing else is said.
pub const MAX_BYTES: usize = 1 << 20;

/// Characters of a type at most (RFC 6838 4.2: 127 on either side of the slash).
const MAX_TYPE: usize = 127;

/// What the content of a sealed document is when it is a signed one: a compact JWS (RFC 7515 9.2.1).
const SIGNED_INSIDE: &str = "JOSE";

/// What kind of document: the header's `typ`. Written without `application/`, compared without case
/// (RFC 7515 4.1.9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentType(String);

impl DocumentType {
    /// A media type (`application/` may be left out), such as `invoice+json` or `text/plain`. Refused
    /// with `reserved_type`: the name of a token. With `bad_document`: no media type.
    pub fn new(name: &str) -> Result<Self, KeyError> {
        let name = media_type(name)?;
        match is_reserved(name) {
            true => Err(KeyError::new("reserved_type", format!("{} is a token's type", shown(name, 32)))),
            false => Ok(Self(name.to_owned())),
        }
    }

    /// The name, without `application/`.
    pub fn name(&self) -> &str {
        &self.0
    }

    fn check(&self, came: Option<&str>) -> Result<(), VerifyError> {
        if came.is_some_and(|came| strip(came).eq_ignore_ascii_case(&self.0)) {
            return Ok(());
        }
        let came = came.map_or("none".to_owned(), |typ| shown(typ, 32));
        Err(VerifyError::new(
            "wrong_type",
            Some("typ"),
            format!("expected {}, came {came}", shown(&self.0, 32)),
        ))
    }
}

/// Restricted names of RFC 6838 4.2, with at most one slash between them.
fn media_type(name: &str) -> Result<&str, KeyError> {
    let restricted = |part: &str| {
        let first = part.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        first && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let name = strip(name);
    let (kind, rest) = name.split_once('/').unwrap_or((name, "x"));
    match name.len() <= MAX_TYPE && restricted(kind) && restricted(rest) {
        true => Ok(name),
        false => Err(KeyError::new("bad_document", format!("{} is no media type", shown(name, 32)))),
    }
}

/// Tokens are `JWT` or end in it (RFC 8725 3.11: `at+jwt`, `dpop+jwt`, `kb+jwt`, ...); `JOSE` says nothing
/// of what is inside.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("jwt") || name == "jose" || name == "jose+json"
}

/// A document before it is signed or sealed.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    typ: &'a DocumentType,
    content_type: Option<&'a str>,
    content: &'a [u8],
}

impl<'a> Draft<'a> {
    /// Of that type and content, which must not be empty.
    pub fn new(typ: &'a DocumentType, content: &'a [u8]) -> Self {
        Self { typ, content_type: None, content }
    }

    /// Says what the content is, by media type: the header's `cty`.
    #[must_use]
    pub fn content_type(self, content_type: &'a str) -> Self {
        Self { content_type: Some(content_type), ..self }
    }

    fn check(&self) -> Result<(), KeyError> {
        if self.content.is_empty() {
            return Err(KeyError::new("bad_document", "an empty document could be taken for a detached one"));
        }
        match self.content_type.map(media_type).transpose()? {
            Some(name) if is_reserved(name) => {
                Err(KeyError::new("reserved_type", format!("{} is a token's type", shown(name, 32))))
            }
            _ => Ok(()),
        }
    }
}

/// The header of every document signed here, in this order.
#[derive(Serialize)]
struct Written<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cty: Option<&'a str>,
    kid: &'a str,
}

/// Signs: a compact JWS that carries its content.
pub fn sign(draft: &Draft<'_>, by: &SigningKey) -> Result<String, KeyError> {
    let (mut text, _) = signing_input(draft, by)?;
    let signature = by.signature(text.as_bytes())?;
    text.push('.');
    base64url::append(&signature, &mut text);
    Ok(text)
}

/// Signs a content that travels beside: `header..signature` (RFC 7515, Appendix F).
pub fn sign_detached(draft: &Draft<'_>, by: &SigningKey) -> Result<String, KeyError> {
    let (mut text, header) = signing_input(draft, by)?;
    let signature = by.signature(text.as_bytes())?;
    text.truncate(header);
    text.push_str("..");
    base64url::append(&signature, &mut text);
    Ok(text)
}

/// Header, dot, content; and where the header ends.
fn signing_input(draft: &Draft<'_>, by: &SigningKey) -> Result<(String, usize), KeyError> {
    draft.check()?;
    let (alg, cty) = (by.algorithm().name(), draft.content_type.map(strip));
    let header = serde_json::to_vec(&Written { alg, typ: draft.typ.name(), cty, kid: by.kid() })
        .map_err(|e| KeyError::new("bad_document", shown(&e.to_string(), 120)))?;
    let mut text = base64url::encode(header);
    let end = text.len();
    text.push('.');
    base64url::append(draft.content, &mut text);
    Ok((text, end))
}

/// Seals to a recipient: a compact JWE. Nobody can tell from it who wrote it.
pub fn seal(draft: &Draft<'_>, to: &EncryptionKey) -> Result<String, KeyError> {
    draft.check()?;
    to.encrypt(Some(draft.typ.name()), draft.content_type.map(strip), draft.content)
}

/// Signs, then seals the signed text.
pub fn sign_then_seal(draft: &Draft<'_>, by: &SigningKey, to: &EncryptionKey) -> Result<String, KeyError> {
    to.encrypt(Some(draft.typ.name()), Some(SIGNED_INSIDE), sign(draft, by)?.as_bytes())
}

/// What a signed document must be to be believed.
#[derive(Clone, Debug)]
pub struct Policy {
    typ: DocumentType,
    algorithms: Vec<Algorithm>,
    max_bytes: usize,
}

impl Policy {
    /// Of that type, by a key of one of these algorithms.
    pub fn new(typ: &DocumentType, algorithms: &[Algorithm]) -> Self {
        Self { typ: typ.clone(), algorithms: algorithms.to_vec(), max_bytes: MAX_BYTES }
    }

    /// Maximum size in bytes, of the text and of a detached content each; default 1 MiB.
    #[must_use]
    pub fn max_bytes(self, max: usize) -> Self {
        Self { max_bytes: max, ..self }
    }
}

/// A document whose signature is good. Built by the functions of this module only.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Signed {
    /// The content.
    pub content: Vec<u8>,
    /// What the content is, by media type, if the signer said so.
    pub content_type: Option<String>,
    /// The signer's key.
    pub kid: Option<String>,
    /// Its algorithm.
    pub algorithm: Algorithm,
}

/// A document that was opened: only its secrecy is known, not who wrote it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Opened {
    /// The content; wiped when dropped.
    pub content: Secret,
    /// What the content is, by media type, if the writer said so.
    pub content_type: Option<String>,
    /// The key that opened it.
    pub kid: String,
}

/// Verifies a signed document that carries its content.
///
/// Codes: those of [`crate::verify()`] that are about keys, header, signature and type.
pub fn verify(text: &str, keys: &KeySet, policy: &Policy) -> Result<Signed, VerifyError> {
    check_size(text, policy.max_bytes)?;
    let parts = Parts::of(text)?;
    if parts.claims.is_empty() {
        return Err(malformed("the content is detached"));
    }
    let content = base64url::decode(parts.claims).ok_or_else(|| malformed("content is not base64url"))?;
    verified(&parts, parts.signed, content, keys, policy)
}

/// Verifies a signature of a content that travels beside (RFC 7515, Appendix F).
pub fn verify_detached(
    text: &str,
    content: &[u8],
    keys: &KeySet,
    policy: &Policy,
) -> Result<Signed, VerifyError> {
    check_size(text, policy.max_bytes)?;
    if content.len() > policy.max_bytes {
        let detail = format!("a content of {} bytes; at most {} are due", content.len(), policy.max_bytes);
        return Err(VerifyError::new("too_large", None, detail));
    }
    let parts = Parts::of(text)?;
    if !parts.claims.is_empty() {
        return Err(malformed("the content is not detached"));
    }
    if content.is_empty() {
        return Err(malformed("an empty content"));
    }
    let mut input = format!("{}.", parts.header);
    base64url::append(content, &mut input);
    verified(&parts, &input, content.to_vec(), keys, policy)
}

/// Opens a sealed document of that type, of at most `max_bytes` as it is written.
///
/// Codes: those of [`jwe::decrypt`], `wrong_type`, and `signed_inside` for what [`open_then_verify`] reads.
pub fn open(
    text: &str,
    keys: &DecryptionKeys,
    typ: &DocumentType,
    max_bytes: usize,
) -> Result<Opened, VerifyError> {
    let opened = jwe::decrypt(text, keys, max_bytes)?;
    typ.check(opened.typ.as_deref())?;
    if is_signed_inside(opened.cty.as_deref()) {
        let detail = "the content is a signed document: verify it too";
        return Err(VerifyError::new("signed_inside", Some("cty"), detail));
    }
    Ok(Opened { content: opened.plaintext, content_type: opened.cty, kid: opened.kid })
}

/// Opens a sealed document and verifies the signed one inside. Both must be of the policy's type.
///
/// Codes: those of [`open`] and [`verify`], and `not_signed`.
pub fn open_then_verify(
    text: &str,
    own: &DecryptionKeys,
    signers: &KeySet,
    policy: &Policy,
) -> Result<Signed, VerifyError> {
    let opened = jwe::decrypt(text, own, policy.max_bytes)?;
    policy.typ.check(opened.typ.as_deref())?;
    if !is_signed_inside(opened.cty.as_deref()) {
        return Err(VerifyError::new("not_signed", Some("cty"), "a document that is only sealed is not due"));
    }
    let text = std::str::from_utf8(&opened.plaintext).map_err(|_| malformed("the content is no text"))?;
    verify(text, signers, policy)
}

fn is_signed_inside(cty: Option<&str>) -> bool {
    cty.is_some_and(|cty| strip(cty).eq_ignore_ascii_case(SIGNED_INSIDE))
}

fn malformed(detail: &str) -> VerifyError {
    VerifyError::new("malformed", None, detail)
}

fn verified(
    parts: &Parts<'_>,
    input: &str,
    content: Vec<u8>,
    keys: &KeySet,
    policy: &Policy,
) -> Result<Signed, VerifyError> {
    let bytes = base64url::decode(parts.header).ok_or_else(|| malformed("header is not base64url"))?;
    let signature =
        base64url::decode(parts.signature).ok_or_else(|| malformed("signature is not base64url"))?;
    let header = Header::read(&bytes)?;
    let key = choose(keys, &policy.algorithms, &header)?;
    if !key.verify_signature(input.as_bytes(), &signature) {
        return Err(VerifyError::new("bad_signature", None, "the signature is not this key's"));
    }
    policy.typ.check(header.typ.as_deref())?;
    Ok(Signed {
        content,
        content_type: header.cty.map(Into::into),
        kid: key.kid().map(str::to_owned),
        algorithm: key.algorithm(),
    })
}
