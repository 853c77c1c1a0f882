//! UC-09: a second factor.

use crate::cast::{MOBILE, Person};
use crate::http::{Answer, Ask};
use crate::scenario::Scenario;
use crate::scenario::authenticator::Authenticator;
use crate::scene::Scene;
use anyhow::{Context, Result};
use countersign_verifier::Clock;
use serde_json::{Value, json};

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-09",
    title: "Multi-factor",
    works: "With an authenticator app set up, POST /auth/login answers a partial token and mfa_methods; \
            POST /auth/mfa/verify with a code answers the full token: mfa_verified, mfa_method, mfa_verified_at.",
    refused: "The partial token is refused by services, userinfo, introspection, refresh and logout; a code works once.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let guest = Person::stranger()?;
    scene.stage.admit(&guest).await?;
    let app = Authenticator::of(scene, &guest).await?;

    scene.say("The app signs in: the password alone is not enough any more.");
    let partial = scene.login(&guest, MOBILE, json!({})).await?;
    let said = partial.json()?;
    scene.same("mfa_required", said.get("mfa_required"), Some(&Value::Bool(true)))?;
    let methods = said.get("mfa_methods").and_then(Value::as_array).context("mfa_methods")?;
    scene.check(methods.iter().any(|m| m == "totp"), format!("mfa_methods: {methods:?}"))?;
    scene.check(partial.text("access_token").is_err(), "there is no access token")?;
    let token = partial.text("token")?;
    no_door(scene, &token).await?;

    scene.say("The next code of the authenticator app finishes it.");
    // The present one was spent setting the app up.
    let code = app.next(scene)?;
    let full = verify(scene, &token, &code).await?;
    scene.status(&full, 200, "with the code")?;
    let said = full.json()?;
    scene.same("mfa_verified", said.get("mfa_verified"), Some(&Value::Bool(true)))?;
    scene.same("mfa_method", full.text("mfa_method")?.as_str(), "totp")?;
    let at = said.get("mfa_verified_at").and_then(Value::as_i64).context("mfa_verified_at")?;
    let off = (scene.stage.clock.now().seconds() - at).abs();
    scene.check(off <= 5, format!("mfa_verified_at is {off} s ago"))?;
    let api = format!("{}/api/users", scene.places().users);
    let served = scene.send(Ask::get(&api).bearer(&full.text("access_token")?)).await?;
    scene.status(&served, 200, "service A accepts the full token")?;

    scene.say("The same code once more, for another sign-in; and the partial token once more.");
    let other = scene.login(&guest, MOBILE, json!({})).await?.text("token")?;
    let twice = verify(scene, &other, &code).await?;
    scene.status(&twice, 401, "a code that was used")?;
    scene.same("error", twice.error().as_str(), "invalid_code")?;
    let spent = verify(scene, &token, &code).await?;
    scene.status(&spent, 401, "a partial token that was used")?;
    scene
        .observe("password, then a code: full token; the partial token opened no door, the code worked once");
    Ok(())
}

/// Every place a token is shown to refuses it.
async fn no_door(scene: &mut Scene<'_>, token: &str) -> Result<()> {
    scene.say("The partial token is shown to everybody.");
    let places = scene.places();
    for url in [
        format!("{}/api/users", places.users),
        format!("{}/api/orders", places.orders),
        format!("{}/oauth/userinfo", places.issuer),
    ] {
        let answer = scene.send(Ask::get(&url).bearer(token)).await?;
        scene.status(&answer, 401, &url)?;
    }
    let active = scene.introspect(token).await?;
    scene.check(!active, "introspection: not active")?;
    for (path, body) in [
        ("/auth/refresh", json!({ "refresh_token": token })),
        ("/auth/logout", json!({ "refresh_token": token })),
    ] {
        let answer = scene.send(Ask::post(format!("{}{path}", scene.places().issuer)).json(&body)).await?;
        scene.status(&answer, 401, path)?;
    }
    Ok(())
}

async fn verify(scene: &mut Scene<'_>, token: &str, code: &str) -> Result<Answer> {
    let url = format!("{}/auth/mfa/verify", scene.places().issuer);
    scene.send(Ask::post(url).json(&json!({ "token": token, "code": code }))).await
}
