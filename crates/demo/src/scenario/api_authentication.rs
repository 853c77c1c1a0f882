//! UC-03: machines that call an API.

use crate::cast::{MACHINE, ORDERS_MACHINE, USERS};
use crate::http::Ask;
use crate::scenario::Scenario;
use crate::scenario::login::text;
use crate::scene::{Scene, claims};
use anyhow::Result;
use serde_json::json;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-03",
    title: "API authentication",
    works: "An API user with a key, and the client_credentials grant, get tokens that open GET /api/users.",
    refused: "No token: 401 with WWW-Authenticate. A token without the scope: 403 insufficient_scope.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let (places, key) = (scene.places(), &scene.cast().api_key);
    let users = format!("{}/api/users", places.users);

    scene.say("An API user logs in with its name and key.");
    let url = format!("{}/api/auth/login", places.issuer);
    let login = scene.send(Ask::post(&url).json(&json!({ "username": MACHINE, "password": key }))).await?;
    scene.status(&login, 200, "API login")?;
    let by_key = login.text("access_token")?;
    let wrong =
        scene.send(Ask::post(&url).json(&json!({ "username": MACHINE, "password": "wrong" }))).await?;
    scene.status(&wrong, 401, "wrong key")?;

    scene.say("The same by the OAuth grant for machines.");
    let form = [("grant_type", "client_credentials"), ("scope", "users:read")];
    let granted = scene.token(MACHINE, key, &form).await?;
    scene.status(&granted, 200, "client_credentials")?;
    let by_grant = granted.text("access_token")?;
    scene.same("`sub` is the client itself", text(&claims(&by_grant)?, "sub").as_str(), MACHINE)?;
    let renewable = granted.json()?.get("refresh_token").is_some();
    scene.check(!renewable, "no refresh token: the client can ask again")?;
    for (name, token) in [("token by key", &by_key), ("token by grant", &by_grant)] {
        let answer = scene.send(Ask::get(&users).bearer(token)).await?;
        scene.status(&answer, 200, name)?;
    }

    scene.say("Now without a token, with a token in the URL, and with a token that lacks the scope.");
    let realm = format!("Bearer realm=\"{USERS}\"");
    let bare = scene.send(Ask::get(&users)).await?;
    scene.status(&bare, 401, "no token")?;
    scene.same("WWW-Authenticate", bare.challenge(), &realm)?;
    let in_url = scene.send(Ask::get(format!("{users}?access_token={by_grant}"))).await?;
    scene.status(&in_url, 401, "token in the URL")?;

    let form = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    let narrow = scene.token(ORDERS_MACHINE, key, &form).await?;
    scene.status(&narrow, 200, "client_credentials for orders")?;
    let refused = scene.send(Ask::get(&users).bearer(&narrow.text("access_token")?)).await?;
    scene.status(&refused, 403, "token without users:read")?;
    let due = format!(
        "{realm}, error=\"insufficient_scope\", error_description=\"scope missing: users:read\", scope=\"users:read\""
    );
    scene.same("WWW-Authenticate", refused.challenge(), &due)?;
    let form = [("grant_type", "client_credentials"), ("scope", "users:read")];
    let more = scene.token(ORDERS_MACHINE, key, &form).await?;
    scene.status(&more, 400, "asking for a scope it was not given")?;
    scene.same("error", more.error().as_str(), "invalid_scope")?;
    scene.observe("key and client_credentials open the API; no token 401, no scope 403 insufficient_scope");
    Ok(())
}
