//! The picture's addresses: its state as events and as a page, and its buttons.

use crate::live::act::Deed;
use crate::live::{Doing, Wall};
use crate::stage::Stage;
use crate::view;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use futures_util::stream::{self, Stream};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval};

/// Pages that may watch at the same time.
const WATCHERS: usize = 16;
/// The picture is drawn again this often: ages grow.
const REDRAW: Duration = Duration::from_millis(500);
/// And not more often than this, however much happens.
const LEAST: Duration = Duration::from_millis(30);

/// The picture, hung when somebody first looks.
pub(crate) struct Live {
    stage: Arc<Stage>,
    wall: OnceCell<Arc<Wall>>,
    watchers: Arc<Semaphore>,
}

impl Live {
    pub(crate) fn new(stage: Arc<Stage>) -> Arc<Self> {
        Arc::new(Self { stage, wall: OnceCell::new(), watchers: Arc::new(Semaphore::new(WATCHERS)) })
    }

    /// The picture.
    pub(crate) async fn wall(&self) -> anyhow::Result<&Arc<Wall>> {
        self.wall.get_or_try_init(|| Wall::hang(Arc::clone(&self.stage))).await
    }
}

pub(crate) fn routes(live: Arc<Live>) -> Router {
    Router::new()
        .route("/live", get(page))
        .route("/live/events", get(events))
        .route("/live/{what}", post(press))
        .with_state(live)
}

/// The picture on a page of its own, for browsers without script.
async fn page(State(live): State<Arc<Live>>) -> Response {
    match live.wall().await {
        Ok(wall) => view::page(
            StatusCode::OK,
            "wall.html",
            json!({ "title": "Revoke, and watch", "live": wall.picture() }),
        ),
        Err(error) => failed(&error),
    }
}

async fn events(State(live): State<Arc<Live>>) -> Response {
    let Ok(permit) = Arc::clone(&live.watchers).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    match live.wall().await {
        Ok(wall) => Sse::new(pictures(Arc::clone(wall), permit)).into_response(),
        Err(error) => failed(&error),
    }
}

fn pictures(wall: Arc<Wall>, permit: OwnedSemaphorePermit) -> impl Stream<Item = Result<Event, Infallible>> {
    let (redraw, mut least) = (interval(REDRAW), interval(LEAST));
    least.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let changes = wall.changes();
    stream::unfold(
        (wall, changes, redraw, least, permit),
        async |(wall, mut changes, mut redraw, mut least, permit)| {
            tokio::select! {
                _ = redraw.tick() => {}
                gone = changes.changed() => gone.ok()?,
            }
            least.tick().await;
            let event = Event::default().json_data(wall.picture()).ok()?;
            Some((Ok(event), (wall, changes, redraw, least, permit)))
        },
    )
}

async fn press(State(live): State<Arc<Live>>, Path(what): Path<String>, headers: HeaderMap) -> Response {
    if !view::same_origin(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let doing = match what.as_str() {
        "token" => Doing::Revoke(Deed::Token),
        "session" => Doing::Revoke(Deed::Session),
        "user" => Doing::Revoke(Deed::User),
        "cut" => Doing::Cut,
        "heal" => Doing::Heal,
        "new" => Doing::Renew,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let done = match live.wall().await {
        Ok(wall) => Arc::clone(wall).press(doing).await,
        Err(error) => Err(error),
    };
    match done {
        Err(error) => failed(&error),
        Ok(()) if headers.contains_key(view::FRAGMENT) => StatusCode::NO_CONTENT.into_response(),
        Ok(()) => Redirect::to("/live").into_response(),
    }
}

fn failed(error: &anyhow::Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response()
}
