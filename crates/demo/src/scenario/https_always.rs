//! BP-01: plain HTTP is for loopback.

use crate::http::{self, Ask};
use crate::issuer::Issuer;
use crate::scenario::Scenario;
use crate::scene::Scene;
use crate::stage::{Places, free_port};
use anyhow::Result;
use countersign_verifier::Verifier;
use tempfile::TempDir;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-01",
    title: "HTTPS always",
    works: "TLS is built in: an issuer starts with a certificate and answers over https. This demo itself runs \
            in plain HTTP because every address in it is a loopback one.",
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

    let answered = over_tls(scene).await?;
    scene.say(
        "The verifier's side: an issuer in plain HTTP is no issuer, and neither is loopback unless allowed.",
    );
    for issuer in ["http://public.example", "http://localhost:8080"] {
        let built = Verifier::builder(issuer).audience(["api"]).build();
        scene.check(built.is_err(), format!("a verifier for {issuer} is not built"))?;
    }
    let built = Verifier::builder("http://public.example").audience(["api"]).allow_http_on_loopback().build();
    scene.check(built.is_err(), "allowing loopback allows nothing else")?;
    let code = refused.code;
    scene.observe(format!(
        "{answered} answers over TLS; start as http://public.example refused (exit {code:?})"
    ));
    Ok(())
}

async fn over_tls(scene: &mut Scene<'_>) -> Result<String> {
    scene.say("An issuer with a certificate made for this moment.");
    let dir = TempDir::with_prefix("countersign-demo-tls-")?;
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    let port = free_port().await?;
    let url = format!("https://localhost:{}", port.port());
    let places = Places { issuer_listen: port, issuer: url.clone(), ..scene.places().clone() };
    let flags = ["--tls-cert", &cert.to_string_lossy(), "--tls-key", &key.to_string_lossy()];
    let secure = Issuer::new(dir.path(), &places)?.with(&flags);
    let trusting = http::client_for(made.cert.der().clone())?;
    secure.start(&trusting).await?;
    let document = Ask::get(format!("{url}/.well-known/openid-configuration"));
    let answer = document.send(&trusting).await;
    let plain = Ask::get(document.url.replacen("https:", "http:", 1)).send(&scene.stage.http).await;
    let distrusted = document.send(&scene.stage.http).await;
    secure.stop().await?;
    scene.same("issuer, as it says itself over TLS", answer?.text("issuer")?, url.clone())?;
    scene.check(!plain.is_ok_and(|a| a.status == 200), "the same port answers nothing in plain HTTP")?;
    scene.check(distrusted.is_err(), "a client that does not know the certificate does not talk to it")?;
    Ok(url)
}
