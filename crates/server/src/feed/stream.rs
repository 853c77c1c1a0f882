//! `GET /rev/stream`: server-sent events. First the newest head, then what the reader missed, then every new
//! state as it comes.

use super::caught;
use super::hub::{Frame, Sent};
use super::{not_yet, public, seat};
use crate::app::App;
use crate::error::Fault;
use crate::extract::form::Query;
use crate::extract::one_header;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use countersign_feed::stream::Position;
use countersign_issuer::Code;
use countersign_issuer::error::rejected;
use countersign_issuer::oauth::params::Params;
use futures_util::stream;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Where a browser's `EventSource` goes on (WHATWG HTML 9.2.3).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks nginx not to gather what should go out at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Opens a stream.
pub(crate) async fn get(State(app): State<Arc<App>>, Query(params): Query, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    public(open(app, &params, &parts))
}

fn open(app: Arc<App>, params: &Params, parts: &Parts) -> Result<Response, Fault> {
    let at = position(params, &parts.headers)?;
    let seat = seat(&app, parts)?;
    let (first, live) = app.feed.subscribe().ok_or_else(not_yet)?;
    let step = Step::Head { head: first.head.clone(), missed: at.map(|at| (at, first)) };
    let reader = Reader { app, live, step, _seat: seat };
    let events = stream::unfold(reader, |mut reader| async move {
        let next = reader.next().await?;
        Some((Ok::<_, Infallible>(next), reader))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// Where the reader stands: `Last-Event-ID`, or `from` before the first event.
fn position(params: &Params, headers: &HeaderMap) -> Result<Option<Position>, Fault> {
    let wrong = |what: &str| rejected(Code::InvalidRequest, format!("{what} is not EPOCH.SEQ"));
    if headers.contains_key(LAST_EVENT_ID) {
        let text = one_header(headers, &LAST_EVENT_ID).ok_or_else(|| wrong("Last-Event-ID"))?;
        if !text.is_empty() {
            return Ok(Some(Position::read(text).ok_or_else(|| wrong("Last-Event-ID"))?));
        }
    }
    match params.one("from")? {
        Some(text) => Ok(Some(Position::read(text).ok_or_else(|| wrong("from"))?)),
        None => Ok(None),
    }
}

/// One stream.
struct Reader {
    app: Arc<App>,
    live: broadcast::Receiver<Sent>,
    step: Step,
    _seat: super::seats::Seat,
}

enum Step {
    Head { head: Bytes, missed: Option<(Position, Arc<Frame>)> },
    CatchUp { at: Position, to: Arc<Frame> },
    Live,
}

impl Reader {
    /// The next bytes; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match std::mem::replace(&mut self.step, Step::Live) {
                Step::Head { head, missed } => {
                    if let Some((at, to)) = missed {
                        self.step = Step::CatchUp { at, to };
                    }
                    return Some(head);
                }
                Step::CatchUp { at, to } => {
                    if let Some(event) = self.missed(at, to).await? {
                        return Some(event);
                    }
                }
                Step::Live => match self.live.recv().await {
                    Ok(sent) => return Some(sent.bytes()),
                    Err(broadcast::error::RecvError::Lagged(states)) => {
                        tracing::debug!(states, "feed reader is too slow and let go");
                        return None;
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            }
        }
    }

    /// The next missed rules. `Some(None)`: all sent, or not to be had here: the head tells the reader what
    /// it lacks, and it fetches that. `None`: the store does not answer; the reader comes again.
    async fn missed(&mut self, at: Position, to: Arc<Frame>) -> Option<Option<Bytes>> {
        let head = &to.state.head;
        if at.epoch != head.epoch || at.seq >= head.seq {
            return Some(None);
        }
        let next = caught::next(&self.app.feed, &self.app.issuer, at, head.seq).await;
        let next = next.inspect_err(|error| tracing::debug!(%error, "feed reader is let go"));
        let Some(run) = next.ok()? else { return Some(None) };
        self.step = Step::CatchUp { at: Position { epoch: at.epoch, seq: run.end }, to };
        Some(Some(run.event))
    }
}
