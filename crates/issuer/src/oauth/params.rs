//! Request parameters as they came: strict form decoding, no parameter twice (RFC 6749 3.1), limits.

use crate::error::Rejected;

/// Decoded `application/x-www-form-urlencoded` parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Most parameters in a request.
    pub const MAX_COUNT: usize = 64;
    /// Longest value, in bytes.
    pub const MAX_VALUE: usize = 8 * 1024;

    /// Decodes a query or a body. `invalid_request` for bad percent-encoding, not UTF-8, NUL, too many, too long.
    pub fn parse(_raw: &[u8]) -> Result<Self, Rejected> {
        todo!()
    }
    /// The value; empty counts as left out (RFC 6749 3.1). `invalid_request` when it stands there twice.
    pub fn one(&self, _name: &str) -> Result<Option<&str>, Rejected> {
        todo!()
    }
    /// As [`Self::one`], but must be there.
    pub fn required(&self, _name: &'static str) -> Result<&str, Rejected> {
        todo!()
    }
    /// All values of a parameter that may repeat (`resource`, RFC 8707; `audience`).
    pub fn many(&self, _name: &str) -> Vec<&str> {
        todo!()
    }
}
