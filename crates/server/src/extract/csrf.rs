//! A form that came from our own page in this very browser.
//!
//! The form token always (it is bound to the flow cookie). `Sec-Fetch-Site`, if sent, must be
//! `same-origin`; else `Origin`, if sent and not `null`, must be ours: old browsers send neither, and some
//! privacy settings send `null`.

use super::browser::Browser;
use super::form::Form;
use super::one_header;
use crate::app::App;
use crate::error::{Fault, Http};
use axum::extract::{FromRequest, FromRequestParts, Request};
use countersign_issuer::oauth::params::Params;
use http::{HeaderMap, HeaderName, header};
use std::sync::Arc;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The hidden field every form of ours carries.
pub(crate) const FORM_TOKEN: &str = "form_token";

/// A page's form, proven ours.
pub(crate) struct PageForm {
    pub(crate) browser: Browser,
    pub(crate) params: Params,
}

impl FromRequest<Arc<App>> for PageForm {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        let (mut parts, body) = request.into_parts();
        if !same_origin(&parts.headers, &app.site.origin) {
            return Err(Http::Forged.into());
        }
        let browser = Browser::from_request_parts(&mut parts, app).await?;
        let Form(params) = Form::read(app, &parts.headers, body).await?;
        let token = params.one(FORM_TOKEN)?.unwrap_or_default();
        let ours = app.issuer.sealer.form_token_matches(&browser.visitor.binding, token);
        if !(browser.returning && ours) {
            return Err(Http::Forged.into());
        }
        Ok(Self { browser, params })
    }
}

fn same_origin(headers: &HeaderMap, ours: &str) -> bool {
    if headers.contains_key(SEC_FETCH_SITE) {
        return one_header(headers, &SEC_FETCH_SITE) == Some("same-origin");
    }
    if headers.contains_key(header::ORIGIN) {
        return one_header(headers, &header::ORIGIN).is_some_and(|origin| origin == ours || origin == "null");
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_may_post_forms() {
        let ours = "https://id.example.com";
        for (fetch, origin, good) in [
            (None, None, true),
            (Some("same-origin"), None, true),
            (Some("same-origin"), Some("https://evil.example"), true),
            (Some("same-site"), Some(ours), false),
            (Some("cross-site"), Some(ours), false),
            (Some("none"), None, false),
            (Some(""), Some(ours), false),
            (None, Some(ours), true),
            (None, Some("null"), true),
            (None, Some("https://evil.example"), false),
            (None, Some("http://id.example.com"), false),
            (None, Some(""), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = fetch {
                headers.insert(SEC_FETCH_SITE, value.parse().unwrap());
            }
            if let Some(value) = origin {
                headers.insert(header::ORIGIN, value.parse().unwrap());
            }
            assert_eq!(same_origin(&headers, ours), good, "{fetch:?} {origin:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append(header::ORIGIN, ours.parse().unwrap());
        twice.append(header::ORIGIN, ours.parse().unwrap());
        assert!(!same_origin(&twice, ours));
    }
}
