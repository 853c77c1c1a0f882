//! Cookies: their names and attributes, stated once.
//!
//! https: `__Host-` names with `Secure`. Plain HTTP on loopback: names of their own without it, since
//! cookies ignore ports and not every client sends `Secure` ones there. Nowhere else.

use crate::app::App;
use axum::extract::FromRequestParts;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use countersign_issuer::model::Secret;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

/// How long a browser remembers its language.
const LANG_KEPT: Duration = Duration::days(365);

/// As long as browsers keep a cookie (draft-ietf-httpbis-rfc6265bis-22, 5.5).
const DEVICE_LIFE: Duration = Duration::days(400);
/// How long somebody of another provider has to prove an account here; what is sealed knows better.
const PENDING_KEPT: Duration = Duration::minutes(15);

/// The cookies of an issuer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub(crate) session: &'static str,
    pub(crate) flow: &'static str,
    pub(crate) refresh: &'static str,
    pub(crate) pending: &'static str,
    pub(crate) device: &'static str,
    pub(crate) lang: &'static str,
    secure: bool,
}

impl Names {
    pub(crate) fn of(secure: bool) -> Self {
        if secure {
            Self {
                session: "__Host-session",
                flow: "__Host-flow",
                refresh: "__Host-refresh",
                pending: "__Host-pending",
                device: "__Host-device",
                lang: "__Host-lang",
                secure,
            }
        } else {
            Self {
                session: "countersign-session",
                flow: "countersign-flow",
                refresh: "countersign-refresh",
                pending: "countersign-pending",
                device: "countersign-device",
                lang: "countersign-lang",
                secure,
            }
        }
    }

    fn build(&self, name: &'static str, value: String, same_site: SameSite) -> Cookie<'static> {
        let cookie = Cookie::build((name, value)).path("/").http_only(true).same_site(same_site);
        cookie.secure(self.secure).build()
    }
}

/// A request's cookies, and those its answer sets.
#[derive(Clone)]
pub(crate) struct Cookies {
    names: Names,
    came: Vec<Cookie<'static>>,
    set: Outgoing,
}

/// Where an answer's cookies are kept until it leaves; put there by the dispatcher.
#[derive(Clone, Default)]
pub(crate) struct Outgoing(Arc<Mutex<Vec<Cookie<'static>>>>);

impl Outgoing {
    fn push(&self, cookie: Cookie<'static>) {
        let mut set = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        set.retain(|c| c.name() != cookie.name());
        set.push(cookie);
    }
    /// Remembers the language.
    pub(crate) fn set_lang(&self, names: Names, value: String) {
        let mut cookie = names.build(names.lang, value, SameSite::Lax);
        cookie.set_max_age(LANG_KEPT);
        self.push(cookie);
    }
    /// Writes them.
    pub(crate) fn leave(&self, headers: &mut HeaderMap) {
        let set = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for cookie in set.iter() {
            if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
                headers.append(header::SET_COOKIE, value);
            }
        }
    }
}

impl Cookies {
    fn get(&self, name: &str) -> Option<&str> {
        self.came.iter().find(|c| c.name() == name).map(Cookie::value)
    }
    /// The sign-in's value.
    pub(crate) fn session(&self) -> Option<&str> {
        self.get(self.names.session)
    }
    /// The flow's value.
    pub(crate) fn flow(&self) -> Option<&str> {
        self.get(self.names.flow)
    }
    /// The refresh token of the direct API's cookie mode.
    pub(crate) fn refresh(&self) -> Option<&str> {
        self.get(self.names.refresh)
    }
    /// Whom this device signed in before.
    pub(crate) fn device(&self) -> Option<&str> {
        self.get(self.names.device)
    }
    /// Keeps whom the device signed in, for as long as browsers keep cookies.
    pub(crate) fn set_device(&self, value: &Secret) {
        let value = value.expose().to_owned();
        let mut cookie = self.names.build(self.names.device, value, SameSite::Lax);
        cookie.set_max_age(DEVICE_LIFE);
        self.set.push(cookie);
    }
    /// Signs the browser in.
    pub(crate) fn set_session(&self, value: &Secret) {
        let value = value.expose().to_owned();
        self.set.push(self.names.build(self.names.session, value, SameSite::Lax));
    }
    /// Signs the browser out.
    pub(crate) fn clear_session(&self) {
        self.clear(self.names.session, SameSite::Lax);
    }
    /// Begins a flow in this browser.
    pub(crate) fn set_flow(&self, value: String) {
        self.set.push(self.names.build(self.names.flow, value, SameSite::Lax));
    }
    /// Keeps a refresh token where no script can read it, for as long as it may live.
    pub(crate) fn set_refresh(&self, value: &str, life: std::time::Duration) {
        let mut cookie = self.names.build(self.names.refresh, value.to_owned(), SameSite::Strict);
        cookie.set_max_age(Duration::try_from(life).unwrap_or(Duration::MAX));
        self.set.push(cookie);
    }
    /// The sealed person of a provider who has yet to prove an account here.
    pub(crate) fn pending(&self) -> Option<&str> {
        self.get(self.names.pending)
    }
    /// Keeps it until then.
    pub(crate) fn set_pending(&self, value: String) {
        let mut cookie = self.names.build(self.names.pending, value, SameSite::Lax);
        cookie.set_max_age(PENDING_KEPT);
        self.set.push(cookie);
    }
    /// Forgets it.
    pub(crate) fn clear_pending(&self) {
        self.clear(self.names.pending, SameSite::Lax);
    }
    /// Forgets it.
    pub(crate) fn clear_refresh(&self) {
        self.clear(self.names.refresh, SameSite::Strict);
    }
    fn clear(&self, name: &'static str, same_site: SameSite) {
        let mut cookie = self.names.build(name, String::new(), same_site);
        cookie.set_max_age(Duration::ZERO);
        self.set.push(cookie);
    }
}

/// One cookie's value, for who asks before there are extractors.
pub(crate) fn find(headers: &HeaderMap, name: &str) -> Option<String> {
    all(headers).find(|c| c.name() == name).map(|c| c.value().to_owned())
}

fn all(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'static>> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|c| Cookie::parse(c.trim().to_owned()).ok())
}

impl FromRequestParts<Arc<App>> for Cookies {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let came = all(&parts.headers).collect();
        let set = parts.extensions.get::<Outgoing>().cloned().unwrap_or_default();
        Ok(Self { names: app.cookies, came, set })
    }
}
