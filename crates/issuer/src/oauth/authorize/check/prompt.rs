//! `prompt` (OIDC Core 3.1.2.1), with `create` (Initiating User Registration via OpenID Connect 1.0).

use super::{Given, Request};
use crate::error::{Code, Rejected};
use crate::oauth::authorize::request::Prompt;

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    let mut prompt = Prompt::default();
    let values = given.params.one("prompt")?.unwrap_or_default();
    for value in values.split(' ').filter(|v| !v.is_empty()) {
        match value {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            "create" => prompt.create = true,
            _ => return Err(Rejected::new(Code::InvalidRequest, "this prompt is not supported")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
        return Err(Rejected::new(Code::InvalidRequest, "prompt none stands alone"));
    }
    if prompt.create && (prompt.none || prompt.login || prompt.consent || prompt.select_account) {
        return Err(Rejected::new(Code::InvalidRequest, "prompt create stands alone"));
    }
    request.prompt = prompt;
    Ok(())
}
