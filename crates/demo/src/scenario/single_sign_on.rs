//! UC-02: one login, several applications, and tokens that say which service they are for.

use crate::cast::{MOBILE, ORDERS, USERS};
use crate::http::{Ask, Browser};
use crate::scenario::Scenario;
use crate::scene::{Scene, claims};
use anyhow::Result;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-02",
    title: "Single sign-on",
    works: "One login in the browser, then both applications are entered without a second password; one \
            access token that names both services is accepted by both.",
    refused: "A token for service A alone is refused by service B. After signing out of one application, the \
              access token that the other still holds is refused.",
    play: |scene| Box::pin(play(scene)),
};

/// A revocation is in force at every connected verifier within this.
const IN_FORCE: Duration = Duration::from_secs(1);

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let (alice, places) = (&scene.cast().alice, scene.places());
    let mut browser = Browser::default();

    scene.say("A browser opens the team directory and presses \"Sign in\". The issuer asks for a password.");
    let page = browser.open(scene, &format!("{}/login", places.users)).await?;
    scene.check(page.sign_in().is_some(), "the issuer asks for a password")?;
    let entered = browser.sign_in(scene, page, alice).await?;
    scene.check(
        entered.url.as_str().starts_with(&places.users),
        format!("the browser is at {}", entered.url),
    )?;
    scene.check(entered.answer.body.contains(&alice.email), "the team directory knows who signed in")?;

    scene.say("The same browser opens the other application.");
    let second = browser.open(scene, &format!("{}/login", places.orders)).await?;
    scene.check(second.sign_in().is_none(), "nobody asks for a password again")?;
    scene.check(
        second.url.as_str().starts_with(&places.orders),
        format!("the browser is at {}", second.url),
    )?;
    scene.check(second.answer.body.contains(&alice.email), "the orders know the same person")?;
    let ours = browser.cookies("auth.localhost");
    let shared = ours.iter().any(|name| browser.cookies("api.localhost").contains(name));
    scene.check(!shared, "applications and issuer share no cookie")?;

    audiences(scene).await?;

    scene.say("Signing out of the team directory ends the login at the issuer: the next sign-in asks again.");
    let home = browser.open(scene, &format!("{}/", places.users)).await?;
    let form = home.form_to("/logout")?.clone();
    let mut out = browser.submit(scene, &home, &form, &[]).await?;
    let confirm = out.forms.first().filter(|_| out.url.as_str().starts_with(&places.issuer)).cloned();
    if let Some(confirm) = confirm {
        out = browser.submit(scene, &out, &confirm, &[]).await?;
    }
    scene
        .check(out.url.as_str().starts_with(&places.users), format!("the browser is back at {}", out.url))?;
    let again = browser.open(scene, &format!("{}/login", places.users)).await?;
    scene.check(again.sign_in().is_some(), "after signing out a password is asked for again")?;
    let began = Instant::now();
    let mut revoked = false;
    while !revoked && began.elapsed() < IN_FORCE {
        let other = browser.open(scene, &format!("{}/", places.orders)).await?;
        revoked = other.answer.body.contains("the token was revoked");
    }
    scene.check(revoked, "the other application shows that its access token is refused now: revoked")?;
    scene.observe(
        "one password for two applications, one token for two services; a token for A is refused by B; signed out of \
         one, the token of the other is refused",
    );
    Ok(())
}

async fn audiences(scene: &mut Scene<'_>) -> Result<()> {
    let (alice, places) = (&scene.cast().alice, scene.places());
    scene.say("A token that names both services as audience, and one for service A alone.");
    let wish = json!({ "resource": [USERS, ORDERS] });
    let both = scene.login(alice, MOBILE, wish).await?.text("access_token")?;
    scene.same("audience", claims(&both)?.get("aud").cloned(), Some(json!([USERS, ORDERS])))?;
    let (users, orders) = (format!("{}/api/users", places.users), format!("{}/api/orders", places.orders));
    for (name, url) in [("service A", &users), ("service B", &orders)] {
        let answer = scene.send(Ask::get(url).bearer(&both)).await?;
        scene.status(&answer, 200, &format!("{name}, token for both"))?;
    }
    let wish = json!({ "resource": [USERS], "scope": "users:read" });
    let only_a = scene.login(alice, MOBILE, wish).await?.text("access_token")?;
    scene.same("audience", claims(&only_a)?.get("aud").cloned(), Some(Value::from(USERS)))?;
    let at_a = scene.send(Ask::get(&users).bearer(&only_a)).await?;
    scene.status(&at_a, 200, "service A, token for A")?;
    let at_b = scene.send(Ask::get(&orders).bearer(&only_a)).await?;
    scene.status(&at_b, 401, "service B, token for A")?;
    scene.same("reason", at_b.text("reason")?.as_str(), "wrong_audience")
}
