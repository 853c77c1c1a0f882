//! What an account page tells of a try that did not work; the rest is an error page.

use crate::app::App;
use crate::error::Fault;
use crate::view::page::Page;
use crate::view::page::account::Trouble;
use axum::response::Response;
use countersign_issuer::error::Reason;
use countersign_issuer::{Code, Failure};
use http::{HeaderValue, StatusCode, header};

/// A text's key, and what the answer is sent with.
pub(crate) struct Failed {
    pub(crate) kind: &'static str,
    pub(crate) reason: Option<Reason>,
    pub(crate) status: StatusCode,
    pub(crate) wait: Option<u64>,
}

impl Failed {
    /// Something typed that cannot be.
    pub(crate) fn typed(kind: &'static str) -> Self {
        Self { kind, reason: None, status: StatusCode::UNPROCESSABLE_ENTITY, wait: None }
    }

    /// The failures that a page tells in place.
    pub(crate) fn of(failure: Failure) -> Result<Self, Fault> {
        let rejected = match failure {
            Failure::Rejected(rejected) => rejected,
            Failure::Unavailable(unavailable) => {
                tracing::warn!(what = unavailable.what, detail = unavailable.detail, "put off");
                let wait = Some(unavailable.retry_after.as_secs().max(1));
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Ok(Self { kind: "busy", reason: None, status, wait });
            }
            bug @ Failure::Bug(_) => return Err(bug.into()),
        };
        Ok(match rejected.code {
            Code::InvalidCode => Self::typed("code"),
            Code::CodeExpired => Self::typed("expired"),
            Code::InvalidCredentials => Self::typed("password"),
            Code::WeakPassword => Self { reason: rejected.reason, ..Self::typed("weak") },
            Code::InvalidRequest | Code::SignUpClosed | Code::MethodUnavailable => {
                Self { reason: rejected.reason, ..Self::typed("field") }
            }
            Code::Conflict => Self::typed("conflict"),
            Code::TooManyAttempts => {
                let wait = Some(rejected.retry_after.map_or(60, |d| d.as_secs().max(1)));
                let status = StatusCode::TOO_MANY_REQUESTS;
                Self { kind: "throttled", reason: None, status, wait }
            }
            _ => return Err(rejected.into()),
        })
    }

    /// As the page takes it.
    pub(crate) fn trouble(&self) -> Trouble {
        Trouble { kind: self.kind, reason: self.reason.map(Reason::name), wait: self.wait }
    }

    /// The page, with the status and when to come back.
    pub(crate) fn show<P: Page>(&self, app: &App, page: &P) -> Response {
        let mut response = app.views.show(self.status, page);
        if let Some(wait) = self.wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}
