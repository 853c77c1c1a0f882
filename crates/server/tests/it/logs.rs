//! The log tells what happened and holds no secret: flows are run, and the log is searched for everything
//! secret that went through them.

use crate::tab::Browser;
use crate::wire::{get, post};
use crate::world::{
    BACKEND_SECRET, OTHER_ORIGIN, PASSWORD, POSTER_SECRET, SPA_ORIGIN, VERIFIER, world, world_where,
};
use countersign_issuer::Settings;
use countersign_issuer::login::Mfa;
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_holds_no_secret() {
    let log = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let world = world().await;
    let mut secrets: Vec<String> =
        [PASSWORD, BACKEND_SECRET, POSTER_SECRET, VERIFIER].map(str::to_owned).to_vec();
    let mut keep = |secret: &str| secrets.push(secret.to_owned());

    let login = world.login("spa").await;
    let (access, refresh) =
        (login["access_token"].as_str().unwrap(), login["refresh_token"].as_str().unwrap());
    keep(access);
    keep(refresh);
    let code = world.code(&world.visitor().await).await;
    keep(&code);
    let redeemed = world.send(world.redeem(&code)).await.json();
    for member in ["access_token", "id_token", "refresh_token"] {
        keep(redeemed[member].as_str().unwrap());
    }
    world.send(world.redeem(&code)).await;
    world.send(get("/oauth/userinfo").bearer(access)).await;
    world.send(get(&format!("/oauth/userinfo?access_token={access}"))).await;
    world.send(get(&format!("/nowhere/{access}?token={refresh}"))).await;
    world.send(get(&format!("/assets/{access}"))).await;
    let next = world.send(world.refresh(refresh)).await.json();
    keep(next["refresh_token"].as_str().unwrap());
    world.send(post("/auth/refresh").json(&json!({ "refresh_token": refresh }))).await;
    world.send(post("/auth/logout").bearer(access)).await;
    keep(&world.machine_token("backend", BACKEND_SECRET).await);
    keep(&crate::wire::base64(format!("backend:{BACKEND_SECRET}").as_bytes()));
    world.send(post("/oauth/token").form(&[("client_id", "poster"), ("client_secret", POSTER_SECRET)])).await;
    let cookie = json!({ "username": "ada", "password": PASSWORD, "client_id": "spa", "session": "cookie" });
    let cookie = world.send(post("/auth/login").json(&cookie).with("Origin", SPA_ORIGIN)).await;
    let value = cookie.cookie("countersign-refresh").unwrap().split([';', '=']).nth(1).unwrap().to_owned();
    keep(&value);
    let call = post("/auth/refresh").with("Cookie", &format!("countersign-refresh={value}"));
    world.send(call.with("Origin", OTHER_ORIGIN).json(&json!({}))).await;
    // What people type into the wrong field or the wrong place is a secret too.
    for (username, password) in
        [("ada", "typed-by-mistake-1"), ("my-password-in-the-name-field", "x-typed-2")]
    {
        keep(username.strip_prefix("ada").unwrap_or(username));
        keep(password);
        world.send(post("/auth/login").json(&json!({ "username": username, "password": password }))).await;
        world
            .send(post("/api/auth/login").json(&json!({ "username": username, "password": password })))
            .await;
    }
    world.send(post("/auth/login").body("application/json", "{\"password\": broken-json-secret}")).await;
    keep("broken-json-secret");
    let flow = "s".repeat(42) + "A";
    let form_token = world.issuer.sealer.form_token(&flow);
    keep(&flow);
    keep(&form_token);
    let form = [("form_token", form_token.as_str()), ("username", "ada"), ("password", PASSWORD)];
    let signed_in =
        world.send(post("/login").with("Cookie", &format!("countersign-flow={flow}")).form(&form)).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.text());
    keep(signed_in.cookie("countersign-session").unwrap().split([';', '=']).nth(1).unwrap());

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for secret in secrets.iter().filter(|s| !s.is_empty()) {
        assert!(secret.len() > 6, "too short to search for: {secret}");
        // A part of a token is as bad as the whole.
        for piece in
            [secret.as_str(), &secret[..secret.len().min(24)], &secret[secret.len().saturating_sub(24)..]]
        {
            let line = log.lines().find(|line| line.contains(piece));
            // The public start of a JWT (header) says nothing; its claims and signature would.
            if !(piece.starts_with("eyJ") && piece.len() == 24) {
                assert_eq!(line, None, "{piece} is in the log");
            }
        }
    }
    for due in [
        "route=\"/oauth/token\"",
        "client_id=\"spa\"",
        "status=401",
        "error=\"invalid_grant\"",
        "method=\"POST\"",
        "ms=",
    ] {
        assert!(log.contains(due), "{due} is missing in\n{log}");
    }
    let refused = |l: &str| l.contains("route=\"/oauth/token\"") && l.contains("error=\"invalid_grant\"");
    assert!(log.lines().any(|l| refused(l) && l.contains("client_id=\"spa\"")), "whose request was refused");
    assert_eq!(log.lines().filter(|l| l.contains("route=\"/auth/logout\"")).count(), 1, "one line a request");
}

/// A page of the house's own that does not render: the log says where, and not what it would have shown.
#[tokio::test]
async fn a_page_that_does_not_render_tells_nothing_of_its_values() {
    let log = Captured::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("enrol.html"), "{{ app.address }}\n{{ not_there }}").unwrap();
    let path = folder.path().to_owned();
    let set = |settings: &mut Settings| settings.login.mfa = Mfa::Always;
    let world = world_where(|config| config.template_dir = Some(path), set).await;
    let mut browser = Browser::new(&world);
    let page = browser.open("/login").await;
    let broken = browser.sign_in(&page, "ada", PASSWORD).await;
    assert_eq!(broken.status, 500, "{}", broken.text());
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for part in ["page does not render", "enrol.html", "UndefinedError", "line=2"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(!log.contains("otpauth"), "{log}");
}
