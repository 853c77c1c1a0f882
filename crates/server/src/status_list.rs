//! `/status/{list}`, the Status List Tokens (draft-ietf-oauth-status-list-21, 8.1 and 8.2), and `/status`,
//! which names them all (9.3).

use crate::app::App;
use crate::error::{Fault, Http};
use crate::oauth::document::Ready;
use axum::extract::{Request, State};
use axum::response::Response;
use countersign_issuer::Code;
use countersign_issuer::error::rejected;
use countersign_issuer::oauth::params::Params;
use countersign_issuer::status_list;
use http::{HeaderMap, header};
use std::sync::Arc;

const MEDIA_TYPE: &str = "application/statuslist+jwt";
/// Caches on the way add little to the `ttl` that the token itself names.
const CACHE: &str = "public, max-age=1";

/// A list.
pub(crate) async fn get(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    let list = number(request.uri().path())
        .ok_or_else(|| rejected(Code::NotFound, "There is no such status list."))?;
    // Draft, 8.4: who asks for an earlier time must not be given the present.
    let query = Params::parse(request.uri().query().unwrap_or_default().as_bytes())?;
    if !query.many("time").is_empty() {
        return Err(Http::NoHistory.into());
    }
    if !accepts(request.headers(), MEDIA_TYPE) {
        return Err(Http::NotAcceptable.into());
    }
    let document = status_list::document(&app.issuer, list).await?;
    Ok(Ready::typed(document, MEDIA_TYPE, CACHE)?.answer(request.headers()))
}

/// All lists.
pub(crate) async fn aggregation(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    let document = status_list::aggregation(&app.issuer).await?;
    Ok(Ready::typed(document, "application/json", CACHE)?.answer(request.headers()))
}

/// The number at the end of the path, written in one way only.
fn number(path: &str) -> Option<u32> {
    let text = path.rsplit('/').next()?;
    let number: u32 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

/// RFC 9110 12.5.1, as far as one type is concerned: no header, or a range that holds it and is not refused
/// with a weight of 0. The most specific range counts.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let mut best = None;
    let mut any = false;
    let lines = headers.get_all(header::ACCEPT).iter();
    for range in lines.flat_map(|line| line.to_str().unwrap_or_default().split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        any |= !name.is_empty();
        let specific = match name.as_str() {
            "*/*" => 0,
            "application/*" => 1,
            name if name == media_type => 2,
            _ => continue,
        };
        let weight = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        let refused = weight.is_some_and(|q| q.parse().is_ok_and(|q: f32| q <= 0.0));
        if best.is_none_or(|(held, _)| specific > held) {
            best = Some((specific, !refused));
        }
    }
    best.map_or(!any, |(_, accepted)| accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_one_way() {
        for (path, due) in [
            ("/status/1", Some(1)),
            ("/id/status/4294967295", Some(u32::MAX)),
            ("/status/4294967296", None),
            ("/status/0", None),
            ("/status/01", None),
            ("/status/+1", None),
            ("/status/-1", None),
            ("/status/", None),
            ("/status/1/", None),
            ("/status/%31", None),
            ("/status/x", None),
        ] {
            assert_eq!(number(path), due, "{path}");
        }
    }

    #[test]
    fn what_is_accepted() {
        for (accept, due) in [
            ("", true),
            ("*/*", true),
            ("application/*", true),
            ("application/statuslist+jwt", true),
            ("Application/StatusList+JWT; q=0.5", true),
            ("text/html, application/statuslist+jwt;q=0.1", true),
            ("text/html, */*;q=0.8", true),
            ("application/statuslist+cwt", false),
            ("application/json", false),
            ("text/*", false),
            ("application/statuslist+jwt;q=0", false),
            ("*/*, application/statuslist+jwt;q=0", false),
            ("*/*;q=0, application/statuslist+jwt", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(accepts(&headers, MEDIA_TYPE), due, "{accept}");
        }
        assert!(accepts(&HeaderMap::new(), MEDIA_TYPE));
    }
}
