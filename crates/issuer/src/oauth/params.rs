//! Request parameters as they came: strict form decoding, no parameter twice (RFC 6749 3.1), limits.

use crate::error::{Code, Rejected};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Decoded `application/x-www-form-urlencoded` parameters.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Most parameters in a request.
    pub const MAX_COUNT: usize = 64;
    /// Longest value, in bytes.
    pub const MAX_VALUE: usize = 8 * 1024;
    /// Longest name, in bytes.
    pub const MAX_NAME: usize = 128;

    /// Decodes a query or a body. `invalid_request` for bad percent-encoding, not UTF-8, NUL, too many, too long.
    pub fn parse(raw: &[u8]) -> Result<Self, Rejected> {
        let mut pairs = Vec::with_capacity(8);
        for piece in raw.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
            if pairs.len() == Self::MAX_COUNT {
                return Err(invalid("too many parameters"));
            }
            let (name, value) = match piece.iter().position(|b| *b == b'=') {
                Some(at) => (piece.get(..at).unwrap_or_default(), piece.get(at + 1..).unwrap_or_default()),
                None => (piece, &[][..]),
            };
            let name = decode(name).ok_or_else(|| invalid("a parameter name is not valid form encoding"))?;
            let value =
                decode(value).ok_or_else(|| invalid("a parameter value is not valid form encoding"))?;
            if name.len() > Self::MAX_NAME || value.len() > Self::MAX_VALUE {
                return Err(invalid("a parameter is too long"));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }
    /// The value; empty counts as left out (RFC 6749 3.1). `invalid_request` when it stands there twice.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Rejected> {
        let mut found = self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let first = found.next();
        if found.next().is_some() {
            return Err(twice(name));
        }
        Ok(first.filter(|v| !v.is_empty()))
    }
    /// As [`Self::one`], but must be there.
    pub fn required(&self, name: &'static str) -> Result<&str, Rejected> {
        self.one(name)?.ok_or_else(|| invalid(format!("the parameter {name} is missing")))
    }
    /// All values of a parameter that may repeat (`resource`, RFC 8707; `audience`).
    pub fn many(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str()).collect()
    }
    /// `invalid_request` when any parameter stands there twice (RFC 6749 3.1 and 3.2), `resource` apart.
    pub(crate) fn no_repeats(&self) -> Result<(), Rejected> {
        for (at, (name, _)) in self.0.iter().enumerate() {
            if name != "resource" && self.0.iter().skip(at + 1).any(|(n, _)| n == name) {
                return Err(twice(name));
            }
        }
        Ok(())
    }
}

impl FromIterator<(String, String)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// Names only: values are secrets as often as not.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

fn invalid(text: impl Into<std::borrow::Cow<'static, str>>) -> Rejected {
    Rejected::new(Code::InvalidRequest, text)
}

fn twice(name: &str) -> Rejected {
    // Only names of the standards are echoed; anything else may be an attacker's text.
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
        invalid(format!("the parameter {name} stands there twice"))
    } else {
        invalid("a parameter stands there twice")
    }
}

/// Form decoding of one name or value: `+` is a space, `%` needs two hex digits, the result is UTF-8
/// without NUL.
pub(crate) fn decode(raw: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)?,
            0 => return None,
            other => *other,
        });
    }
    if out.contains(&0) {
        return None;
    }
    String::from_utf8(out).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> Params {
        Params::parse(raw.as_bytes()).unwrap()
    }

    #[test]
    fn decodes_forms() {
        let p = parse("a=1&b=x+y%20z&c=%C3%A9&d&e=&&f=a%3Db=c");
        assert_eq!(p.one("a").unwrap(), Some("1"));
        assert_eq!(p.one("b").unwrap(), Some("x y z"));
        assert_eq!(p.one("c").unwrap(), Some("\u{e9}"));
        assert_eq!((p.one("d").unwrap(), p.one("e").unwrap()), (None, None), "empty counts as left out");
        assert_eq!(p.one("f").unwrap(), Some("a=b=c"));
        assert!(p.required("d").unwrap_err().public.contains("missing"));
    }

    #[test]
    fn refuses_bad_encoding() {
        for raw in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%FF", b"a=\xff", b"a=%00", b"a=\0", b"%00=a"] {
            assert_eq!(Params::parse(raw).unwrap_err().code, Code::InvalidRequest, "{raw:?}");
        }
    }

    #[test]
    fn refuses_too_much() {
        let many = |n| vec!["a=1"; n].join("&");
        assert!(Params::parse(many(Params::MAX_COUNT).as_bytes()).is_ok());
        assert!(Params::parse(many(Params::MAX_COUNT + 1).as_bytes()).is_err());
        let long = |n| format!("a={}", "x".repeat(n));
        assert!(Params::parse(long(Params::MAX_VALUE).as_bytes()).is_ok());
        assert!(Params::parse(long(Params::MAX_VALUE + 1).as_bytes()).is_err());
        assert!(Params::parse("n".repeat(Params::MAX_NAME + 1).as_bytes()).is_err());
    }

    #[test]
    fn nothing_twice_but_resources() {
        let p = parse("a=1&a=&resource=x&resource=y");
        assert!(p.one("a").unwrap_err().public.contains("twice"));
        assert_eq!(p.many("resource"), ["x", "y"]);
        assert!(p.no_repeats().is_err());
        assert!(parse("a=1&resource=x&resource=y").no_repeats().is_ok());
        let text = parse("%22%5C=1&%22%5C=2").no_repeats().unwrap_err().public;
        assert!(!text.contains(['"', '\\']));
    }

    #[test]
    fn debug_shows_no_values() {
        assert!(!format!("{:?}", parse("client_secret=hunter2")).contains("hunter2"));
    }
}
