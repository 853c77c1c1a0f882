//! The JOSE header of a JWE (RFC 7516 4): what is read, what is refused.
//!
//! `crit` in any form, `zip`, `b64` and `jwk` are refused, as in a JWS. `jku`, `x5u`, `x5c`, `x5t` and
//! unknown parameters are checked as JSON and ignored: a key comes from the configured keys alone.

use crate::header::{malformed, text};
use crate::json::{Scanner, utf8};
use crate::{Jwk, VerifyError, base64url};
use serde::Deserialize;
use std::borrow::Cow;

/// What of a header is used.
#[derive(Default)]
pub(super) struct Header<'a> {
    pub(super) alg: Cow<'a, str>,
    pub(super) enc: Cow<'a, str>,
    pub(super) typ: Option<Cow<'a, str>>,
    pub(super) cty: Option<Cow<'a, str>>,
    pub(super) kid: Option<Cow<'a, str>>,
    pub(super) epk: Option<Jwk>,
    pub(super) apu: Vec<u8>,
    pub(super) apv: Vec<u8>,
}

/// Parameters that are refused whatever they hold.
const FORBIDDEN: [&str; 4] = ["crit", "zip", "b64", "jwk"];

impl<'a> Header<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut scanner = Scanner::new(utf8(bytes).map_err(malformed)?);
        let mut object = scanner.open_object().map_err(malformed)?;
        let mut header = Self::default();
        let (mut alg, mut enc) = (None, None);
        while let Some(name) = scanner.next_name(&mut object).map_err(malformed)? {
            match name.as_ref() {
                "alg" => alg = Some(text(&mut scanner, "alg")?),
                "enc" => enc = Some(text(&mut scanner, "enc")?),
                "typ" => header.typ = Some(text(&mut scanner, "typ")?),
                "cty" => header.cty = Some(text(&mut scanner, "cty")?),
                "kid" => header.kid = Some(text(&mut scanner, "kid")?),
                "epk" => header.epk = Some(sender_key(&mut scanner)?),
                "apu" => header.apu = party(&mut scanner, "apu")?,
                "apv" => header.apv = party(&mut scanner, "apv")?,
                other => {
                    if let Some(name) = FORBIDDEN.into_iter().find(|name| *name == other) {
                        return Err(VerifyError::new("forbidden_header", Some(name), "not supported here"));
                    }
                    scanner.skip().map_err(malformed)?;
                }
            }
        }
        scanner.end().map_err(malformed)?;
        let due = |name| VerifyError::new("malformed", Some(name), "the header has none");
        header.alg = alg.ok_or_else(|| due("alg"))?;
        header.enc = enc.ok_or_else(|| due("enc"))?;
        Ok(header)
    }
}

/// `epk` (RFC 7518 4.6.1.1): a public key; one with a private member tells a secret and is refused.
fn sender_key(scanner: &mut Scanner<'_>) -> Result<Jwk, VerifyError> {
    if scanner.peek() != Some(b'{') {
        return Err(VerifyError::new("malformed", Some("epk"), "expected an object"));
    }
    Jwk::deserialize(scanner).map_err(|e| VerifyError::new("malformed", Some("epk"), e.detail()))
}

/// `apu`, `apv` (RFC 7518 4.6.1.2): base64url.
fn party(scanner: &mut Scanner<'_>, name: &'static str) -> Result<Vec<u8>, VerifyError> {
    base64url::decode(text(scanner, name)?.as_ref())
        .ok_or_else(|| VerifyError::new("malformed", Some(name), "not base64url"))
}
