//! BP-04: keys change while nobody notices, and at once when they must.

use crate::cast::MOBILE;
use crate::http::{Answer, Ask};
use crate::scenario::Scenario;
use crate::scene::Scene;
use anyhow::{Context, Result, anyhow};
use countersign_token::dangerous;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-04",
    title: "Key rotation",
    works: "A new key is published before it signs, and no verification fails meanwhile; one command withdraws a \
            key in an emergency.",
    refused: "Tokens of the withdrawn key: at introspection, userinfo and the direct API at once, at a service \
              as soon as it fetches the keys.",
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
    let (issuer, services) = (&scene.places().issuer, [&scene.places().users, &scene.places().orders]);
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

    scene.say("The services are told to fetch the keys (the revocation feed will do so by itself).");
    for service in services {
        let told = scene.send(Ask::post(format!("{service}/api/keys/refresh"))).await?;
        scene.status(&told, 200, "keys fetched")?;
    }
    let users = format!("{}/api/users", scene.places().users);
    let refused = scene.send(Ask::get(&users).bearer(&old)).await?;
    scene.status(&refused, 401, "service A, old token")?;
    scene.same("reason", refused.text("reason")?.as_str(), "unknown_key")?;
    let fresh = scene.login(&scene.cast().alice, MOBILE, json!({})).await?.text("access_token")?;
    let other = kid(&fresh)?;
    scene.check(other != key, format!("new tokens are signed by {other}"))?;
    let served = scene.send(Ask::get(&users).bearer(&fresh)).await?;
    scene.status(&served, 200, "service A, new token")?;
    scene.observe(format!(
        "withdrawn key refused at the issuer after {} ms, at a service with its next fetch",
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
