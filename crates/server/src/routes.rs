//! Every path, once: what answers it, on which surface it stands, and who may call it from a browser.

use crate::app::App;
use crate::extract::{body, one_header};
use crate::{account, dev_outbox, direct, feed, health, login, oauth, recover, signup, status_list, view};
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, header};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// How failures of a path look, and how loud its log line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Surface {
    /// Documents for machines, asked for often: logged at debug.
    Document,
    /// RFC 6749 5.2 errors.
    OAuth,
    /// RFC 6750 3 errors.
    Resource,
    /// The direct API's errors.
    Direct,
    /// Acknowledgements of verifiers: RFC 6750 3 errors, and so many that they are logged at debug.
    Verifier,
    /// Pages for people.
    Page,
}

/// Who may call from another origin's script.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cors {
    /// Nobody.
    None,
    /// Everybody: the answer is public.
    Public,
    /// The origins of the client that calls.
    Client,
    /// As `Client`, and with the refresh cookie.
    ClientWithCookie,
}

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;
type Act = Box<dyn Fn(Request, Arc<App>) -> Answer + Send + Sync>;

/// One path.
pub(crate) struct Row {
    /// As registered, for the log.
    pub(crate) path: &'static str,
    pub(crate) surface: Surface,
    pub(crate) cors: Cors,
    /// A page on the way to a client, perhaps in a pop-up of its page.
    pub(crate) leads_to_client: bool,
    /// The `Allow` header (RFC 9110 10.2.1).
    pub(crate) allow: HeaderValue,
    get: Option<Act>,
    post: Option<Act>,
    /// What answers a `POST` that is no form of a page of ours, by the direct API's rules.
    call: Option<Act>,
}

impl Row {
    fn new(path: &'static str, surface: Surface) -> Self {
        let allow = HeaderValue::from_static("OPTIONS");
        let (cors, leads_to_client) = (Cors::None, false);
        Self { path, surface, cors, leads_to_client, allow, get: None, post: None, call: None }
    }
    fn get<T>(mut self, handler: impl Handler<T, Arc<App>, Future = Answer>) -> Self {
        self.get = Some(act(handler));
        self.allowing()
    }
    fn post<T>(mut self, handler: impl Handler<T, Arc<App>, Future = Answer>) -> Self {
        self.post = Some(act(handler));
        self.allowing()
    }
    fn call<T>(mut self, handler: impl Handler<T, Arc<App>, Future = Answer>) -> Self {
        self.call = Some(act(handler));
        self.allowing()
    }
    fn cors(mut self, cors: Cors) -> Self {
        self.cors = cors;
        self
    }
    fn leads_to_client(mut self) -> Self {
        self.leads_to_client = true;
        self
    }
    fn allowing(mut self) -> Self {
        self.allow = HeaderValue::from_static(match (&self.get, self.post.as_ref().or(self.call.as_ref())) {
            (Some(_), Some(_)) => "GET, HEAD, POST, OPTIONS",
            (Some(_), None) => "GET, HEAD, OPTIONS",
            (None, Some(_)) => "POST, OPTIONS",
            (None, None) => "OPTIONS",
        });
        self
    }
    /// On which surface a request stands.
    pub(crate) fn surface_of(&self, method: &Method, headers: &HeaderMap) -> Surface {
        if self.is_call(method, headers) { Surface::Direct } else { self.surface }
    }
    fn is_call(&self, method: &Method, headers: &HeaderMap) -> bool {
        self.call.is_some() && *method == Method::POST && !is_form(headers)
    }
    /// What answers it; `HEAD` is answered by `GET`, its body is dropped later.
    pub(crate) fn act(&self, method: &Method, headers: &HeaderMap) -> Option<&Act> {
        match *method {
            Method::GET | Method::HEAD => self.get.as_ref(),
            Method::POST if self.is_call(method, headers) => self.call.as_ref(),
            Method::POST => self.post.as_ref(),
            _ => None,
        }
    }
    /// Does it take `POST`?
    pub(crate) fn takes_post(&self) -> bool {
        self.post.is_some() || self.call.is_some()
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    body::is_type(one_header(headers, &header::CONTENT_TYPE), "application/x-www-form-urlencoded")
}

fn act<T>(handler: impl Handler<T, Arc<App>, Future = Answer>) -> Act {
    Box::new(move |request, app| handler.clone().call(request, app))
}

/// Looks paths up: exact ones, then those below a folder.
pub(crate) struct Table {
    exact: HashMap<String, Row>,
    below: Vec<(String, Row)>,
}

impl Table {
    pub(crate) fn find(&self, path: &str) -> Option<&Row> {
        let below = || self.below.iter().find(|(folder, _)| path.starts_with(folder.as_str()));
        self.exact.get(path).or_else(|| below().map(|(_, row)| row))
    }
}

/// Puts the rows under the issuer's own path.
pub(crate) fn table(app: &App) -> Table {
    let base = app.site.base.as_str();
    let mut table = Table { exact: HashMap::new(), below: Vec::new() };
    if !base.is_empty() {
        // RFC 8414 3: the well-known part goes between host and path.
        let metadata = Row::new("/.well-known/oauth-authorization-server", Surface::Document)
            .get(oauth::discovery::get)
            .cors(Cors::Public);
        table.exact.insert(format!("{}{base}", metadata.path), metadata);
    }
    for row in of_the_host() {
        table.exact.insert(row.path.to_owned(), row);
    }
    for row in rows() {
        match row.path.strip_suffix('*') {
            Some(folder) => table.below.push((format!("{base}{folder}"), row)),
            None => drop(table.exact.insert(format!("{base}{}", row.path), row)),
        }
    }
    table
}

/// What browsers and password managers ask the host for, wherever on it the issuer lives (RFC 8615 3).
fn of_the_host() -> [Row; 2] {
    [
        Row::new("/.well-known/passkey-endpoints", Surface::Document).get(login::passkey::endpoints),
        Row::new("/.well-known/change-password", Surface::Page).get(account::password::well_known),
    ]
}

fn rows() -> Vec<Row> {
    use Surface::{Direct, Document, OAuth, Page, Resource, Verifier};
    vec![
        Row::new("/.well-known/openid-configuration", Document).get(oauth::discovery::get).cors(Cors::Public),
        Row::new("/.well-known/oauth-authorization-server", Document)
            .get(oauth::discovery::get)
            .cors(Cors::Public),
        Row::new("/.well-known/jwks.json", Document).get(oauth::jwks::get).cors(Cors::Public),
        Row::new("/.well-known/revocation-feed", Document).get(feed::metadata).cors(Cors::Public),
        Row::new("/rev/head", Document).get(feed::head).cors(Cors::Public),
        Row::new("/rev/log", Document).get(feed::log::tail).cors(Cors::Public),
        Row::new("/rev/log/*", Document).get(feed::log::block).cors(Cors::Public),
        Row::new("/rev/snap/*", Document).get(feed::log::snapshot).cors(Cors::Public),
        Row::new("/rev/stream", Document).get(feed::stream::get).cors(Cors::Public),
        Row::new("/rev/ack", Verifier).post(feed::ack::post),
        Row::new("/status", Document).get(status_list::aggregation).cors(Cors::Public),
        Row::new("/status/*", Document).get(status_list::get).cors(Cors::Public),
        Row::new("/healthz", Document).get(health::live),
        Row::new("/readyz", Document).get(health::ready),
        Row::new("/oauth/token", OAuth).post(oauth::token::post).cors(Cors::Client),
        Row::new("/oauth/authorize-challenge", OAuth).post(oauth::first_party::post).cors(Cors::Client),
        Row::new("/oauth/introspect", OAuth).post(oauth::introspect::post),
        Row::new("/oauth/revoke", OAuth).post(oauth::revoke::post).cors(Cors::Client),
        Row::new("/oauth/userinfo", Resource)
            .get(oauth::userinfo::get)
            .post(oauth::userinfo::post)
            .cors(Cors::Client),
        Row::new("/api/userinfo", Resource)
            .get(oauth::userinfo::get)
            .post(oauth::userinfo::post)
            .cors(Cors::Client),
        Row::new("/auth/login", Direct).post(direct::login::post).cors(Cors::ClientWithCookie),
        Row::new("/auth/refresh", Direct).post(direct::refresh::post).cors(Cors::ClientWithCookie),
        Row::new("/auth/logout", Direct).post(direct::logout::post).cors(Cors::ClientWithCookie),
        Row::new("/auth/mfa/challenge", Direct).post(direct::mfa::challenge).cors(Cors::Client),
        Row::new("/auth/mfa/verify", Direct).post(direct::mfa::verify).cors(Cors::ClientWithCookie),
        Row::new("/auth/passwordless/request", Direct)
            .post(direct::passwordless::request)
            .cors(Cors::ClientWithCookie),
        Row::new("/auth/passwordless/code", Direct)
            .post(direct::passwordless::code)
            .cors(Cors::ClientWithCookie),
        Row::new("/auth/passwordless/verify", Direct)
            .post(direct::passwordless::verify)
            .cors(Cors::ClientWithCookie),
        Row::new("/api/auth/login", Direct).post(direct::api_login::post).cors(Cors::Client),
        Row::new("/oauth/authorize", Page)
            .get(oauth::authorize::get)
            .post(oauth::authorize::post)
            .leads_to_client(),
        Row::new("/login", Page).get(login::show).post(login::submit).leads_to_client(),
        Row::new("/login/totp", Page).post(login::totp::post).leads_to_client(),
        Row::new("/login/recovery_code", Page).post(login::recovery_code::post).leads_to_client(),
        Row::new("/login/passkey", Page).post(login::passkey::submit).leads_to_client(),
        Row::new("/login/passkey/options", Direct).post(login::passkey::options),
        Row::new("/login/upstream/*", Page)
            .get(login::upstream::get)
            .post(login::upstream::post)
            .leads_to_client(),
        Row::new("/login/upstream-link", Page)
            .get(login::upstream::ask)
            .post(login::upstream::answer)
            .leads_to_client(),
        Row::new("/account/providers", Page).get(account::providers::show).post(account::providers::add),
        Row::new("/account/providers/unlink", Page).post(account::providers::remove),
        Row::new("/login/enrol", Page).post(login::enrol::totp::post).leads_to_client(),
        Row::new("/login/enrol/passkey", Page).post(login::enrol::passkey::post).leads_to_client(),
        Row::new("/login/enrol/passkey/options", Direct).post(login::enrol::passkey::options),
        Row::new("/login/enrol/phone", Page).post(login::enrol::phone::send).leads_to_client(),
        Row::new("/login/enrol/phone/confirm", Page).post(login::enrol::phone::confirm).leads_to_client(),
        Row::new("/login/enrol/done", Page).post(login::enrol::done).leads_to_client(),
        Row::new("/login/email", Page).post(login::magic_link::ask).leads_to_client(),
        Row::new("/login/email_code", Page).post(login::email_code::post).leads_to_client(),
        Row::new("/login/sms_code", Page).post(login::sms_code::post).leads_to_client(),
        Row::new("/auth/verify", Page)
            .get(login::magic_link::show)
            .post(login::magic_link::submit)
            .call(direct::verify::post)
            .cors(Cors::ClientWithCookie)
            .leads_to_client(),
        Row::new("/consent", Page).post(oauth::authorize::choose).leads_to_client(),
        Row::new("/oauth/logout", Page).get(oauth::logout::get).post(oauth::logout::post).leads_to_client(),
        Row::new("/oauth/logout/confirm", Page).post(oauth::logout::confirm).leads_to_client(),
        Row::new("/account", Page).get(account::overview::show),
        Row::new("/account/devices/forget", Page).post(account::devices::forget),
        Row::new("/account/devices/forget-all", Page).post(account::devices::forget_all),
        Row::new("/account/passkeys", Page).get(account::passkeys::show).post(account::passkeys::add),
        Row::new("/account/passkeys/options", Direct).post(account::passkeys::options),
        Row::new("/account/passkeys/rename", Page).post(account::passkeys::rename),
        Row::new("/account/passkeys/remove", Page).post(account::passkeys::remove),
        Row::new("/signup", Page).get(signup::show).post(signup::request),
        Row::new("/signup/confirm", Page).get(signup::link).post(signup::confirm).leads_to_client(),
        Row::new("/recover", Page).get(recover::show).post(recover::request),
        Row::new("/recover/confirm", Page).get(recover::link).post(recover::confirm).leads_to_client(),
        Row::new("/recover/password", Page).post(recover::choose_password).leads_to_client(),
        Row::new("/account/totp", Page).get(account::totp::show).post(account::totp::confirm),
        Row::new("/account/totp/remove", Page).post(account::totp::remove),
        Row::new("/account/phone", Page).get(account::phone::show).post(account::phone::send),
        Row::new("/account/phone/confirm", Page).post(account::phone::confirm),
        Row::new("/account/phone/remove", Page).post(account::phone::remove),
        Row::new("/account/recovery-codes", Page)
            .get(account::recovery_codes::show)
            .post(account::recovery_codes::make),
        Row::new("/account/password", Page).get(account::password::show).post(account::password::change),
        Row::new("/account/password/remove", Page).post(account::password::remove),
        Row::new("/account/email", Page).get(account::email::show).post(account::email::change),
        Row::new("/account/email/verify", Page).post(account::email::verify),
        Row::new("/account/email/confirm", Page).get(account::email::link).post(account::email::confirm),
        Row::new("/account/consents", Page).get(account::consents::show),
        Row::new("/account/consents/withdraw", Page).post(account::consents::withdraw),
        Row::new("/account/data", Page).get(account::data::show).post(account::data::take),
        Row::new("/account/delete", Page).get(account::data::ask).post(account::data::remove),
        Row::new("/account/security", Page).get(account::security::show),
        Row::new("/account/end", Page).post(account::overview::end),
        Row::new("/account/end-others", Page).post(account::overview::end_others),
        Row::new("/account/sign-out", Page).post(account::overview::sign_out),
        Row::new("/", Page).get(view::home::get),
        Row::new("/signed-out", Page).get(view::home::signed_out),
        Row::new("/dev/outbox", Page).get(dev_outbox::get),
        Row::new("/assets/*", Page).get(view::asset),
        Row::new("/brand/*", Page).get(view::brand::get),
    ]
}
