//! UC-01: a login by the direct API.

use crate::cast::{MOBILE, Person};
use crate::http::{self, Answer, Ask};
use crate::scenario::Scenario;
use crate::scene::{Scene, claims};
use anyhow::{Context, Result};
use serde_json::{Value, json};

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-01",
    title: "Login",
    works: "POST /auth/login answers a signed access token, its type and its life; a service accepts it.",
    refused: "A wrong password and an unknown user get the same answer, after the same work.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let alice = &scene.cast().alice;
    scene.say("Alice signs in. Nothing is named but who she is; the answer is an access token.");
    let url = format!("{}/auth/login", scene.places().issuer);
    let body = json!({ "username": alice.username, "password": alice.password });
    let plain = scene.send(Ask::post(&url).json(&body)).await?;
    scene.status(&plain, 200, "login")?;
    scene.same("token_type", plain.text("token_type")?.as_str(), "Bearer")?;
    scene.check(
        plain.text("token")? == plain.text("access_token")?,
        "`token` is the same value as `access_token`",
    )?;
    let life = plain.json()?.get("expires_in").and_then(Value::as_i64).context("expires_in")?;
    scene.check((1..=900).contains(&life), format!("it lives {life} s, at most 15 minutes"))?;
    let subject = text(&claims(&plain.text("access_token")?)?, "sub");
    scene.check(subject.starts_with("u_"), "`sub` is an id made by the issuer, not a name or an address")?;

    scene.say("By e-mail address, for the sample services: service A verifies the token by itself.");
    let mut by_mail = alice.clone();
    by_mail.username.clone_from(&alice.email);
    let token = scene.login(&by_mail, MOBILE, json!({})).await?.text("access_token")?;
    scene.same("both logins are the same person", text(&claims(&token)?, "sub"), subject)?;
    let api = format!("{}/api/users", scene.places().users);
    let served = scene.send(Ask::get(&api).bearer(&token)).await?;
    scene.status(&served, 200, "service A")?;

    scene.say("One changed character in the signature, and service A refuses.");
    let tampered = scene.send(Ask::get(&api).bearer(&flipped(&token))).await?;
    scene.status(&tampered, 401, "tampered token")?;
    scene.observe(format!("signed token for {life} s, accepted by service A"));
    refusals(scene, &url).await
}

/// Wrong password and unknown user, asked in turns so that both see the same machine.
async fn refusals(scene: &mut Scene<'_>, url: &str) -> Result<()> {
    scene.say("Somebody new registers, so that earlier tries do not count. Then: a wrong password, and a user nobody knows.");
    let known = Person::stranger()?;
    scene.stage.admit(&known).await?;
    let elsewhere = http::client_elsewhere()?;
    let mut wrong = Vec::new();
    let mut unknown = Vec::new();
    for _ in 0..3 {
        let nobody = Person::stranger()?;
        for (who, tries) in [(&known, &mut wrong), (&nobody, &mut unknown)] {
            let body = json!({ "username": who.username, "password": "not-the-password-4711" });
            tries.push(scene.timed(Ask::post(url).json(&body), &elsewhere).await?);
        }
    }
    for ((a, _), (b, _)) in wrong.iter().zip(&unknown) {
        scene.status(a, 401, "wrong password")?;
        scene.same("unknown user: the same status", b.status, a.status)?;
        scene.same("unknown user: the same body", b.body.as_str(), a.body.as_str())?;
    }
    let least = |tries: &[(Answer, u64)]| tries.iter().map(|(_, ms)| *ms).min().unwrap_or_default();
    let (wrong, unknown) = (least(&wrong), least(&unknown));
    scene.observe(format!("wrong password {wrong} ms, unknown user {unknown} ms, same answer"));
    // A hash takes tens of milliseconds, everything else about one: without it, times differ in kind.
    let alike = unknown * 6 >= wrong && wrong * 6 >= unknown;
    scene.check(alike, format!("the same work: {wrong} ms and {unknown} ms"))
}

/// A member as text; empty when absent.
pub(super) fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The token with another character in the middle of its signature.
pub(super) fn flipped(token: &str) -> String {
    let (body, signature) = token.rsplit_once('.').unwrap_or_default();
    let middle = signature.len() / 2;
    let turned = |(at, c)| match c {
        _ if at != middle => c,
        'A' => 'B',
        _ => 'A',
    };
    format!("{body}.{}", signature.chars().enumerate().map(turned).collect::<String>())
}
