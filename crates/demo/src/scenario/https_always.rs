//! BP-01: plain HTTP is for loopback.

use crate::scenario::Scenario;
use crate::scene::Scene;
use anyhow::Result;
use countersign_verifier::Verifier;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-01",
    title: "HTTPS always",
    works: "This demo runs in plain HTTP because every address in it is a loopback one.",
    refused: "The issuer does not start as http://public.example, and a verifier does not listen to one.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let elsewhere = scene.stage.issuer.data_dir().join("public");
    let elsewhere = elsewhere.to_string_lossy();
    let args =
        ["serve", "--listen", "127.0.0.1:0", "--issuer", "http://public.example", "--data-dir", &elsewhere];
    let refused = scene.command(&args).await?;
    scene.check(!refused.ok, format!("the start is refused with exit code {:?}", refused.code))?;
    let said = refused.stderr.to_lowercase();
    scene.check(said.contains("https") || said.contains("tls"), "and the message says what to do")?;

    scene.say(
        "The verifier's side: an issuer in plain HTTP is no issuer, and neither is loopback unless allowed.",
    );
    for issuer in ["http://public.example", "http://localhost:8080"] {
        let built = Verifier::builder(issuer).audience(["api"]).build();
        scene.check(built.is_err(), format!("a verifier for {issuer} is not built"))?;
    }
    let built = Verifier::builder("http://public.example").audience(["api"]).allow_http_on_loopback().build();
    scene.check(built.is_err(), "allowing loopback allows nothing else")?;
    scene.observe(format!(
        "start as http://public.example refused (exit {:?}); verifiers refuse it, too",
        refused.code
    ));
    Ok(())
}
