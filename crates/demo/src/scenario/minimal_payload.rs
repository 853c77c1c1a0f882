//! BP-03: what a token tells about a person.

use crate::cast::MOBILE;
use crate::http::Ask;
use crate::scenario::{Scenario, oidc};
use crate::scene::{Scene, claims};
use anyhow::Result;
use serde_json::json;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-03",
    title: "Minimal payload",
    works: "E-mail and name are in the ID token and at userinfo when their scope was granted.",
    refused: "They are never in an access token, and nowhere without the scope.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let alice = &scene.cast().alice;
    let told =
        |text: &str| [&alice.email, &alice.name, &alice.username].iter().any(|fact| text.contains(*fact));
    let endpoint = format!("{}/oauth/userinfo", scene.places().issuer);

    scene.say("Alice grants her profile and e-mail address.");
    let full = oidc::tokens(scene, alice, "openid profile email users:read").await?;
    let (id, access) = (claims(&full.text("id_token")?)?, claims(&full.text("access_token")?)?);
    scene.same("ID token: e-mail", id.get("email").cloned(), Some(json!(alice.email)))?;
    scene.same("ID token: name", id.get("name").cloned(), Some(json!(alice.name)))?;
    scene.check(
        !told(&access.to_string()),
        "access token: neither address nor name, though the scopes were granted",
    )?;
    let userinfo = scene.send(Ask::get(&endpoint).bearer(&full.text("access_token")?)).await?;
    scene.same("userinfo: e-mail", userinfo.text("email")?.as_str(), &alice.email)?;

    scene.say("Alice signs in without granting them.");
    let bare = oidc::tokens(scene, alice, "openid users:read").await?;
    scene
        .check(!told(&claims(&bare.text("id_token")?)?.to_string()), "ID token: neither address nor name")?;
    let userinfo = scene.send(Ask::get(&endpoint).bearer(&bare.text("access_token")?)).await?;
    scene.status(&userinfo, 200, "userinfo")?;
    scene.check(!told(&userinfo.body), "userinfo: neither address nor name")?;

    scene.say("The direct API asks for everything by default; its access token is as bare.");
    let direct = scene.login(alice, MOBILE, json!({})).await?;
    scene.check(
        !told(&claims(&direct.text("access_token")?)?.to_string()),
        "access token: neither address nor name",
    )?;
    scene
        .observe("address and name only in ID token and userinfo, only with their scope; in no access token");
    Ok(())
}
