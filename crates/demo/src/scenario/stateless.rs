//! UC-13: sessions that no server keeps.

use crate::cast::MOBILE;
use crate::http::{Answer, Ask};
use crate::relay::Relay;
use crate::scenario::Scenario;
use crate::scene::Scene;
use crate::service::probe::{CLOSED, NEWBORN, OPEN, Probe, STATUS};
use anyhow::Result;
use serde_json::json;
use std::time::Duration;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-13",
    title: "Stateless sessions",
    works: "Two service nodes behind a plain load balancer, no sticky sessions: either node serves any request by \
            the token alone, without asking the issuer. The issuer and its store stop: verification goes on.",
    refused: "Once what the nodes know of revocations is older than their bound: 503 at the route that fails \
              closed, and at the open one for a token that is not young.",
    play: |scene| Box::pin(play(scene)),
};

/// How old knowledge of revocations may get here; a minute is usual.
const HARD: Duration = Duration::from_millis(1500);
/// Requests through the balancer.
const CALLS: usize = 100;
/// Routes of the feed: what a verifier asks for beside requests, not for them.
const FEED: &str = "/rev/";

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let nodes = [
        Probe::start(scene.stage, "node 1", HARD, None).await?,
        Probe::start(scene.stage, "node 2", HARD, None).await?,
    ];
    let balancer = Relay::to(&nodes.each_ref().map(|node| node.address)).await?;
    let url = |route: &str| format!("http://{}{route}", balancer.address());
    let token = scene.login(&scene.cast().alice, MOBILE, json!({})).await?.text("access_token")?;
    scene.say(format!("Two nodes behind {}, in turn.", url("")));
    for _ in &nodes {
        let answer = scene.send(Ask::get(url(CLOSED)).bearer(&token)).await?;
        scene.status(&answer, 200, &answer.text("served_by")?)?;
    }
    scene.in_touch(&nodes.each_ref().map(|node| node.at(STATUS))).await?;

    let before = asked(scene)?;
    scene.check(before > 0, "the issuer's log tells what it is asked")?;
    let mut served = [0_usize; 2];
    for _ in 0..CALLS {
        let answer = Ask::get(url(CLOSED)).bearer(&token).send(&scene.stage.http).await?;
        if answer.status != 200 {
            scene.status(&answer, 200, "a request through the balancer")?;
        }
        let at = usize::from(answer.text("served_by")? == "node 2");
        if let Some(count) = served.get_mut(at) {
            *count += 1;
        }
    }
    let asked = asked(scene)? - before;
    scene.same("requests served by each node", served, [CALLS / 2; 2])?;
    scene.same("requests at the issuer meanwhile, by its own log, beside the feed", asked, 0)?;
    scene.observe(format!("{CALLS} requests over 2 nodes (two service nodes here), {asked} at the issuer"));

    scene.say("The issuer's process is ended, and with it the store.");
    scene.stage.issuer.stop().await?;
    let outcome = without_issuer(scene, &url, &token).await;
    scene.say("The issuer's process is started again.");
    scene.stage.issuer.start(&scene.stage.http).await?;
    outcome?;
    let limit = Duration::from_secs(5);
    for _ in &nodes {
        let ask = Ask::get(url(CLOSED)).bearer(&token);
        let (back, waited) = scene.until(ask, limit, |answer| answer.status == 200).await?;
        scene.status(&back, 200, &format!("the closed route again, after {} ms", waited.as_millis()))?;
    }
    Ok(())
}

/// Requests at the issuer so far that are not the feed's.
fn asked(scene: &Scene<'_>) -> Result<usize> {
    Ok(scene.stage.issuer.requests()?.iter().filter(|route| !route.starts_with(FEED)).count())
}

async fn without_issuer(scene: &mut Scene<'_>, url: &impl Fn(&str) -> String, token: &str) -> Result<()> {
    for _ in 0..2 {
        let answer = scene.send(Ask::get(url(CLOSED)).bearer(token)).await?;
        scene.status(&answer, 200, &format!("{}, issuer stopped", answer.text("served_by")?))?;
    }
    scene.say("What the nodes know grows older, and passes their bound.");
    let ask = Ask::get(url(CLOSED)).bearer(token);
    let (closed, waited) = scene.until(ask, HARD * 3, |answer| answer.status == 503).await?;
    unavailable(scene, &closed, &format!("the closed route after {} ms", waited.as_millis()))?;
    let open = scene.send(Ask::get(url(OPEN)).bearer(token)).await?;
    scene.status(&open, 200, "the route that stays open for tokens of the last ten minutes")?;
    let old = scene.send(Ask::get(url(NEWBORN)).bearer(token)).await?;
    unavailable(scene, &old, "the route that stays open for tokens of the last second only")?;
    scene.observe(format!(
        "issuer and store stopped: verification went on, 503 at the closed route after {} ms, the open one served",
        waited.as_millis()
    ));
    Ok(())
}

/// 503 and not 401: the token may be fine.
pub(super) fn unavailable(scene: &mut Scene<'_>, answer: &Answer, what: &str) -> Result<()> {
    scene.status(answer, 503, what)?;
    scene.check(
        !answer.header("retry-after").is_empty(),
        format!("Retry-After: {}", answer.header("retry-after")),
    )
}
