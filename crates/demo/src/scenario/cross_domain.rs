//! UC-12: a token from one host, used at another, by a page of a third.

use crate::cast::MOBILE;
use crate::http::{Answer, Ask};
use crate::scenario::Scenario;
use crate::scene::Scene;
use anyhow::Result;
use serde_json::json;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-12",
    title: "Cross-domain",
    works: "A page of one origin gets a token at auth.localhost and uses it at api.localhost, another host and \
            port: CORS is right, no cookie is shared.",
    refused: "An origin that is not listed gets no CORS headers, at either place.",
    play: |scene| Box::pin(play(scene)),
};

const ALLOW: &str = "access-control-allow-origin";

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let places = scene.places();
    let (app, stranger) = (places.app.clone(), "http://other.localhost:4711".to_owned());
    let login = format!("{}/auth/login", places.issuer);
    let users = format!("{}/api/users", places.users);

    scene.say(format!("A page of {app} signs in at the issuer, as a browser would let it."));
    let asked = scene.send(Ask::preflight(&login, &app, "POST", "content-type")).await?;
    preflight(scene, &asked, &app, "POST", "content-type")?;
    let body = json!({
        "username": scene.cast().alice.username, "password": scene.cast().alice.password, "client_id": MOBILE,
    });
    let tokens = scene.send(Ask::post(&login).origin(&app).json(&body)).await?;
    scene.status(&tokens, 200, "login from the page")?;
    scene.same("allowed origin", tokens.header(ALLOW), &app)?;
    scene.check(tokens.set_cookies().next().is_none(), "the answer sets no cookie")?;
    let token = tokens.text("access_token")?;

    scene.say("The same page calls the API on the other host with the token.");
    let asked = scene.send(Ask::preflight(&users, &app, "GET", "authorization")).await?;
    preflight(scene, &asked, &app, "GET", "authorization")?;
    let answer = scene.send(Ask::get(&users).origin(&app).bearer(&token)).await?;
    scene.status(&answer, 200, "the API")?;
    scene.same("allowed origin", answer.header(ALLOW), &app)?;
    scene.check(answer.set_cookies().next().is_none(), "no cookie on either side")?;
    let credentials = answer.header("access-control-allow-credentials");
    scene.check(credentials.is_empty(), "the API allows no cookies to be sent along")?;

    scene.say(format!("A page of {stranger}, which nobody listed."));
    for ask in [
        Ask::preflight(&login, &stranger, "POST", "content-type"),
        Ask::post(&login).origin(&stranger).json(&body),
        Ask::preflight(&users, &stranger, "GET", "authorization"),
        Ask::get(&users).origin(&stranger).bearer(&token),
    ] {
        let what = format!("{} {}", ask.method, ask.url);
        let answer = scene.send(ask).await?;
        let told = answer.headers.keys().any(|name| name.as_str().starts_with("access-control-allow-"));
        scene.check(!told, format!("{what}: no CORS headers, the browser keeps the answer from the page"))?;
    }
    scene.observe(
        "token of auth.localhost accepted at api.localhost with CORS and no cookie; unlisted origin got none",
    );
    Ok(())
}

fn preflight(scene: &mut Scene<'_>, answer: &Answer, origin: &str, method: &str, header: &str) -> Result<()> {
    scene.check(matches!(answer.status, 200 | 204), format!("preflight: {}", answer.status))?;
    scene.same("allowed origin", answer.header(ALLOW), origin)?;
    let lists =
        |name: &str, due: &str| answer.header(name).split(',').any(|v| v.trim().eq_ignore_ascii_case(due));
    let right =
        lists("access-control-allow-methods", method) && lists("access-control-allow-headers", header);
    scene.check(right, format!("it allows {method} with {header}"))
}
