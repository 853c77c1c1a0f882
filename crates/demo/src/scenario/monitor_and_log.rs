//! BP-12: what happened, who, when, from where; and no secret in it.

use crate::cast::{MACHINE, MOBILE, Person};
use crate::http::{self, Answer, Ask, Browser};
use crate::scenario::Scenario;
use crate::scenario::authenticator::Authenticator;
use crate::scenario::login::text;
use crate::scene::Scene;
use anyhow::{Context, Result};
use countersign_verifier::Clock;
use serde_json::{Value, json};

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-12",
    title: "Monitor and log",
    works: "Every sign-in, failed one, second factor and sign-out is an event with person, time and address: `countersign \
            audit search --json` beside the running server exports them, `audit verify` shows that none was changed.",
    refused: "No password, key, code or token is in any event or line of the log.",
    play: |scene| Box::pin(play(scene)),
};

/// Typed by mistake; no secret of anybody, but the log must not hold it either.
const MISTYPED: &str = "correct-horse-mistyped-staple";
/// Largest export: all there is.
const ALL: &str = "1000000";
/// Least length of a word that is taken for a token.
const TOKEN: usize = 40;

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let guest = Person::stranger()?;
    scene.stage.admit(&guest).await?;
    let whole = scene.command(&["audit", "verify", "--json"]).await?.success()?;
    let head = text(&serde_json::from_str(&whole.stdout)?, "head");
    let mut secrets = vec![guest.password.clone(), MISTYPED.to_owned()];
    secrets.extend([scene.cast().api_key.clone(), scene.cast().client_secret.clone()]);

    by_browser(scene, &guest, &mut secrets).await?;
    by_machine(scene, &mut secrets).await?;
    told(scene, &guest).await?;

    scene.say("Everything there is, as a collector takes it.");
    let all =
        scene.command(&["audit", "search", "--json", "--after", "0", "--limit", ALL]).await?.success()?;
    let events = lines(&all.stdout)?;
    scene.check(events.len() > 20, format!("{} events", events.len()))?;
    let log = scene.stage.issuer.log()?;
    for (what, text) in [("event", &all.stdout), ("line of the issuer's log", &log)] {
        let holds = |line: &&str| secrets.iter().any(|secret| held(line, secret)) || holds_a_token(line);
        let bad = text.lines().filter(holds).count();
        let what = format!("{what}s that hold one of {} secrets, or a token", secrets.len());
        scene.same(&what, bad, 0)?;
    }
    let still = scene.command(&["audit", "verify", "--head", &head]).await?;
    scene.same("the log is whole, and goes on from where it was: exit code", still.code, Some(0))?;
    scene.observe(format!(
        "{} events exported beside the running server, the log is whole, none of {} secrets is in it",
        events.len(),
        secrets.len()
    ));
    Ok(())
}

/// A wrong password, a right one, a second factor wrong and right, sign-outs.
async fn by_browser(scene: &mut Scene<'_>, guest: &Person, secrets: &mut Vec<String>) -> Result<()> {
    let issuer = scene.places().issuer.clone();
    scene.say(
        "Somebody guesses a password, from another address. Then the person signs in and sets up an app.",
    );
    let guess = json!({ "username": guest.email, "password": MISTYPED, "client_id": MOBILE });
    let ask = Ask::post(format!("{issuer}/auth/login")).json(&guess);
    let (answer, _) = scene.timed(ask, &http::client_elsewhere()?).await?;
    scene.status(&answer, 401, "a wrong password")?;
    let mut browser = Browser::default();
    let page = browser.open(scene, &format!("{issuer}/login")).await?;
    browser.sign_in(scene, page, guest).await?;
    let app = Authenticator::set_up(scene, &mut browser).await?;
    let page = browser.open(scene, &format!("{issuer}/account")).await?;
    browser.submit(scene, &page, page.form_to("/account/sign-out")?, &[]).await?;

    scene.say("An app asks for the second factor; one code is wrong, one is right. It signs out.");
    let partial = scene.login(guest, MOBILE, json!({})).await?.text("token")?;
    let right = app.next(scene)?;
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let refused = verify(scene, &partial, wrong).await?;
    scene.status(&refused, 401, "a wrong code")?;
    let full = verify(scene, &partial, &right).await?;
    scene.status(&full, 200, "the right one")?;
    let access = full.text("access_token")?;
    let out = scene.send(Ask::post(format!("{issuer}/auth/logout")).bearer(&access)).await?;
    scene.status(&out, 204, "sign-out")?;
    let tokens = [partial, access, full.text("refresh_token")?];
    secrets.extend(tokens.iter().filter_map(|t| t.rsplit('.').next().map(str::to_owned)));
    secrets.extend(tokens);
    secrets.push(right);
    Ok(())
}

async fn by_machine(scene: &mut Scene<'_>, secrets: &mut Vec<String>) -> Result<()> {
    scene.say("A machine shows a wrong key, then its own.");
    let form = [("grant_type", "client_credentials"), ("scope", "users:read")];
    let wrong = scene.token(MACHINE, MISTYPED, &form).await?;
    scene.status(&wrong, 401, "a wrong key")?;
    let key = scene.cast().api_key.clone();
    let granted = scene.token(MACHINE, &key, &form).await?;
    scene.status(&granted, 200, "the right key")?;
    secrets.push(granted.text("access_token")?);
    for kind in ["client.auth_failed", "client.signed_in"] {
        let search = ["audit", "search", "--json", "--client", MACHINE, "--kind", kind];
        let found = lines(&scene.command(&search).await?.success()?.stdout)?;
        scene.check(
            found.iter().any(|event| !text(event, "ip").is_empty()),
            format!("{kind} with an address"),
        )?;
    }
    Ok(())
}

/// Each is there, in order, with who, when and from where.
async fn told(scene: &mut Scene<'_>, guest: &Person) -> Result<()> {
    scene.say("The events about the person, oldest first.");
    let shown = scene.command(&["user", "show", &guest.email, "--json"]).await?.success()?;
    let id = text(&serde_json::from_str(&shown.stdout)?, "id");
    let search = ["audit", "search", "--json", "--after", "0", "--user", &guest.email, "--since", "10m"];
    let events = lines(&scene.command(&search).await?.success()?.stdout)?;
    let mut rest = events.iter();
    for kind in [
        "user.created",
        "login.failed",
        "login.succeeded",
        "totp.added",
        "browser_session.ended",
        "factor.failed",
        "client_session.started",
        "client_session.ended",
    ] {
        let event = rest.find(|event| text(event, "kind") == kind);
        let event = event.with_context(|| format!("no {kind} in its place among {events:?}"))?;
        let (at, ip) = (text(event, "at"), text(event, "ip"));
        let whose = text(event, "user") == id;
        let from = kind == "user.created" || ip.starts_with("127.") || ip == "::1";
        let day = scene.stage.clock.now().date();
        let today = format!("{:04}-{:02}-", day.0, day.1);
        scene.check(whose && from && at.starts_with(&today), format!("{at} {kind} {id} {ip}"))?;
        if kind == "login.failed" && cfg!(target_os = "linux") {
            scene.check(ip != "127.0.0.1", "the guess came from another address, and the event says so")?;
        }
    }
    Ok(())
}

async fn verify(scene: &mut Scene<'_>, token: &str, code: &str) -> Result<Answer> {
    let url = format!("{}/auth/mfa/verify", scene.places().issuer);
    scene.send(Ask::post(url).json(&json!({ "token": token, "code": code }))).await
}

/// One JSON document a line.
fn lines(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// Is the secret in the line? Six digits are one only where they stand alone: times have six, too.
fn held(line: &str, secret: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    line.match_indices(secret).any(|(at, _)| {
        let (before, after) = line.split_at(at);
        let after = after.get(secret.len()..).unwrap_or_default();
        secret.len() > 6 || !(part(before.chars().next_back()) || part(after.chars().next()))
    })
}

/// A compact token: its header is a JSON object in base64url.
fn holds_a_token(line: &str) -> bool {
    let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    words.into_iter().any(|word| word.starts_with("eyJ") && word.len() >= TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_and_times_are_none() {
        assert!(held(r#"{"code":"123456"}"#, "123456") && held("code=123456", "123456"));
        assert!(!held("2026-01-01T00:00:00.123456Z", "123456") && !held("1234567", "123456"));
        assert!(held("xlantern-12-quarryx", "lantern-12-quarry"));
        let token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1XzEifQ.c2lnbmF0dXJl";
        assert!(holds_a_token(&format!("Bearer {token}\"")) && !holds_a_token("eyJ9 kid=abc"));
    }
}
