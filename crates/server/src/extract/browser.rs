//! The browser that asks for a page: its flow cookie, and who is signed in.

use super::client_ip::From;
use super::cookies::Cookies;
use super::device;
use crate::app::App;
use crate::error::Fault;
use crate::view::Lang;
use axum::extract::FromRequestParts;
use countersign_issuer::login::{Caller, Look, browser};
use countersign_issuer::model::Client;
use countersign_issuer::oauth::authorize::Visitor;
use countersign_token::base64url;
use http::request::Parts;
use std::convert::Infallible;
use std::sync::Arc;

/// A browser. A first visit gets its flow cookie with the answer, without more to do.
pub(crate) struct Browser {
    /// Session, binding and device, as the flows take it.
    pub(crate) visitor: Visitor,
    /// Address and device, as the limiter takes it.
    pub(crate) caller: Caller,
    /// To sign in and out.
    pub(crate) cookies: Cookies,
    /// The flow cookie came with the request: only then can a form be ours.
    pub(crate) returning: bool,
    /// The language its pages and its mails are in.
    pub(crate) lang: Lang,
}

impl Browser {
    /// How mails asked for here look; `client`: the application they are on the way to.
    pub(crate) fn look(&self, client: Option<&Client>) -> Look {
        Look { lang: self.lang.as_str().to_owned(), client: client.map(|c| c.id.clone()) }
    }

    /// The hidden field `form_token` of every form shown to this browser.
    pub(crate) fn form_token(&self, app: &App) -> String {
        app.issuer.sealer.form_token(&self.visitor.binding)
    }
}

impl FromRequestParts<Arc<App>> for Browser {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Fault> {
        let Ok(cookies) = Cookies::from_request_parts(parts, app).await;
        let Ok(From(caller)) = From::from_request_parts(parts, app).await;
        let came = cookies.flow().filter(|v| base64url::decode(v).is_some_and(|b| b.len() == 32));
        let returning = came.is_some();
        let binding = match came {
            Some(value) => value.to_owned(),
            None => {
                let fresh = base64url::encode(app.issuer.entropy.bytes::<32>());
                cookies.set_flow(fresh.clone());
                fresh
            }
        };
        let session = match cookies.session() {
            Some(value) => browser::session(&app.issuer, value).await?,
            None => None,
        };
        let visitor = Visitor { session, binding, device: device(&parts.headers) };
        let Ok(lang) = Lang::from_request_parts(parts, app).await;
        Ok(Self { visitor, caller, cookies, returning, lang })
    }
}

/// What the messages are in that a request makes us send.
impl FromRequestParts<Arc<App>> for Lang {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let settled = parts.extensions.get::<Self>().cloned();
        Ok(settled.unwrap_or_else(|| app.views.languages().fallback()))
    }
}
