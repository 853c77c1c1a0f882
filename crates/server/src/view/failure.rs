//! The error page: what happened, what to do, and the name under which the log has it. The status is the
//! surface's (`error/page.rs`); nothing is shown of a failure that is ours.

use super::page::Trap;
use crate::app::App;
use crate::error::{Fault, Http, Shown};
use axum::response::Response;
use countersign_issuer::error::Reason;
use countersign_issuer::{Code, Failure};
use http::HeaderValue;

/// The page for a fault.
pub(crate) fn failure(app: &App, fault: &Fault, shown: &Shown, request_id: &HeaderValue) -> Response {
    let kind = kind(fault);
    let says_more = kind == "request";
    let page = Trap {
        kind,
        detail: says_more.then(|| sentence(&shown.text)),
        reason: reason(fault),
        code: says_more.then_some(shown.code),
        request_id: request_id.to_str().ok().map(str::to_owned),
        retry_after: matches!(kind, "throttled" | "busy")
            .then(|| shown.retry_after.map_or(60, |d| d.as_secs())),
    };
    app.views.show(shown.status, &page)
}

/// Of those that a page without a form tells.
fn reason(fault: &Fault) -> Option<&'static str> {
    let Fault::Flow(failure) = fault else { return None };
    let Failure::Rejected(rejected) = failure.as_ref() else { return None };
    rejected.reason.filter(|reason| reason.code() == Code::SignUpClosed).map(Reason::name)
}

/// Flows speak in phrases; a page speaks in sentences.
fn sentence(phrase: &str) -> String {
    let mut rest = phrase.chars();
    let mut out: String = rest.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    out.push_str(rest.as_str());
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

fn kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::Http(http) => match http {
            Http::NotFound | Http::Gone => "missing",
            Http::Method => "method",
            Http::Forged => "form",
            Http::Expired => "expired",
            Http::BodyTooLarge => "large",
            Http::BodyTimeout | Http::BodyBroken => "slow",
            Http::Overdue | Http::Busy => "busy",
            Http::Panic => "bug",
            Http::MediaType | Http::NoToken | Http::NotAcceptable | Http::NoHistory => "request",
        },
        Fault::Flow(failure) => match failure.as_ref() {
            Failure::Rejected(r) if r.code == Code::TooManyAttempts => "throttled",
            Failure::Rejected(_) => "request",
            Failure::Unavailable(_) => "busy",
            Failure::Bug(_) => "bug",
        },
    }
}
