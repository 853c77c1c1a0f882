//! BP-05: where refresh tokens are, and are not.

use crate::cast::MOBILE;
use crate::http::{Answer, Ask};
use crate::scenario::Scenario;
use crate::scenario::refresh::{refresh, refused};
use crate::scene::Scene;
use anyhow::{Context, Result};
use serde_json::json;
use std::path::Path;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-05",
    title: "Refresh tokens safe",
    works: "For browsers the refresh token is an HttpOnly cookie, absent from the body; logout revokes it; the \
            store holds no token.",
    refused: "The cookie from an origin that is not listed, without one, or by a form; anything after logout.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    cookie_mode(scene).await?;

    scene.say("An app that keeps the token itself, and logs out.");
    let login = scene.login(&scene.cast().alice, MOBILE, json!({})).await?;
    let (access, token) = (login.text("access_token")?, login.text("refresh_token")?);
    let dir = scene.stage.issuer.data_dir();
    let found = holders(dir, &[token.as_bytes()])?;
    scene.check(found.is_empty(), format!("no file of the issuer holds the token {found:?}"))?;
    let next = refresh(scene, &token).await?;
    scene.status(&next, 200, "refresh")?;
    let url = format!("{}/auth/logout", scene.places().issuer);
    let out = scene.send(Ask::post(url).bearer(&access)).await?;
    scene.status(&out, 204, "logout")?;
    for (name, token) in [("the newest", next.text("refresh_token")?), ("the one before", token)] {
        let answer = refresh(scene, &token).await?;
        refused(scene, &answer, &format!("{name} after logout"))?;
    }
    let access = next.text("access_token")?;
    let active = scene.introspect(&access).await?;
    scene.check(!active, "introspection: the access token is revoked, too")?;
    let waited =
        scene.revoked_at("service A", &format!("{}/api/users", scene.places().users), &access).await?;
    scene.observe(format!(
        "HttpOnly cookie bound to listed origins, nothing in the store, dead after logout (at the service after \
         {waited} ms)"
    ));
    Ok(())
}

async fn cookie_mode(scene: &mut Scene<'_>) -> Result<()> {
    let (issuer, app) = (&scene.places().issuer, &scene.places().app);
    let alice = &scene.cast().alice;
    scene.say(format!("A page of {app} signs in and asks for a cookie session."));
    let body = json!({
        "username": alice.username, "password": alice.password, "client_id": MOBILE, "session": "cookie",
    });
    let login = scene.send(Ask::post(format!("{issuer}/auth/login")).origin(app).json(&body)).await?;
    scene.status(&login, 200, "login")?;
    scene.check(login.json()?.get("refresh_token").is_none(), "the body holds no refresh token")?;
    let cookie = login.set_cookies().find(|c| c.contains("refresh")).context("no refresh cookie")?.to_owned();
    let marks = cookie.to_ascii_lowercase();
    scene.check(marks.contains("httponly"), "no script can read the cookie (HttpOnly)")?;
    scene.check(marks.contains("samesite=strict"), "no other site can send it (SameSite=Strict)")?;
    scene.check(!marks.contains("domain="), "no other host gets it (no Domain)")?;

    let url = format!("{issuer}/auth/refresh");
    let with = |cookie: &str| Ask::post(&url).cookie(cookie);
    let pair = pair(&cookie);
    scene.say("Somebody else's page, a request without an origin, and an ordinary form try to use it.");
    for (what, ask) in [
        ("an origin that is not listed", with(&pair).origin("http://other.localhost:4711").json(&json!({}))),
        ("no origin", with(&pair).json(&json!({}))),
        ("a form", with(&pair).origin(app).form([("x", "y")])),
    ] {
        let answer = scene.send(ask).await?;
        let told = format!("{what}: {} {}", answer.status, answer.error());
        scene.check((400..500).contains(&answer.status) && answer.text("access_token").is_err(), told)?;
    }
    let renewed = scene.send(with(&pair).origin(app).json(&json!({}))).await?;
    scene.status(&renewed, 200, "the page itself")?;
    scene.check(renewed.json()?.get("refresh_token").is_none(), "again, nothing in the body")?;
    let value = pair.split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default();
    let found = holders(scene.stage.issuer.data_dir(), &[value.as_bytes()])?;
    scene.check(found.is_empty(), format!("no file of the issuer holds the cookie's value {found:?}"))?;
    logout(scene, &renewed, &pair).await
}

async fn logout(scene: &mut Scene<'_>, renewed: &Answer, first: &str) -> Result<()> {
    let (issuer, app) = (&scene.places().issuer, &scene.places().app);
    let newest = renewed.set_cookies().find(|c| c.contains("refresh")).map_or_else(|| first.to_owned(), pair);
    let ask =
        |path: &str| Ask::post(format!("{issuer}{path}")).cookie(newest.clone()).origin(app).json(&json!({}));
    let out = scene.send(ask("/auth/logout")).await?;
    scene.status(&out, 204, "logout by the cookie")?;
    let after = scene.send(ask("/auth/refresh")).await?;
    refused(scene, &after, "the cookie after logout")
}

/// `name=value` of a `Set-Cookie`.
fn pair(cookie: &str) -> String {
    cookie.split(';').next().unwrap_or_default().to_owned()
}

/// Files under a directory that hold one of these byte strings.
pub(super) fn holders(dir: &Path, secrets: &[&[u8]]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(holders(&path, secrets)?);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        if secrets.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == *secret)) {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}
