//! The JOSE header (RFC 7515 4): what is read, what is refused.
//!
//! `alg`, `typ`, `cty` and `kid` are read. `crit` in any form, `b64` (RFC 7797), `zip` and `enc` (JWE) are
//! refused, since nothing they announce is supported; so is `jwk`, which only a DPoP proof carries and
//! which must never be a key source here. `jku`, `x5u`, `x5c`, `x5t` and unknown parameters are checked
//! as JSON and ignored: other issuers send them, and the key comes from the configured set alone.

use crate::VerifyError;
use crate::json::{JsonError, Scanner, utf8};
use std::borrow::Cow;

/// Bytes of an encoded header at most.
pub(crate) const MAX_HEADER: usize = 8 * 1024;

/// What of a header is used.
#[derive(Default)]
pub(crate) struct Header<'a> {
    pub(crate) alg: Cow<'a, str>,
    pub(crate) typ: Option<Cow<'a, str>>,
    pub(crate) cty: Option<Cow<'a, str>>,
    pub(crate) kid: Option<Cow<'a, str>>,
}

/// Parameters that are refused whatever they hold.
const FORBIDDEN: [&str; 5] = ["crit", "b64", "zip", "enc", "jwk"];

pub(crate) fn malformed(error: JsonError) -> VerifyError {
    VerifyError::new("malformed", None, format!("header: {error}"))
}

impl<'a> Header<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut scanner = Scanner::new(utf8(bytes).map_err(malformed)?);
        let mut object = scanner.open_object().map_err(malformed)?;
        let mut header = Self::default();
        let mut alg = None;
        while let Some(name) = scanner.next_name(&mut object).map_err(malformed)? {
            match name.as_ref() {
                "alg" => alg = Some(text(&mut scanner, "alg")?),
                "typ" => header.typ = Some(text(&mut scanner, "typ")?),
                "kid" => header.kid = Some(text(&mut scanner, "kid")?),
                "cty" => header.cty = Some(text(&mut scanner, "cty")?),
                other => {
                    if let Some(name) = FORBIDDEN.into_iter().find(|name| *name == other) {
                        return Err(VerifyError::new("forbidden_header", Some(name), "not supported here"));
                    }
                    scanner.skip().map_err(malformed)?;
                }
            }
        }
        scanner.end().map_err(malformed)?;
        header.alg = alg.ok_or_else(|| VerifyError::new("malformed", Some("alg"), "the header has none"))?;
        Ok(header)
    }
}

/// A parameter that must be a string.
pub(crate) fn text<'a>(scanner: &mut Scanner<'a>, name: &'static str) -> Result<Cow<'a, str>, VerifyError> {
    match scanner.peek() {
        Some(b'"') => scanner.string().map_err(malformed),
        _ => Err(VerifyError::new("malformed", Some(name), "expected a string")),
    }
}
