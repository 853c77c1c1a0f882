//! BP-04: keys change while nobody notices, and at once when they must.

use crate::cast::MOBILE;
use crate::http::{Answer, Ask};
use crate::scenario::Scenario;
use crate::scene::{Scene, millis};
use anyhow::{Context, Result, anyhow};
use countersign_token::dangerous;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-04",
    title: "Key rotation",
    works: "A new key is published before it signs, and no verification fails meanwhile; one command withdraws a \
            key in an emergency.",
    refused: "Tokens of the withdrawn key: at the issuer at once, at every connected service within a second.",
    play: |scene| Box::pin(play(scene)),
};

/// A command is honoured by the running server within a second.
const HONOURED: Duration = Duration::from_secs(3);

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let users = format!("{}/api/users", scene.places().users);
    let login = scene.login(&scene.cast().alice, MOBILE, json!({})).await?;
    let old = login.text("access_token")?;
    let key = kid(&old)?;
    let before = published(scene).await?;
    scene.check(before.contains(&key), format!("the key {key} is published"))?;
    let call = Ask::get(&users).bearer(&old);
    let served = scene.send(call.clone()).await?;
    scene.status(&served, 200, "service A")?;

    scene.say("Rotation: a new key is announced. Meanwhile the service is called again and again.");
    scene.command(&["key", "rotate"]).await?.success()?;
    let jwks = Ask::get(format!("{}/.well-known/jwks.json", scene.places().issuer));
    let more = before.len();
    let (announced, _) =
        scene.until(jwks, HONOURED, move |a| kids(a).is_ok_and(|kids| kids.len() > more)).await?;
    let after = kids(&announced)?;
    scene.check(
        after.len() > before.len(),
        format!("{} keys are published, {} before", after.len(), before.len()),
    )?;
    scene.check(before.iter().all(|kid| after.contains(kid)), "every earlier key still is")?;
    let mut calls = 0_u32;
    for _ in 0..20 {
        let fresh = scene.login(&scene.cast().alice, MOBILE, json!({})).await?.text("access_token")?;
        for token in [&old, &fresh] {
            let answer = Ask::get(&users).bearer(token).send(&scene.stage.http).await?;
            if answer.status != 200 {
                scene.status(&answer, 200, "a verification during the rotation")?;
            }
            calls += 1;
        }
    }
    scene.check(true, format!("{calls} verifications of old and new tokens, none failed"))?;
    scene.observe(format!(
        "{} to {} keys, {calls} verifications without a failure",
        before.len(),
        after.len()
    ));
    withdraw(scene, &login, &key).await
}

async fn withdraw(scene: &mut Scene<'_>, login: &Answer, key: &str) -> Result<()> {
    let places = scene.places();
    let issuer = &places.issuer;
    let services = [
        ("service A", format!("{}/api/users", places.users)),
        ("service B", format!("{}/api/orders", places.orders)),
    ];
    scene.in_touch(&[]).await?;
    let old = login.text("access_token")?;
    let ask = Ask::get(format!("{issuer}/oauth/userinfo")).bearer(&old);
    let served = scene.send(ask.clone()).await?;
    scene.status(&served, 200, "userinfo before")?;

    scene.say("Emergency: the key is withdrawn by one command.");
    scene.command(&["key", "withdraw", key]).await?.success()?;
    let (refused, waited) = scene.until(ask, HONOURED, |answer| answer.status == 401).await?;
    scene.status(&refused, 401, &format!("userinfo after {} ms", waited.as_millis()))?;
    let active = scene.introspect(&old).await?;
    scene.check(!active, "introspection: revoked")?;
    let kids = published(scene).await?;
    scene.check(!kids.iter().any(|kid| kid == key), "the key is not published any more")?;
    let logout = scene.send(Ask::post(format!("{issuer}/auth/logout")).bearer(&old)).await?;
    scene.status(&logout, 401, "direct API")?;

    scene.say("Nobody tells the services: the revocation feed does.");
    let mut slowest = 0;
    let mut calls = Vec::new();
    for (name, url) in services {
        let ask = Ask::get(&url).bearer(&old);
        let (refused, waited) = scene.until(ask.clone(), HONOURED, |answer| answer.status == 401).await?;
        scene.status(&refused, 401, &format!("{name}, old token, {} ms later", waited.as_millis()))?;
        // By the rule on the key, or because the keys were fetched again already.
        let reason = refused.text("reason")?;
        scene.check(["revoked", "unknown_key"].contains(&reason.as_str()), format!("reason: {reason}"))?;
        slowest = slowest.max(millis(waited));
        calls.push((name, url));
    }
    let fresh = scene.login(&scene.cast().alice, MOBILE, json!({})).await?.text("access_token")?;
    let other = kid(&fresh)?;
    scene.check(other != key, format!("new tokens are signed by {other}"))?;
    for (name, url) in calls {
        let served = scene.send(Ask::get(&url).bearer(&fresh)).await?;
        scene.status(&served, 200, &format!("{name}, new token"))?;
    }
    scene.observe(format!(
        "withdrawn key refused at the issuer after {} ms, at the services {slowest} ms later",
        waited.as_millis()
    ));
    Ok(())
}

async fn published(scene: &mut Scene<'_>) -> Result<Vec<String>> {
    let jwks = scene.send(Ask::get(format!("{}/.well-known/jwks.json", scene.places().issuer))).await?;
    kids(&jwks)
}

pub(super) fn kids(jwks: &Answer) -> Result<Vec<String>> {
    let document = jwks.json()?;
    let keys = document.get("keys").and_then(Value::as_array).context("no `keys`")?;
    Ok(keys.iter().filter_map(|key| key.get("kid")?.as_str().map(str::to_owned)).collect())
}

fn kid(token: &str) -> Result<String> {
    let (header, _) = dangerous::decode(token).map_err(|e| anyhow!("{e}"))?;
    let kid = header.get("kid").and_then(Value::as_str);
    Ok(kid.context("no `kid`")?.to_owned())
}
