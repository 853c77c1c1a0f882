//! UC-08: six digits by mail.

use crate::cast::{MOBILE, Person};
use crate::http::{self, Answer, Ask};
use crate::mailbox;
use crate::scenario::Scenario;
use crate::scenario::login::text;
use crate::scene::{Scene, claims};
use anyhow::{Context, Result};
use serde_json::{Value, json};

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-08",
    title: "One-time code",
    works: "POST /auth/passwordless/code, a mail with six digits, and POST /auth/passwordless/verify answers tokens.",
    refused: "Five wrong tries end a code; the old code dies when a new one is asked for; a used one is used; an \
              address nobody has gets the same answer.",
    play: |scene| Box::pin(play(scene)),
};

/// Wrong tries that end a code.
const TRIES: usize = 5;

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let guest = Person::stranger()?;
    scene.stage.admit(&guest).await?;
    let who = guest.email.as_str();
    scene.say(
        "No password: the app asks for a code, naming itself. `flow` of the answer holds what was asked for.",
    );
    let (flow, code) = ask(scene, json!({ "email": who, "client_id": MOBILE })).await?;
    let body = json!({ "email": who, "code": code, "flow": flow });
    let good = verify(scene, &body).await?;
    scene.status(&good, 200, "the code of the mail")?;
    let token = good.text("access_token")?;
    scene.same("for the client that asked", text(&claims(&token)?, "client_id").as_str(), MOBILE)?;
    let served = scene.send(Ask::get(format!("{}/api/users", scene.places().users)).bearer(&token)).await?;
    scene.status(&served, 200, "service A accepts the token")?;
    let again = verify(scene, &body).await?;
    refused(scene, &again, "the same code again")?;

    scene.say("Asked for twice, with nothing but the address: only the newest code is good.");
    let plain = json!({ "email": who });
    let (_, old) = ask(scene, plain.clone()).await?;
    let (_, new) = ask(scene, plain.clone()).await?;
    // Two codes are the same by chance once in a million.
    if old != new {
        let dead = verify(scene, &json!({ "email": who, "code": old })).await?;
        refused(scene, &dead, "the old code")?;
    }
    let newest = verify(scene, &json!({ "email": who, "code": new })).await?;
    scene.status(&newest, 200, "the newest code")?;
    guesses(scene, who).await?;

    scene.say("An address nobody has.");
    let nobody = Person::stranger()?;
    let known = start(scene, &plain).await?;
    let unknown = start(scene, &json!({ "email": nobody.email })).await?;
    scene.same("the same status", unknown.status, known.status)?;
    let members = |answer: &Answer| -> Result<Vec<String>> {
        Ok(answer.json()?.as_object().context("an object")?.keys().cloned().collect())
    };
    scene.same("the same members", members(&unknown)?, members(&known)?)?;
    scene.observe("a code of a mail signs in once; a newer one, or five wrong tries, end it");
    Ok(())
}

/// Tries, from another address: an issuer counts the failures of one.
async fn guesses(scene: &mut Scene<'_>, who: &str) -> Result<()> {
    scene.say("Five wrong codes, then the right one.");
    let (flow, right) = ask(scene, json!({ "email": who, "client_id": MOBILE })).await?;
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let elsewhere = http::client_elsewhere()?;
    let url = format!("{}/auth/passwordless/verify", scene.places().issuer);
    for code in std::iter::repeat_n(wrong, TRIES).chain([right.as_str()]) {
        let body = json!({ "email": who, "code": code, "flow": flow });
        let (answer, _) = scene.timed(Ask::post(&url).json(&body), &elsewhere).await?;
        refused(scene, &answer, if code == right { "the right one, too late" } else { "a wrong code" })?;
    }
    Ok(())
}

async fn start(scene: &mut Scene<'_>, body: &Value) -> Result<Answer> {
    let url = format!("{}/auth/passwordless/code", scene.places().issuer);
    scene.send(Ask::post(url).json(body)).await
}

/// Asks for a code, and reads it: `flow`, and the code.
async fn ask(scene: &mut Scene<'_>, body: Value) -> Result<(String, String)> {
    let who = text(&body, "email");
    let seen = mailbox::count(scene, &who)?;
    let asked = start(scene, &body).await?;
    scene.status(&asked, 202, "a code is asked for")?;
    let code = mailbox::newest(scene, &who, seen).await?.code()?;
    Ok((asked.text("flow")?, code))
}

async fn verify(scene: &mut Scene<'_>, body: &Value) -> Result<Answer> {
    let url = format!("{}/auth/passwordless/verify", scene.places().issuer);
    scene.send(Ask::post(url).json(body)).await
}

/// No tokens, and no other reason than the code.
fn refused(scene: &mut Scene<'_>, answer: &Answer, what: &str) -> Result<()> {
    let due = matches!(answer.error().as_str(), "invalid_code" | "code_expired");
    let told = format!("{what}: {} {}", answer.status, answer.error());
    scene.check(answer.status == 401 && due, told)
}
