//! UC-19: the same token, verified by a function.

use crate::cast::MOBILE;
use crate::http::Ask;
use crate::scenario::Scenario;
use crate::scenario::login::flipped;
use crate::scene::{Scene, millis};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-19",
    title: "Serverless and edge",
    works: "A function, started cold for each event of an API gateway, verifies the same token as the service; what \
            it keeps between starts is a folder. It goes on when the issuer is away. (Run here: a process of its \
            own for each event. The Workers runtime runs in the tests of sdk/js.)",
    refused: "A revoked token and a changed one, by the function as by the service.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let folder = tempfile::TempDir::with_prefix("function-")?;
    let folder = folder.path().to_str().context("the folder's name")?;
    let login = scene.login(&scene.cast().alice, MOBILE, json!({})).await?;
    let token = login.text("access_token")?;
    let service = format!("{}/api/users", scene.places().users);
    let served = scene.send(Ask::get(&service).bearer(&token)).await?;
    scene.status(&served, 200, "service A")?;

    scene.say("The function's first start: it fetches the keys and the revocations.");
    let cold = invoke(scene, folder, Some(&token), 200).await?;
    scene.say("The issuer's process is ended, and the function is started again, on what it kept.");
    scene.stage.issuer.stop().await?;
    let kept = invoke(scene, folder, Some(&token), 200).await;
    let changed = invoke(scene, folder, Some(&flipped(&token)), 401).await;
    scene.stage.issuer.start(&scene.stage.http).await?;
    scene.say("The issuer's process is started again.");
    let (kept, _) = (kept?, changed?);
    invoke(scene, folder, None, 401).await?;

    scene.say("The token is revoked.");
    let out = scene.send(Ask::post(format!("{}/auth/logout", scene.places().issuer)).bearer(&token)).await?;
    scene.status(&out, 204, "signed out")?;
    let after = invoke(scene, folder, Some(&token), 401).await?;
    scene.same("reason", reason(&after.answer).as_str(), "revoked")?;
    scene.in_touch(&[]).await?;
    scene.revoked_at("service A", &service, &token).await?;
    scene.observe(format!(
        "function accepted the service's token (first start {} ms, from its folder with the issuer stopped {} ms); \
         revoked: 401 at both",
        cold.millis, kept.millis
    ));
    Ok(())
}

struct Invoked {
    answer: Value,
    millis: u64,
}

/// One event, one process.
async fn invoke(scene: &mut Scene<'_>, folder: &str, token: Option<&str>, due: i64) -> Result<Invoked> {
    let headers = match token {
        Some(token) => json!({ "authorization": format!("Bearer {token}") }),
        None => json!({}),
    };
    let event = json!({
        "version": "2.0",
        "routeKey": "GET /orders",
        "rawPath": "/orders",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": { "http": { "method": "GET", "path": "/orders" } },
        "isBase64Encoded": false,
    });
    let issuer = scene.places().issuer.clone();
    let began = Instant::now();
    let args = ["demo", "--function", folder, "--issuer", &issuer];
    let output = scene.command_with(&args, &event.to_string()).await?.success()?;
    let took = millis(began.elapsed());
    let answer: Value = serde_json::from_str(&output.stdout).context("the function's answer")?;
    let status = answer.get("statusCode").and_then(Value::as_i64);
    scene.same("the function's answer", status, Some(due))?;
    Ok(Invoked { answer, millis: took })
}

fn reason(answer: &Value) -> String {
    let body = answer.get("body").and_then(Value::as_str).unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned()
}
