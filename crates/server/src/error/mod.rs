//! From a failure to an answer. Handlers return a [`Fault`]; the status and the body are chosen last, by
//! the surface the path stands on, one file a surface.

pub(crate) mod direct;
pub(crate) mod oauth;
pub(crate) mod page;

use crate::app::App;
use crate::routes::Surface;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use countersign_issuer::error::Rejected;
use countersign_issuer::{Code, Failure};
use http::{HeaderValue, StatusCode, header};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// Why a request is not answered with what it asked for.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// A flow said so.
    Flow(Arc<Failure>),
    /// HTTP itself says so, before any flow.
    Http(Http),
}

/// Failures of the transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Http {
    /// No such path.
    NotFound,
    /// It was there, and is not any more.
    Gone,
    /// No room for another long answer, or nothing to serve yet.
    Busy,
    /// The path does not know the method.
    Method,
    /// The body did not come in time.
    BodyTimeout,
    /// The body is over the limit.
    BodyTooLarge,
    /// The body has another type than the endpoint reads.
    MediaType,
    /// The body ended early.
    BodyBroken,
    /// A protected resource without any token (RFC 6750 3.1: no error code then).
    NoToken,
    /// A form that did not come from our page in this browser.
    Forged,
    /// The page it came from is too old, or was shown to another browser.
    Expired,
    /// The answer took too long.
    Overdue,
    /// None of the media types asked for is served.
    NotAcceptable,
    /// How a document was at an earlier time is not kept.
    NoHistory,
    /// A handler panicked.
    Panic,
}

impl Http {
    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Gone => StatusCode::GONE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyBroken | Self::Expired => StatusCode::BAD_REQUEST,
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::Forged => StatusCode::FORBIDDEN,
            Self::Overdue | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::NoHistory => StatusCode::NOT_IMPLEMENTED,
            Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Gone => "gone",
            Self::Overdue | Self::Busy => "temporarily_unavailable",
            Self::Panic => "server_error",
            Self::NoToken => "invalid_token",
            _ => "invalid_request",
        }
    }
    fn text(self) -> &'static str {
        match self {
            Self::NotFound => "There is nothing at this address.",
            Self::Gone => "This is not kept any more; the newest head names what there is.",
            Self::Busy => "There is no room for another reader now. Try again shortly.",
            Self::Method => "This address does not take that method; see Allow.",
            Self::BodyTimeout => "The request's body did not arrive in time.",
            Self::BodyTooLarge => "The request's body is too large.",
            Self::MediaType => "The request's Content-Type is not the one this address reads.",
            Self::BodyBroken => "The request's body ended early.",
            Self::NoToken => "Send an access token: Authorization: Bearer.",
            Self::Forged => {
                "This form has expired or was opened in another browser. Go back, reload and try again."
            }
            Self::Expired => "This page is too old, or was opened in another browser. Start again.",
            Self::Overdue => "This took too long. Try again in a moment.",
            Self::NotAcceptable => "This address does not serve a media type that Accept names.",
            Self::NoHistory => "Earlier versions are not kept: leave out the parameter time.",
            Self::Panic => "Something went wrong here.",
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Flow(Arc::new(failure))
    }
}

impl From<Rejected> for Fault {
    fn from(rejected: Rejected) -> Self {
        Failure::Rejected(rejected).into()
    }
}

impl From<Http> for Fault {
    fn from(http: Http) -> Self {
        Self::Http(http)
    }
}

/// An empty answer that carries the fault; [`render`] fills it in.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response.extensions_mut().insert(self);
        response
    }
}

/// When a reader that found no room may come again.
const BUSY: Duration = Duration::from_secs(2);

/// What a surface shows of a fault.
pub(crate) struct Shown {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) text: Cow<'static, str>,
    pub(crate) retry_after: Option<Duration>,
}

impl Fault {
    /// The stable code, for the log.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Http(http) => http.code(),
            Self::Flow(failure) => match failure.as_ref() {
                Failure::Rejected(rejected) => rejected.code.name(),
                Failure::Unavailable(_) => "temporarily_unavailable",
                Failure::Bug(_) => "server_error",
            },
        }
    }
    /// What only the log may know.
    pub(crate) fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::Http(http) => Cow::Borrowed(http.text()),
            Self::Flow(failure) => match failure.as_ref() {
                Failure::Rejected(rejected) => {
                    Cow::Borrowed(rejected.private.as_deref().unwrap_or(&rejected.public))
                }
                Failure::Unavailable(unavailable) => Cow::Owned(unavailable.to_string()),
                Failure::Bug(bug) => Cow::Borrowed(bug),
            },
        }
    }
    /// With the status that `status` gives a code.
    fn shown(&self, status: impl Fn(Code) -> StatusCode) -> Shown {
        match self {
            Self::Http(http) => Shown {
                status: http.status(),
                code: http.code(),
                text: Cow::Borrowed(http.text()),
                retry_after: match http {
                    Http::Overdue => Some(Duration::from_secs(1)),
                    Http::Busy => Some(BUSY),
                    _ => None,
                },
            },
            Self::Flow(failure) => match failure.as_ref() {
                Failure::Rejected(rejected) => Shown {
                    status: status(rejected.code),
                    code: rejected.code.name(),
                    text: rejected.public.clone(),
                    retry_after: rejected.retry_after,
                },
                Failure::Unavailable(unavailable) => Shown {
                    status: StatusCode::SERVICE_UNAVAILABLE,
                    code: "temporarily_unavailable",
                    text: Cow::Borrowed("This is not available for the moment. Try again shortly."),
                    retry_after: Some(unavailable.retry_after),
                },
                Failure::Bug(_) => Shown {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    code: "server_error",
                    text: Cow::Borrowed("Something went wrong here."),
                    retry_after: None,
                },
            },
        }
    }
}

/// What of the request decides how a fault looks.
pub(crate) struct Asked {
    pub(crate) surface: Surface,
    /// An `Authorization` header came (RFC 6749 5.2).
    pub(crate) authorization: bool,
    /// The request's name in the log, for pages.
    pub(crate) request_id: HeaderValue,
}

/// Turns an answer that carries a fault into what the surface shows. Headers already set (CORS) stay, and
/// what the log is to know.
pub(crate) fn render(app: &App, asked: &Asked, fault: &Fault, response: Response) -> Response {
    let (parts, _) = response.into_parts();
    let mut shown = match asked.surface {
        Surface::OAuth | Surface::Resource | Surface::Verifier | Surface::Document => {
            oauth::answer(app, asked, fault)
        }
        Surface::Direct => direct::answer(app, fault),
        Surface::Page => page::answer(app, asked, fault),
    };
    shown.extensions_mut().extend(parts.extensions);
    for (name, value) in &parts.headers {
        shown.headers_mut().append(name.clone(), value.clone());
    }
    shown
}

/// `{"error", "error_description"}`, never cached.
fn json(shown: &Shown) -> Response {
    let body = serde_json::json!({ "error": shown.code, "error_description": shown.text });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = shown.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    retry_after(&mut response, shown);
    response
}

fn retry_after(response: &mut Response, shown: &Shown) {
    if let Some(wait) = shown.retry_after {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
    }
}

/// A challenge; quotes and what cannot stand in a header are left out (RFC 9110 11.6.1, RFC 6750 3).
fn challenge(response: &mut Response, scheme: &str, realm: &str, more: &[(&str, &str)]) {
    let clean =
        |text: &str| text.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
    let mut value = format!("{scheme} realm=\"{realm}\"");
    for (name, text) in more {
        let text: String = clean(text);
        value.push_str(&format!(", {name}=\"{text}\""));
    }
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
}
