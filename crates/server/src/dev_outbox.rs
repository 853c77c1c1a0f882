//! `/dev/outbox`: the last messages, instead of sending them. For development: the server does not start
//! with it as a public issuer or on an address that others reach (`config::check`), and the page answers
//! only to this machine's own names: any website could have its name resolve to 127.0.0.1 and read it.

use crate::app::App;
use crate::config::is_loopback_name;
use crate::error::{Fault, Http};
use crate::extract::one_header;
use crate::view::page::Page;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Messages that are kept.
const MOST: usize = 100;

/// A message as it would have been sent.
#[derive(Clone, Debug, Serialize)]
pub struct Kept {
    /// The job's id.
    pub id: String,
    /// `mail` or `sms`.
    pub way: &'static str,
    /// When it was queued, in milliseconds since 1970.
    pub at: i64,
    /// Address or number.
    pub to: String,
    /// Of a mail.
    pub subject: Option<String>,
    /// The plain text.
    pub text: String,
    /// Of a mail.
    pub html: Option<String>,
    /// The code in it.
    pub code: Option<String>,
    /// The link in it.
    pub link: Option<String>,
}

/// The last messages, in memory.
#[derive(Debug, Default)]
pub struct DevOutbox(Mutex<VecDeque<Kept>>);

impl DevOutbox {
    /// Keeps one; the oldest beyond a hundred goes.
    pub fn keep(&self, message: Kept) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front(message);
        kept.truncate(MOST);
    }

    fn newest_first(&self) -> Vec<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// The page, and with `Accept: application/json` the document.
#[derive(Serialize, Debug)]
pub(crate) struct Messages {
    pub(crate) most: usize,
    pub(crate) messages: Vec<Kept>,
}

impl Page for Messages {
    const TEMPLATE: &'static str = "dev_outbox.html";
}

/// `GET /dev/outbox`.
pub(crate) async fn get(State(app): State<Arc<App>>, uri: Uri, asked: HeaderMap) -> Result<Response, Fault> {
    let outbox = app.config.dev_outbox.as_ref().filter(|_| names_this_machine(&uri, &asked));
    let outbox = outbox.ok_or(Fault::Http(Http::NotFound))?;
    let page = Messages { most: MOST, messages: outbox.newest_first() };
    let accepts = asked.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !accepts.contains("application/json") {
        return Ok(app.views.show(StatusCode::OK, &page));
    }
    let body = serde_json::to_vec(&page)
        .map_err(|e| Fault::from(countersign_issuer::Failure::Bug(e.to_string())))?;
    let mut answer = body.into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Is the server called by a name or address of this machine (`Host`, of HTTP/2 `:authority`)?
fn names_this_machine(uri: &Uri, asked: &HeaderMap) -> bool {
    let host = one_header(asked, &header::HOST).and_then(|host| host.parse::<Authority>().ok());
    uri.authority().or(host.as_ref()).is_some_and(|called| is_loopback_name(called.host()))
}
