//! `GET /rev/log/{epoch}/{block}`, `GET /rev/log?epoch=&from=&wait=` and `GET /rev/snap/{epoch}/{seq}`.

use super::hub::{self, Newest};
use super::{decimal, not_yet, public, seat};
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::form::Query;
use crate::oauth::document;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use countersign_feed::{BLOCK, Page, page};
use countersign_issuer::error::rejected;
use countersign_issuer::oauth::params::Params;
use countersign_issuer::revocation::publish;
use countersign_issuer::{Code, Result as Flow};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;

/// The longest wait of a long poll, in seconds.
const MOST_WAIT: u64 = 25;
/// Never changes, so kept for a year by whoever wants.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// A full block.
pub(crate) async fn block(State(app): State<Arc<App>>, request: Request) -> Response {
    public(full(&app, request.uri().path()).await)
}

async fn full(app: &App, path: &str) -> Result<Response, Fault> {
    let (epoch, block) = named(app, path, "/rev/log/")?;
    let newest = app.feed.newest().ok_or_else(not_yet)?;
    let head = &newest.state.head;
    let full = block.checked_add(1).and_then(|next| next.checked_mul(BLOCK));
    if epoch > head.epoch || (epoch == head.epoch && full.is_none_or(|full| full > head.seq)) {
        return Err(Http::NotFound.into());
    }
    for_ever(publish::block(&app.issuer, epoch, block).await?)
}

/// A snapshot.
pub(crate) async fn snapshot(State(app): State<Arc<App>>, request: Request) -> Response {
    public(whole(&app, request.uri().path()).await)
}

async fn whole(app: &App, path: &str) -> Result<Response, Fault> {
    let (epoch, seq) = named(app, path, "/rev/snap/")?;
    let newest = app.feed.newest().ok_or_else(not_yet)?;
    let head = &newest.state.head;
    let newest = head.snap.as_ref().map_or(0, |snap| snap.seq);
    if epoch > head.epoch || (epoch == head.epoch && seq > newest) {
        return Err(Http::NotFound.into());
    }
    for_ever(publish::snapshot(&app.issuer, epoch, seq).await?)
}

/// The two numbers after the folder.
fn named(app: &App, path: &str, folder: &str) -> Result<(u64, u64), Fault> {
    let rest = path.strip_prefix(app.site.base.as_str()).and_then(|p| p.strip_prefix(folder));
    let (first, second) = rest.and_then(|rest| rest.split_once('/')).ok_or(Http::NotFound)?;
    let both = decimal(first).zip(decimal(second));
    Ok(both.ok_or(Http::NotFound)?)
}

fn for_ever(bytes: Option<Arc<[u8]>>) -> Result<Response, Fault> {
    let bytes = bytes.ok_or(Http::Gone)?;
    Ok(octets(Bytes::from_owner(bytes), HeaderValue::from_static(FOR_EVER)))
}

fn octets(bytes: Bytes, cache: HeaderValue) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, cache);
    response
}

/// The tail of the log, at once or when something is added.
pub(crate) async fn tail(State(app): State<Arc<App>>, Query(params): Query, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    public(poll(&app, &params, &parts).await)
}

/// What is asked for.
struct Asked {
    epoch: u64,
    from: u64,
    wait: Duration,
}

impl Asked {
    fn read(params: &Params) -> Flow<Self> {
        let number = |name: &'static str, text: &str| {
            decimal(text).ok_or_else(|| rejected(Code::InvalidRequest, format!("{name} is not a number")))
        };
        let wait = params.one("wait")?.map(|text| number("wait", text)).transpose()?.unwrap_or(0);
        if wait > MOST_WAIT {
            return Err(rejected(Code::InvalidRequest, format!("wait goes from 0 to {MOST_WAIT} seconds")));
        }
        Ok(Self {
            epoch: number("epoch", params.required("epoch")?)?,
            from: number("from", params.required("from")?)?,
            wait: Duration::from_secs(wait),
        })
    }

    /// Whether this state has something for whoever asks.
    fn has_news(&self, newest: &Newest) -> bool {
        newest.state.head.epoch != self.epoch || newest.state.head.seq > self.from
    }
}

async fn poll(app: &App, params: &Params, parts: &Parts) -> Result<Response, Fault> {
    let asked = Asked::read(params)?;
    let mut now = app.feed.watch();
    let mut newest = now.borrow().newest.clone().ok_or_else(not_yet)?;
    if !asked.has_news(&newest) && !asked.wait.is_zero() {
        let _seat = seat(app, parts)?;
        let news = now.wait_for(|now| now.closing || now.newest.as_ref().is_some_and(|f| asked.has_news(f)));
        // Over or not: the newest head is news too.
        drop(tokio::time::timeout(asked.wait, news).await);
        newest = now.borrow().newest.clone().ok_or_else(not_yet)?;
    }
    answer(app, &asked, &newest, &parts.headers).await
}

async fn answer(app: &App, asked: &Asked, newest: &Newest, headers: &HeaderMap) -> Result<Response, Fault> {
    let etag = hub::etag(&format!("{}.{}.{}", asked.epoch, asked.from, newest.tag));
    // To be kept only by whoever asks again with the tag: what is newest changes by the moment.
    let cache = HeaderValue::from_static("no-cache");
    let mut response = if document::is_known(headers, &etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().insert(header::CACHE_CONTROL, cache);
        response
    } else {
        octets(Bytes::from(run(app, asked, newest).await?.bytes()), cache)
    };
    response.headers_mut().insert(header::ETAG, etag);
    Ok(response)
}

/// The rules asked for, under this state's head; none if they are of another epoch or only in a snapshot.
async fn run(app: &App, asked: &Asked, newest: &Newest) -> Flow<Page> {
    let state = &newest.state;
    let behind = asked.epoch == state.head.epoch && asked.from < state.head.seq;
    let found = if behind && state.added.after == asked.from && state.added.epoch == asked.epoch {
        Some(Page::clone(&state.added))
    } else if behind {
        let missing = usize::try_from(state.head.seq.saturating_sub(asked.from)).unwrap_or(usize::MAX);
        publish::page(&app.issuer, asked.epoch, asked.from, missing.min(page::MOST_RULES)).await?
    } else {
        None
    };
    let (epoch, after, chain) = (state.head.epoch, state.head.seq, state.head.chain);
    let mut page = found.unwrap_or(Page { epoch, after, chain, rules: Vec::new(), head: None });
    page.head = Some(state.jws.to_string());
    Ok(page)
}
