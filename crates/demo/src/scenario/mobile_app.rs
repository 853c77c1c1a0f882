//! UC-05: an app that verifies while the issuer is away, and signs in by the system browser.

use crate::cast::{MOBILE, PRIVATE_REDIRECT, USERS};
use crate::http::{Ask, Browser};
use crate::random;
use crate::scenario::Scenario;
use crate::scenario::login::flipped;
use crate::scene::Scene;
use anyhow::{Context, Result, anyhow};
use countersign_token::{Algorithm, SigningKey};
use countersign_verifier::{Refusal, Verifier};
use serde_json::json;
use std::time::Duration;
use tempfile::TempDir;
use url::Url;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-05",
    title: "Mobile app",
    works: "Login answers an access and a refresh token; the app verifies with the public key while the issuer \
            is stopped; native apps sign in by code + PKCE to a loopback or private-scheme address.",
    refused: "Offline too: a signature by another key, a changed one, and a token revoked before. A stolen code \
              without its PKCE verifier.",
    play: |scene| Box::pin(play(scene)),
};

/// A revocation is in force at every connected verifier within this.
const HEARD: Duration = Duration::from_secs(1);

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let (places, alice) = (scene.places(), &scene.cast().alice);
    let login = scene.login(alice, MOBILE, json!({})).await?;
    let (access, refresh) = (login.text("access_token")?, login.text("refresh_token")?);
    let ended = scene.login(alice, MOBILE, json!({})).await?.text("access_token")?;
    let warm = scene.send(Ask::get(format!("{}/api/users", places.users)).bearer(&access)).await?;
    scene.status(&warm, 200, "service A has the keys")?;
    scene.say("The app keeps in a folder of its own: public keys, and what it has heard of revocations.");
    let folder = TempDir::with_prefix("app-")?;
    let app = || {
        let app = Verifier::builder(&places.issuer).audience([USERS]).allow_http_on_loopback();
        app.state_dir(folder.path()).build()
    };
    hears(scene, &app()?, &access, &ended).await?;

    scene.say("The issuer's process is ended, and the app is started again.");
    scene.stage.issuer.stop().await?;
    let verified = offline(scene, &app()?, &access, &ended).await;
    scene.say("The issuer's process is started again.");
    scene.stage.issuer.start(&scene.stage.http).await?;
    verified?;

    let url = format!("{}/auth/refresh", places.issuer);
    let renewed = scene.send(Ask::post(url).json(&json!({ "refresh_token": refresh }))).await?;
    scene.status(&renewed, 200, "the refresh token outlives the restart")?;
    for redirect in ["http://127.0.0.1:49217/callback", PRIVATE_REDIRECT] {
        native(scene, redirect).await?;
    }
    scene.observe(
        "verified offline while the issuer was stopped, forgeries and a token revoked before refused; native code \
         flow both ways",
    );
    Ok(())
}

/// The app accepts both tokens, until one of their sessions is ended.
async fn hears(scene: &mut Scene<'_>, app: &Verifier, access: &str, ended: &str) -> Result<()> {
    for token in [access, ended] {
        scene.check(app.verify(token).await.is_ok(), "the app accepts the token of a session")?;
    }
    let mut news = app.feed_changes();
    let out = Ask::post(format!("{}/auth/logout", scene.places().issuer)).bearer(ended);
    let out = scene.send(out).await?;
    scene.status(&out, 204, "one of the sessions is ended")?;
    let told = async {
        while !matches!(app.verify(ended).await, Err(Refusal::Revoked(_))) && news.changed().await.is_ok() {}
    };
    let told = tokio::time::timeout(HEARD, told).await;
    scene.check(told.is_ok(), "the app hears of it within a second")
}

async fn offline(scene: &mut Scene<'_>, app: &Verifier, access: &str, ended: &str) -> Result<()> {
    let ask = Ask::get(format!("{}/readyz", scene.places().issuer));
    scene.check(ask.send(&scene.stage.http).await.is_err(), "the issuer does not answer any more")?;
    let good = app.verify(access).await;
    scene.check(good.is_ok(), "the app verifies the token with the keys it kept")?;
    let claims = good.map(|who| who.claims().clone()).context("claims")?;
    let revoked = matches!(app.verify(ended).await, Err(Refusal::Revoked(_)));
    scene.check(revoked, "the token of the ended session: revoked")?;
    let stranger = SigningKey::generate(Algorithm::Es256).map_err(|e| anyhow!("{e}"))?;
    let foreign = stranger.sign("at+jwt", &claims).map_err(|e| anyhow!("{e}"))?;
    for (name, token) in [("a signature by another key", foreign), ("a changed signature", flipped(access))] {
        let code = match app.verify(&token).await {
            Err(Refusal::InvalidToken(error)) => error.code,
            Err(_) => "refused for another reason",
            Ok(_) => "accepted",
        };
        scene.check(["unknown_key", "bad_signature"].contains(&code), format!("{name}: {code}"))?;
    }
    let service = scene.send(Ask::get(format!("{}/api/users", scene.places().users)).bearer(access)).await?;
    scene.status(&service, 200, "service A goes on verifying")
}

/// RFC 8252: the system browser, then back to the app.
async fn native(scene: &mut Scene<'_>, redirect: &str) -> Result<()> {
    let issuer = &scene.places().issuer;
    scene.say(format!("The app opens the system browser; the answer comes to {redirect}."));
    let (verifier, challenge) = random::pkce()?;
    let url = authorize(issuer, redirect, &challenge)?;
    let mut browser = Browser::with_app(redirect);
    let page = browser.open(scene, url.as_str()).await?;
    let done = browser.sign_in(scene, page, &scene.cast().alice).await?;
    let stolen = code(done.handed.as_ref()).context("a code for the app")?;
    let redeem = |code: &str, verifier: &str| {
        Ask::post(format!("{issuer}/oauth/token")).form([
            ("grant_type", "authorization_code"),
            ("client_id", MOBILE),
            ("redirect_uri", redirect),
            ("code", code),
            ("code_verifier", verifier),
        ])
    };
    let theft = scene.send(redeem(&stolen, &challenge)).await?;
    scene.status(&theft, 400, "a thief has the code, but not the PKCE verifier")?;

    let page = browser.open(scene, url.as_str()).await?;
    let code = code(page.handed.as_ref()).context("a second code, without a second password")?;
    let tokens = scene.send(redeem(&code, &verifier)).await?;
    scene.status(&tokens, 200, "the app redeems the code")
}

fn authorize(issuer: &str, redirect: &str, challenge: &str) -> Result<Url> {
    let mut url = Url::parse(&format!("{issuer}/oauth/authorize"))?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", MOBILE)
        .append_pair("redirect_uri", redirect)
        .append_pair("scope", "openid users:read")
        .append_pair("state", &random::secret()?)
        .append_pair("code_challenge", challenge)
        .append_pair("code_challenge_method", "S256");
    Ok(url)
}

fn code(handed: Option<&Url>) -> Option<String> {
    handed?.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
}
