//! `acr_values`, or the client's `default_acr_values` (OIDC Core 3.1.2.1, Registration 2). Names that are not
//! ours are left aside, as the claim is voluntary.

use super::{Given, Request};
use crate::error::Rejected;
use crate::model::Acr;
use crate::oauth::authorize::request::Levels;

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    let by_default = given.client.metadata.demands.default_acr_values.iter().map(String::as_str);
    let known: Vec<Acr> = match given.params.one("acr_values")? {
        Some(asked) => asked.split(' ').filter_map(Acr::parse).collect(),
        None => by_default.filter_map(Acr::parse).collect(),
    };
    if let (Some(wanted), Some(enough)) = (known.first(), known.iter().min()) {
        request.levels = Levels { wanted: *wanted, enough: *enough };
    }
    Ok(())
}
