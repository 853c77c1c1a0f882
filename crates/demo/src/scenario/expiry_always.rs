//! BP-02: every token ends, soon.

use crate::cast::{LEGACY, MACHINE, MOBILE};
use crate::forge;
use crate::http::Ask;
use crate::scenario::{Scenario, claims_validated, oidc};
use crate::scene::{Scene, claims};
use anyhow::{Context, Result};
use serde_json::{Value, json};

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-02",
    title: "Expiry always, short",
    works: "Every token of every way to get one carries `exp`, at most an hour ahead.",
    refused: "No setting turns it off, and a rightly signed token without it is refused.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let (alice, key) = (&scene.cast().alice, &scene.cast().api_key);
    let direct = scene.login(alice, MOBILE, json!({})).await?.text("access_token")?;
    let machine =
        scene.token(MACHINE, key, &[("grant_type", "client_credentials")]).await?.text("access_token")?;
    let flow = oidc::tokens(scene, alice, "openid users:read").await?;
    for (name, token) in [
        ("direct login", direct),
        ("client_credentials", machine),
        ("code flow, access token", flow.text("access_token")?),
        ("code flow, ID token", flow.text("id_token")?),
    ] {
        let claims = claims(&token)?;
        let time =
            |name: &str| claims.get(name).and_then(Value::as_i64).with_context(|| format!("no {name}"));
        let life = time("exp")? - time("iat")?;
        let most = if name.contains("ID") { 3600 } else { 900 };
        scene.check((1..=most).contains(&life), format!("{name}: lives {life} s"))?;
    }

    scene.say("An operator tries to turn expiry off.");
    for ttl in [json!(0), json!(-1), json!("never"), json!(false)] {
        let document = json!({ "resource": "urn:demo:forever", "name": "Forever", "access_token_ttl": ttl });
        let refused = scene.apply("resource", &document).await?;
        scene.check(!refused.ok, format!("access_token_ttl {ttl}: refused"))?;
    }

    scene.say("Somebody who holds a service's secret signs a token that never ends.");
    let url = format!("{}/api/archive", scene.places().users);
    let good = claims_validated::good(scene)?;
    let sign = |claims: &Value| {
        forge::hs256(claims_validated::HEADER, &claims.to_string(), scene.cast().legacy_secret.as_bytes())
    };
    let (with, without) = (sign(&good), sign(&forge::with(&good, "exp", None)));
    let accepted = scene.send(Ask::get(&url).bearer(&with)).await?;
    scene.status(&accepted, 200, &format!("with `exp`, {LEGACY}"))?;
    let refused = scene.send(Ask::get(&url).bearer(&without)).await?;
    scene.status(&refused, 401, "without `exp`")?;
    scene.observe(
        "all four kinds end within the hour; settings without expiry and a token without `exp` refused",
    );
    Ok(())
}
