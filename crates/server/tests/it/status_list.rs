//! Status lists over HTTP (draft-ietf-oauth-status-list-21, 8 and 9).

use crate::wire::get;
use crate::world::{API, BACKEND_SECRET, World, world};
use countersign_contract::fixture;
use countersign_issuer::admin::revoke::{What, revoke};
use countersign_issuer::model::{Actor, EventDraft, EventKind};
use countersign_issuer::port::Resources;
use countersign_token::dangerous;
use serde_json::{Value, json};

/// A world whose API asks for status lists.
async fn asking() -> World {
    let world = world().await;
    let mut api = fixture::resource(API);
    api.status_list = true;
    let event = EventDraft::new(EventKind::ResourceApplied, Actor::Operator);
    world.store.apply_resources(vec![api], vec![event]).await.unwrap();
    world.issuer.follow().await.unwrap();
    world
}

fn status(token: &str) -> Value {
    dangerous::decode(token).unwrap().1["status"]["status_list"].clone()
}

#[tokio::test]
async fn a_list_is_where_the_token_says() {
    let world = asking().await;
    let token = world.machine_token("backend", BACKEND_SECRET).await;
    let uri = status(&token)["uri"].as_str().unwrap().to_owned();
    let path = uri.strip_prefix(&world.url("")).unwrap().to_owned();
    let answer = world.send(get(&path).with("Accept", "application/statuslist+jwt")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/statuslist+jwt")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=1"));
    let (header, claims) = dangerous::decode(&answer.text()).unwrap();
    assert_eq!((&header["typ"], &claims["sub"]), (&json!("statuslist+jwt"), &json!(uri)));

    let etag = answer.header("etag").unwrap().to_owned();
    let again = world.send(get(&path).with("If-None-Match", &etag)).await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag.as_str())));
    revoke(&world.issuer, What::Client("backend".to_owned())).await.unwrap();
    world.clock.advance_seconds(1);
    world.issuer.follow().await.unwrap();
    let changed = world.send(get(&path).with("If-None-Match", &etag)).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn all_lists_are_named() {
    let world = asking().await;
    let metadata = world.send(get("/.well-known/oauth-authorization-server")).await.json();
    let at = metadata["status_list_aggregation_endpoint"].as_str().unwrap().to_owned();
    let path = at.strip_prefix(&world.url("")).unwrap().to_owned();
    let empty = world.send(get(&path)).await;
    assert_eq!((empty.status, empty.header("content-type")), (200, Some("application/json")));
    assert_eq!(empty.json(), json!({ "status_lists": [] }));
    let token = world.machine_token("backend", BACKEND_SECRET).await;
    assert_eq!(world.send(get(&path)).await.json(), json!({ "status_lists": [status(&token)["uri"]] }));
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let world = asking().await;
    world.machine_token("backend", BACKEND_SECRET).await;
    for path in
        ["/status/2", "/status/0", "/status/01", "/status/x", "/status/", "/status/1/2", "/status/4294967297"]
    {
        let answer = world.send(get(path)).await;
        assert_eq!((answer.status, answer.error().as_str()), (404, "not_found"), "{path}");
    }
    let cwt = world.send(get("/status/1").with("Accept", "application/statuslist+cwt")).await;
    assert_eq!((cwt.status, cwt.error().as_str()), (406, "invalid_request"));
    for accept in ["*/*", "application/*;q=0.1", "text/html, application/statuslist+jwt"] {
        assert_eq!(world.send(get("/status/1").with("Accept", accept)).await.status, 200, "{accept}");
    }
    // Draft, 8.4: who asks for the past is not given the present.
    for query in ["?time=1686925000", "?a=b&time=x"] {
        assert_eq!(world.send(get(&format!("/status/1{query}"))).await.status, 501, "{query}");
    }
    assert_eq!(world.send(get("/status/1?cache=no")).await.status, 200);
}
