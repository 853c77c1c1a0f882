//! UC-07: a link by mail.

use crate::cast::{MOBILE, Person};
use crate::http::{Answer, Ask, Browser};
use crate::mailbox;
use crate::scenario::Scenario;
use crate::scenario::login::text;
use crate::scene::Scene;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use url::Url;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-07",
    title: "Magic link",
    works: "POST /auth/passwordless/request, a mail with a link; opening it shows a page with a button, and the \
            button signs in.",
    refused: "A second use; a scanner's GET uses nothing up; opened in another browser it shows a code to type \
              instead.",
    play: |scene| Box::pin(play(scene)),
};

/// How often a scanner of mail opens a link.
const SCANS: usize = 3;

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let guest = Person::stranger()?;
    scene.stage.admit(&guest).await?;
    in_a_browser(scene, &guest).await?;
    in_an_app(scene, &guest).await?;
    in_another_browser(scene, &guest).await?;
    scene.observe(
        "scans used nothing up; the button signed in once; elsewhere a code was shown, good in the app",
    );
    Ok(())
}

async fn in_a_browser(scene: &mut Scene<'_>, guest: &Person) -> Result<()> {
    scene.say("In a browser: the link is asked for by a page, and opened where it was asked for.");
    let (asked, link) = ask(scene, json!({ "email": guest.email })).await?;
    let mut browser = Browser::default();
    browser.took(&asked)?;
    for _ in 0..SCANS {
        let scanned = scene.send(Ask::get(&link)).await?;
        scene.status(&scanned, 200, "a mail scanner opens the link")?;
    }
    let page = browser.open(scene, &link).await?;
    let form = page.form_to("/auth/verify")?;
    let done = browser.submit(scene, &page, form, &[]).await?;
    scene.status(&done.answer, 200, "the button")?;
    scene.same("signed in, at", done.url.path(), "/account")?;
    let mut second = Browser::default();
    second.took(&asked)?;
    let again = second.open(scene, &link).await?;
    scene.check(again.form_to("/auth/verify").is_err(), "opened again, there is no button any more")?;
    let again = second.submit(scene, &page, form, &[]).await?;
    scene.check(again.url.path() == "/auth/verify", "the button of the old page signs nobody in")?;
    let held = second.cookies("auth.localhost").iter().any(|name| name.contains("session"));
    scene.check(!held, "and leaves no session")
}

async fn in_an_app(scene: &mut Scene<'_>, guest: &Person) -> Result<()> {
    scene.say("In an app: the link's token goes back with the flow of the answer.");
    let (asked, link) = ask(scene, json!({ "email": guest.email, "client_id": MOBILE })).await?;
    let url = Url::parse(&link)?;
    let token = url.query_pairs().find(|(name, _)| name == "token").context("no token in the link")?.1;
    let url = format!("{}/auth/verify", scene.places().issuer);
    let without = scene.send(Ask::post(&url).json(&json!({ "token": token }))).await?;
    scene.status(&without, 400, "without the flow")?;
    let with = json!({ "token": token, "flow": asked.text("flow")? });
    let good = scene.send(Ask::post(&url).json(&with)).await?;
    scene.status(&good, 200, "with the flow")?;
    let session = good.text("session_token")?;
    let served = scene.send(Ask::get(format!("{}/api/users", scene.places().users)).bearer(&session)).await?;
    scene.status(&served, 200, "service A accepts the session token")?;
    let life = good.json()?.get("expires_in").and_then(Value::as_i64).context("expires_in")?;
    scene.check((1..=900).contains(&life), format!("it lives {life} s"))?;
    let twice = scene.send(Ask::post(&url).json(&with)).await?;
    scene.status(&twice, 401, "a second use")?;
    scene.same("error", twice.error().as_str(), "code_expired")
}

async fn in_another_browser(scene: &mut Scene<'_>, guest: &Person) -> Result<()> {
    scene.say("Opened in another browser than the one that asked: it does not sign in there.");
    let (asked, link) = ask(scene, json!({ "email": guest.email, "client_id": MOBILE })).await?;
    let page = Browser::default().open(scene, &link).await?;
    let code = mailbox::six_digits(&page.answer.body).context("no code on the page of another browser")?;
    let offers = page.answer.body.contains("value=\"sign_in\"");
    scene.check(!offers, "a code is shown, and no button that signs in")?;
    let url = format!("{}/auth/passwordless/verify", scene.places().issuer);
    let body = json!({ "email": guest.email, "code": code, "flow": asked.text("flow")? });
    let typed = scene.send(Ask::post(url).json(&body)).await?;
    scene.status(&typed, 200, "the code, typed where it was asked for")
}

/// Asks for a link, and reads it.
async fn ask(scene: &mut Scene<'_>, body: Value) -> Result<(Answer, String)> {
    let who = text(&body, "email");
    let seen = mailbox::count(scene, &who)?;
    let url = format!("{}/auth/passwordless/request", scene.places().issuer);
    let asked = scene.send(Ask::post(url).json(&body)).await?;
    scene.status(&asked, 202, "a link is asked for")?;
    let link = mailbox::newest(scene, &who, seen).await?.link()?;
    Ok((asked, link))
}
