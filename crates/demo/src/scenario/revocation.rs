//! BP-08: revocation, in force everywhere within a second, with a receipt.

use crate::cast::{MOBILE, Person, STRICT};
use crate::http::Ask;
use crate::relay::Relay;
use crate::scenario::Scenario;
use crate::scenario::login::text;
use crate::scenario::stateless::unavailable;
use crate::scene::{Scene, claims};
use crate::service::probe::{ASKS, CLOSED, OPEN, Probe, STATUS};
use crate::stage::THIRD_HARD;
use anyhow::{Context, Result};
use countersign_token::dangerous;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-08",
    title: "Revocation",
    works: "One token, a session, a user, a client, a key: revoked by one command, in force at every connected \
            service within a second; the issuer's receipt says who has it.",
    refused: "The very next request with the revoked token, at every service. A service that lost the feed knows \
              it, and follows the rule of its route: 503, young tokens only, or ask the issuer.",
    play: |scene| Box::pin(play(scene)),
};

/// Services A and B, and the third.
const SERVICES: u64 = 3;
/// How often the issuer is asked for a receipt until it has heard of all of them.
const TRIES: usize = 50;

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let third = scene.stage.third().await?;
    let (cable, probe) = (&third.cable, &third.probe);
    let token = scene.login(&scene.cast().bob, MOBILE, json!({})).await?.text("access_token")?;
    let first = scene.send(Ask::get(probe.at(CLOSED)).bearer(&token)).await?;
    scene.status(&first, 200, "a third service, whose feed comes by a cable of its own")?;
    scene.in_touch(&[probe.at(STATUS)]).await?;
    let revoked = at_once(scene, probe).await?;
    heard_of_all(scene, &revoked).await?;
    receipts(scene, probe).await?;
    lost(scene, cable, probe).await
}

/// Without waiting for anybody: how long until every service refuses.
async fn at_once(scene: &mut Scene<'_>, probe: &Probe) -> Result<String> {
    scene.say("The app revokes its own token (RFC 7009). From the answer on, the services are asked.");
    let token = scene.login(&scene.cast().bob, MOBILE, json!({})).await?.text("access_token")?;
    accepted(scene, probe, &token).await?;
    let url = format!("{}/oauth/revoke", scene.places().issuer);
    let done = scene.send(Ask::post(url).form([("client_id", MOBILE), ("token", &token)])).await?;
    scene.status(&done, 200, "revoked")?;
    let mut slowest = 0;
    for (name, url) in services(scene, probe) {
        slowest = slowest.max(scene.revoked_at(name, &url, &token).await?);
    }
    scene.observe(format!("token refused at 3 services {slowest} ms after the answer"));
    Ok(token)
}

/// A service is counted from its first acknowledgement on, which the issuer writes down once a second.
async fn heard_of_all(scene: &mut Scene<'_>, revoked: &str) -> Result<()> {
    let jti = named("--jti", revoked)?;
    let mut connected = 0;
    for _ in 0..TRIES {
        let args = ["revoke", "--jti", &jti, "--wait", "--json"];
        let output = scene.stage.issuer.cli(&args, None).await?.success()?;
        let answer: Value = serde_json::from_str(&output.stdout).context("the receipt")?;
        connected = answer.pointer("/receipt/connected").and_then(Value::as_u64).unwrap_or(0);
        if connected >= SERVICES {
            break;
        }
    }
    scene.check(connected >= SERVICES, format!("the issuer has heard of {connected} services"))
}

/// With the receipt in hand, the very next request is refused.
async fn receipts(scene: &mut Scene<'_>, probe: &Probe) -> Result<()> {
    scene.say("An operator revokes, and waits for the receipts.");
    let bystander = scene.login(&scene.cast().alice, MOBILE, json!({})).await?.text("access_token")?;
    receipts_of(scene, probe, &["--jti", "--session", "--client", "--user"]).await?;
    let other = scene.send(Ask::get(probe.at(CLOSED)).bearer(&bystander)).await?;
    scene.status(&other, 200, "somebody else's token")?;
    let last = receipts_of(scene, probe, &["--key"]).await?;
    scene.observe(format!("token, session, client, user, key: {last}, the very next request 401 each time"));
    Ok(())
}

async fn receipts_of(scene: &mut Scene<'_>, probe: &Probe, all: &[&str]) -> Result<String> {
    let (mut tokens, mut commands) = (Vec::new(), Vec::new());
    for what in all {
        let client = if *what == "--client" { STRICT } else { MOBILE };
        // Whoever was signed out signs in again some seconds later; so it is somebody nobody waits for.
        let who = if *what == "--user" { stranger(scene).await? } else { scene.cast().bob.clone() };
        let token = scene.login(&who, client, json!({})).await?.text("access_token")?;
        accepted(scene, probe, &token).await?;
        commands.push(["revoke", what, &named(what, &token)?, "--wait", "--json"].map(str::to_owned));
        tokens.push(token);
    }
    let mut last = String::new();
    for output in scene.commands(&commands).await? {
        let receipt: Value = serde_json::from_str(&output.success()?.stdout).context("the receipt")?;
        last = receipt_says(scene, &receipt)?;
    }
    for token in &tokens {
        for (service, url) in services(scene, probe) {
            let next = scene.send(Ask::get(&url).bearer(token)).await?;
            scene.status(&next, 401, &format!("{service}, the very next request"))?;
        }
    }
    Ok(last)
}

async fn stranger(scene: &Scene<'_>) -> Result<Person> {
    let person = Person::stranger()?;
    scene.stage.admit(&person).await?;
    Ok(person)
}

/// What `revoke` calls the thing that is to be revoked.
fn named(what: &str, token: &str) -> Result<String> {
    let claims = claims(token)?;
    let (header, _) = dangerous::decode(token).map_err(|e| anyhow::anyhow!("{e}"))?;
    Ok(match what {
        "--jti" => text(&claims, "jti"),
        "--session" => text(&claims, "sid"),
        "--user" => text(&claims, "sub"),
        "--client" => text(&claims, "client_id"),
        _ => text(&header, "kid"),
    })
}

fn receipt_says(scene: &mut Scene<'_>, answer: &Value) -> Result<String> {
    let receipt = answer.get("receipt").context("no receipt in the answer")?;
    let number = |member: &str| receipt.get(member).and_then(Value::as_u64);
    let (connected, in_force) = (number("connected").unwrap_or(0), number("in_force").unwrap_or(0));
    let after = number("after_ms").context("the receipt says no time")?;
    let line = format!("in force at {in_force} of {connected} connected verifiers after {after} ms");
    scene.check(connected >= SERVICES && in_force == connected, format!("receipt: {line}"))?;
    Ok(line)
}

/// The cable is cut: the service knows that it knows nothing new.
async fn lost(scene: &mut Scene<'_>, cable: &Relay, probe: &Probe) -> Result<()> {
    let bob = &scene.cast().bob;
    let good = scene.login(bob, MOBILE, json!({})).await?.text("access_token")?;
    let bad = scene.login(bob, MOBILE, json!({})).await?.text("access_token")?;
    accepted(scene, probe, &good).await?;
    accepted(scene, probe, &bad).await?;
    scene.say("The cable of the third service is cut, then one of two tokens is revoked.");
    cable.cut();
    let url = format!("{}/oauth/revoke", scene.places().issuer);
    let done = scene.send(Ask::post(url).form([("client_id", MOBILE), ("token", &bad)])).await?;
    scene.status(&done, 200, "revoked")?;
    let ask = Ask::get(probe.at(CLOSED)).bearer(&bad);
    let (closed, waited) = scene.until(ask, THIRD_HARD * 3, |answer| answer.status == 503).await?;
    let waited = waited.as_millis();
    unavailable(scene, &closed, &format!("closed route, revoked token, {waited} ms after the cut"))?;
    let status = scene.send(Ask::get(probe.at(STATUS))).await?;
    scene
        .check(status.body.contains("\"hard_exceeded\":true"), "the service knows that it is out of touch")?;
    for (what, token, due) in [("good", &good, [503, 200, 200]), ("revoked", &bad, [503, 200, 401])] {
        for (route, due) in [CLOSED, OPEN, ASKS].into_iter().zip(due) {
            let answer = scene.send(Ask::get(probe.at(route)).bearer(token)).await?;
            scene.status(&answer, due, &format!("{what} token, {route}"))?;
        }
    }
    scene.say("The cable is whole again.");
    cable.heal();
    let ask = Ask::get(probe.at(CLOSED)).bearer(&good);
    let (back, healed) = scene.until(ask, Duration::from_secs(5), |answer| answer.status == 200).await?;
    scene.status(&back, 200, &format!("closed route, good token, {} ms later", healed.as_millis()))?;
    for route in [CLOSED, OPEN, ASKS] {
        let answer = scene.send(Ask::get(probe.at(route)).bearer(&bad)).await?;
        scene.status(&answer, 401, &format!("revoked token, {route}"))?;
    }
    scene.observe(format!(
        "feed cut: closed 503 after {waited} ms, open 200, introspection tells good from revoked; healed after {} ms",
        healed.as_millis()
    ));
    Ok(())
}

fn services(scene: &Scene<'_>, probe: &Probe) -> [(&'static str, String); 3] {
    let places = scene.places();
    [
        ("service A", format!("{}/api/users", places.users)),
        ("service B", format!("{}/api/orders", places.orders)),
        ("the third service", probe.at(CLOSED)),
    ]
}

async fn accepted(scene: &mut Scene<'_>, probe: &Probe, token: &str) -> Result<()> {
    for (name, url) in services(scene, probe) {
        let answer = scene.send(Ask::get(&url).bearer(token)).await?;
        scene.status(&answer, 200, &format!("{name} before"))?;
    }
    Ok(())
}
