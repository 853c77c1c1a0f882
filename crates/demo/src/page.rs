//! The page: every scenario with a button, and what happened when it was pressed.

use crate::live::{self, Live, Picture};
use crate::scenario::{self, Scenario, Story};
use crate::scene::Step;
use crate::stage::Stage;
use crate::view;
use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

struct Desk {
    stage: Arc<Stage>,
    live: Arc<Live>,
    /// One at a time: some stop the issuer or change its keys.
    playing: Mutex<()>,
}

/// Serves the page until the process ends.
pub(crate) async fn serve(listener: TcpListener, stage: Arc<Stage>) -> Result<()> {
    let live = Live::new(Arc::clone(&stage));
    let desk = Arc::new(Desk { stage, live: Arc::clone(&live), playing: Mutex::default() });
    let routes: Router = Router::new()
        .route("/", get(index))
        .route("/run/{id}", post(run).get(back))
        .route("/assets/demo.css", get(view::style))
        .route("/assets/demo.js", get(view::script))
        .route("/assets/live.js", get(view::live_script))
        .route("/assets/mark.svg", get(view::mark))
        .with_state(desk)
        .merge(live::routes(live));
    axum::serve(listener, routes).await.context("serving the page")
}

async fn index(State(desk): State<Arc<Desk>>) -> Response {
    match desk.live.wall().await {
        Ok(wall) => view::page(StatusCode::OK, "index.html", index_values(&desk.stage, &wall.picture())),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

fn index_values(stage: &Stage, live: &Picture) -> Value {
    let row = |s: &Scenario| json!({ "id": s.id, "title": s.title, "works": s.works, "refused": s.refused });
    let rows = |prefix: &str| -> Vec<Value> {
        scenario::ALL.iter().filter(|s| s.id.starts_with(prefix)).map(row).collect()
    };
    let person = |p: &crate::cast::Person| json!({ "username": p.username, "password": p.password, "name": p.name, "roles": p.roles });
    json!({
        "title": "Countersign demo",
        "live": live,
        "groups": [
            { "title": "Use cases", "rows": rows("UC-") },
            { "title": "Good practice", "rows": rows("BP-") },
        ],
        "people": [person(&stage.cast.alice), person(&stage.cast.bob)],
        "users": stage.places.users,
        "orders": stage.places.orders,
        "issuer": stage.places.issuer,
    })
}

/// Plays a scenario. With [`view::FRAGMENT`] only the story is answered, for the script to put in place;
/// otherwise a page of its own.
async fn run(State(desk): State<Arc<Desk>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !view::same_origin(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some(scenario) = scenario::find(&id) else { return StatusCode::NOT_FOUND.into_response() };
    // On a task of its own: a visitor who leaves must not leave the issuer stopped halfway through.
    let played = tokio::spawn(async move {
        let _turn = desk.playing.lock().await;
        scenario::play(&desk.stage, scenario).await
    });
    let Ok(story) = played.await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let fragment = headers.contains_key(view::FRAGMENT);
    let name = if fragment { "story.html" } else { "run.html" };
    view::page(StatusCode::OK, name, story_values(&story))
}

async fn back() -> Redirect {
    Redirect::to("/")
}

fn story_values(story: &Story) -> Value {
    let steps: Vec<Value> = story.steps.iter().map(step_values).collect();
    json!({
        "title": format!("{} {}", story.id, story.title),
        "id": story.id,
        "passed": story.passed,
        "observed": story.observed,
        "millis": story.millis,
        "checks": story.steps.iter().filter(|s| matches!(s, Step::Check { .. })).count(),
        "steps": steps,
    })
}

fn step_values(step: &Step) -> Value {
    let mut value = serde_json::to_value(step).unwrap_or_default();
    let tokens: Vec<Value> = value
        .get("tokens")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|token| {
            let part =
                |name: &str| token.get(name).map(|v| serde_json::to_string_pretty(v).unwrap_or_default());
            json!({ "header": part("header"), "claims": part("claims") })
        })
        .collect();
    if let Some(members) = value.as_object_mut() {
        members.insert("tokens".to_owned(), Value::Array(tokens));
    }
    value
}
