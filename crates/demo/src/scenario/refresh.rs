//! UC-11: short access tokens, renewed; stolen refresh tokens.

use crate::cast::{HASTY, MOBILE, STRICT};
use crate::http::{Answer, Ask};
use crate::scenario::Scenario;
use crate::scene::Scene;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-11",
    title: "Refresh",
    works: "A 15 minute access token with a refresh token. Expired: 401, then POST /auth/refresh answers a new \
            pair. A retry within the window gets the same successor.",
    refused: "A stolen refresh token, two steps back or after the retry window, ends that session and only that: \
              its access tokens are refused at the service, too.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let alice = &scene.cast().alice;
    let login = scene.login(alice, MOBILE, json!({})).await?;
    let life = login.json()?.get("expires_in").and_then(Value::as_i64);
    scene.same("life of the access token in seconds", life, Some(900))?;
    scene.check(!login.text("refresh_token")?.is_empty(), "there is a refresh token")?;
    expired(scene).await?;
    retried(scene).await?;
    stolen(scene).await?;
    late(scene).await
}

async fn expired(scene: &mut Scene<'_>) -> Result<()> {
    scene.say("A resource whose tokens live for one second, so that nobody has to wait for expiry.");
    let api = format!("{}/api/users", scene.places().users);
    let login = accepted_once(scene, &api).await?;
    let fresh = Ask::get(&api).bearer(&login.text("access_token")?);
    let limit = Duration::from_secs(5);
    let (gone, waited) = scene.until(fresh, limit, |answer| answer.status == 401).await?;
    scene.status(&gone, 401, &format!("after {} ms more", waited.as_millis()))?;
    scene.same("reason", gone.text("reason")?.as_str(), "expired")?;
    scene.observe(format!("expired token refused {} ms after it was accepted", waited.as_millis()));
    let renewed = refresh(scene, &login.text("refresh_token")?).await?;
    scene.status(&renewed, 200, "renewed")?;
    scene.check(renewed.text("access_token")? != login.text("access_token")?, "the access token is a new one")
}

/// Times are whole seconds, rounded down: a token made late in its second may be over before it is used.
async fn accepted_once(scene: &mut Scene<'_>, api: &str) -> Result<Answer> {
    for _ in 0..10 {
        let login = scene.login(&scene.cast().alice, HASTY, json!({})).await?;
        let answer = scene.send(Ask::get(api).bearer(&login.text("access_token")?)).await?;
        if answer.status == 200 {
            scene.status(&answer, 200, "service A, at once")?;
            return Ok(login);
        }
    }
    bail!("ten tokens of one second were never accepted")
}

async fn retried(scene: &mut Scene<'_>) -> Result<()> {
    scene.say("The answer to a refresh is lost, and the app asks again with the token it has.");
    let first = scene.login(&scene.cast().alice, MOBILE, json!({})).await?.text("refresh_token")?;
    let once = refresh(scene, &first).await?;
    scene.status(&once, 200, "refresh")?;
    let twice = refresh(scene, &first).await?;
    scene.status(&twice, 200, "the same refresh again")?;
    let (once, twice) = (once.text("refresh_token")?, twice.text("refresh_token")?);
    scene.check(once != first, "the refresh token was replaced")?;
    scene.check(once == twice, "both answers hold the same successor: no session forks")
}

async fn stolen(scene: &mut Scene<'_>) -> Result<()> {
    scene.say("A thief copied a refresh token. By the time it is used, the app is two steps ahead.");
    let alice = &scene.cast().alice;
    let bystander = scene.login(alice, MOBILE, json!({})).await?;
    let copied = scene.login(alice, MOBILE, json!({})).await?.text("refresh_token")?;
    let second = refresh(scene, &copied).await?.text("refresh_token")?;
    let newest = refresh(scene, &second).await?;
    let (api, access) = (format!("{}/api/users", scene.places().users), newest.text("access_token")?);
    let served = scene.send(Ask::get(&api).bearer(&access)).await?;
    scene.status(&served, 200, "service A, the app's access token")?;
    scene.in_touch(&[]).await?;
    let theft = refresh(scene, &copied).await?;
    refused(scene, &theft, "the copied token")?;
    let waited = scene.revoked_at("service A", &api, &access).await?;
    scene.observe(format!("theft: access token refused at the service after {waited} ms"));
    ended(scene, &newest).await?;
    let other = refresh(scene, &bystander.text("refresh_token")?).await?;
    scene.status(&other, 200, "Alice's other session lives on")?;
    let served = scene.send(Ask::get(&api).bearer(&other.text("access_token")?)).await?;
    scene.status(&served, 200, "service A, a token of the other session")?;
    let active = scene.introspect(&other.text("access_token")?).await?;
    scene.check(active, "introspection: its tokens are active")
}

async fn late(scene: &mut Scene<'_>) -> Result<()> {
    scene.say("One step back, for a client that answers no retries.");
    let copied = scene.login(&scene.cast().alice, STRICT, json!({})).await?.text("refresh_token")?;
    let newest = refresh(scene, &copied).await?;
    scene.status(&newest, 200, "refresh")?;
    let theft = refresh(scene, &copied).await?;
    refused(scene, &theft, "the spent token")?;
    ended(scene, &newest).await?;
    scene.observe(
        "same successor on retry; theft two steps back and after the window ended that session only",
    );
    Ok(())
}

/// The session of these tokens is over at the issuer.
async fn ended(scene: &mut Scene<'_>, tokens: &Answer) -> Result<()> {
    let (access, newest) = (tokens.text("access_token")?, tokens.text("refresh_token")?);
    let owner = refresh(scene, &newest).await?;
    refused(scene, &owner, "the newest refresh token of that session")?;
    let active = scene.introspect(&access).await?;
    scene.check(!active, "introspection: its access token is revoked")?;
    let userinfo =
        scene.send(Ask::get(format!("{}/oauth/userinfo", scene.places().issuer)).bearer(&access)).await?;
    scene.status(&userinfo, 401, "userinfo with it")
}

/// `POST /auth/refresh`.
pub(super) async fn refresh(scene: &mut Scene<'_>, token: &str) -> Result<Answer> {
    let url = format!("{}/auth/refresh", scene.places().issuer);
    scene.send(Ask::post(url).json(&json!({ "refresh_token": token }))).await.context("refresh")
}

/// A refused grant: 400 as RFC 6749 5.2 says, or 401.
pub(super) fn refused(scene: &mut Scene<'_>, answer: &Answer, what: &str) -> Result<()> {
    let told = format!("{what}: {} {}", answer.status, answer.error());
    scene.check(matches!(answer.status, 400 | 401) && answer.text("access_token").is_err(), told)
}
