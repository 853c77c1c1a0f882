//! The `Authorization` header as the flows take it.

use crate::error::Fault;
use countersign_issuer::Code;
use countersign_issuer::error::rejected;
use http::{HeaderMap, header};

/// Its text. Two of them, or one that is not ASCII, is a request nobody can mean.
pub(crate) fn of(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(rejected(Code::InvalidRequest, "The Authorization header stands there twice.").into());
    }
    let text = value.to_str();
    text.map(Some)
        .map_err(|_| rejected(Code::InvalidRequest, "The Authorization header is not ASCII.").into())
}
