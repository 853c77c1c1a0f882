//! What happens around every handler: look the path up, call, turn faults into answers, headers, one log
//! line. One function, since each part is needed for each request and a stack of layers would cost more
//! than the answer.

pub(crate) mod cors;
pub(crate) mod headers;
pub(crate) mod host;
pub(crate) mod idle;
pub(crate) mod language;
pub(crate) mod request_id;
pub(crate) mod stall;
pub(crate) mod trace;

use crate::app::App;
use crate::error::{Asked, Fault, Http, render};
use crate::extract::client_ip::ClientIp;
use crate::extract::cookies::Outgoing;
use crate::routes::{Row, Surface, Table};
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderValue, Method, StatusCode, header};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// Answers one request, always.
pub(crate) async fn answer(app: &Arc<App>, routes: &Table, peer: IpAddr, mut request: Request) -> Response {
    let row = routes.find(request.uri().path());
    let surface =
        row.map_or_else(|| surface_of(&request), |r| r.surface_of(request.method(), request.headers()));
    let entry = trace::Entry::begin(app, request.method(), row);
    let asked = Asked {
        surface,
        authorization: request.headers().contains_key(header::AUTHORIZATION),
        request_id: entry.request_id().clone(),
    };
    let head = request.method() == Method::HEAD;

    let person = matches!(surface, Surface::Page | Surface::Direct).then(|| {
        let cookies = Outgoing::default();
        let speech = language::settle(app, row, &request, &cookies);
        request.extensions_mut().insert(cookies.clone());
        request.extensions_mut().insert(speech.lang.clone());
        (cookies, speech)
    });
    let ip = ClientIp::of(peer, request.headers(), &app.config.trusted_proxies);
    request.extensions_mut().insert(ip);

    let mut response = call(app, row, request).await;
    let fault = response.extensions_mut().remove::<Fault>();
    if let Some(fault) = &fault {
        response = render(app, &asked, fault, response);
    }
    if let Some((cookies, speech)) = person {
        app.views.draw(&speech, &mut response);
        cookies.leave(response.headers_mut());
    }
    headers::finish(app, row, entry.request_id(), &mut response);
    entry.end(&mut response, fault.as_ref());
    if head { without_body(response) } else { response }
}

async fn call(app: &Arc<App>, row: Option<&Row>, request: Request) -> Response {
    let Some(row) = row else { return Fault::Http(Http::NotFound).into_response() };
    if row.surface_of(request.method(), request.headers()) == Surface::Page
        && let Some(elsewhere) = host::redirect(app, &request).or_else(|| language::chosen(app, &request))
    {
        return elsewhere;
    }
    if request.method() == Method::OPTIONS {
        return cors::preflight(app, row, request.headers()).await;
    }
    let Some(act) = row.act(request.method(), request.headers()) else {
        let mut response = Fault::Http(Http::Method).into_response();
        response.headers_mut().insert(header::ALLOW, row.allow.clone());
        return response;
    };
    let answer = AssertUnwindSafe(act(request, Arc::clone(app))).catch_unwind();
    // Documents wait for nothing: no timer for them.
    let outcome = if row.surface == Surface::Document {
        Ok(answer.await)
    } else {
        tokio::time::timeout(app.config.limits.request, answer).await
    };
    match outcome {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => Fault::Http(Http::Panic).into_response(),
        Err(_elapsed) => Fault::Http(Http::Overdue).into_response(),
    }
}

/// An unknown path: a page for a browser, JSON for everybody else.
fn surface_of(request: &Request) -> Surface {
    let accept = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok());
    if accept.is_some_and(|a| a.contains("text/html")) { Surface::Page } else { Surface::Direct }
}

/// `HEAD` (RFC 9110 9.3.2): the same head, no body.
fn without_body(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    if let (Some(length), true) = (body.size_hint().exact(), parts.status != StatusCode::NO_CONTENT) {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, Body::empty())
}
