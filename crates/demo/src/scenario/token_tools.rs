//! UC-22: what a token says, and why it is refused, on the command line.

use crate::cast::{MOBILE, ORDERS, USERS};
use crate::issuer::Output;
use crate::scenario::Scenario;
use crate::scenario::login::{flipped, text};
use crate::scene::{Scene, claims};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-22",
    title: "Token tools",
    works: "`countersign token` decodes, verifies and explains: \"why was this refused?\" is answered with the key, the \
            claim or the rule, and who made the rule.",
    refused: "A token for somebody else, a changed one, a revoked one: exit code 1. No output and no line of the \
              issuer's log holds a token.",
    play: |scene| Box::pin(play(scene)),
};

/// A command is honoured by the running server within this.
const IN_FORCE: Duration = Duration::from_secs(1);

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let issuer = scene.places().issuer.clone();
    let wish = json!({ "resource": [USERS], "scope": "users:read" });
    let token = scene.login(&scene.cast().bob, MOBILE, wish).await?.text("access_token")?;
    let (kid, jti) = named(&token)?;
    let mut tool = Tool { scene, token: token.clone(), outputs: Vec::new() };

    let decoded = tool.run(&["token", "inspect", "--json"], &token).await?.success()?;
    let shown: Value = serde_json::from_str(&decoded.stdout)?;
    tool.scene.same("decoded `jti`", text(shown.get("claims").context("claims")?, "jti"), jti.clone())?;
    let service =
        |command, audience| ["token", command, "--issuer", &issuer, "--audience", audience, "--json"];
    let verified = tool.run(&service("verify", USERS), &token).await?;
    tool.scene.same("verify: exit code", verified.code, Some(0))?;
    tool.explains(&service("explain", USERS), &token, None, &["valid", &kid]).await?;
    tool.explains(
        &service("explain", ORDERS),
        &token,
        Some("wrong_audience"),
        &["`aud`", USERS, ORDERS, &kid],
    )
    .await?;
    let changed = flipped(&token);
    tool.explains(&service("explain", USERS), &changed, Some("bad_signature"), &["signature", &kid]).await?;

    tool.scene.say("The token is revoked. A service's view, by the feed, and the operator's, by the store.");
    tool.run(&["revoke", "--jti", &jti], "").await?.success()?;
    tool.published(&service("verify", USERS), &token).await?;
    tool.explains(&service("explain", USERS), &token, Some("revoked"), &["the token itself", "epoch", &kid])
        .await?;
    let here = ["token", "explain", "--json"];
    let told =
        tool.explains(&here, &token, Some("revoked"), &["the token itself", &jti, "operator", &kid]).await?;
    let rule = told.pointer("/revocation/rule").and_then(Value::as_u64).context("no number of the rule")?;
    tool.scene.check(rule > 0, format!("rule {rule} of the feed"))?;

    let warned = tool.run(&["token", "inspect", &token], "").await?;
    tool.scene.check(warned.stderr.contains("warning"), "a token as an argument: a warning")?;
    tool.nothing_told()?;
    scene.observe(format!(
        "decode, verify, explain; refusals name `aud`, the key and rule {rule}; no token in any output or log"
    ));
    Ok(())
}

/// `kid` and `jti`.
fn named(token: &str) -> Result<(String, String)> {
    let (header, _) = countersign_token::dangerous::decode(token).map_err(|e| anyhow::anyhow!("{e}"))?;
    Ok((text(&header, "kid"), text(&claims(token)?, "jti")))
}

/// The command line, and everything it said.
struct Tool<'s, 'a> {
    scene: &'s mut Scene<'a>,
    token: String,
    outputs: Vec<String>,
}

impl Tool<'_, '_> {
    async fn run(&mut self, args: &[&str], stdin: &str) -> Result<Output> {
        let output = self.scene.command_with(args, stdin).await?;
        self.outputs.extend([output.stdout.clone(), output.stderr.clone()]);
        Ok(output)
    }

    /// A command works on the store; the server beside it publishes what it finds there within a second.
    async fn published(&mut self, args: &[&str], token: &str) -> Result<()> {
        let began = Instant::now();
        while self.scene.stage.issuer.cli(args, Some(token)).await?.ok && began.elapsed() < IN_FORCE {}
        let waited = began.elapsed().as_millis();
        let refused = !self.run(args, token).await?.ok;
        self.scene.check(refused, format!("verify refuses it, {waited} ms after the command"))
    }

    /// Explains; `code` is that of the refusal, and the sentence names all of these.
    async fn explains(
        &mut self,
        args: &[&str],
        token: &str,
        code: Option<&str>,
        names: &[&str],
    ) -> Result<Value> {
        let output = self.run(args, token).await?;
        let told: Value = serde_json::from_str(&output.stdout).with_context(|| output.stderr.clone())?;
        self.scene.same("exit code", output.code, Some(i32::from(code.is_some())))?;
        self.scene.same("code", told.get("code").and_then(Value::as_str), code)?;
        let sentence = text(&told, "summary");
        for name in names {
            self.scene.check(sentence.contains(name), format!("\"{sentence}\" names {name}"))?;
        }
        Ok(told)
    }

    /// No output of this run and no line of the issuer's log holds the token, or its signature.
    fn nothing_told(&mut self) -> Result<()> {
        let signature = self.token.rsplit('.').next().unwrap_or_default().to_owned();
        let outputs = self.outputs.iter().filter(|text| text.contains(&signature)).count();
        self.scene.same("outputs that hold the token", outputs, 0)?;
        let log = self.scene.stage.issuer.log()?;
        let lines = log.lines().filter(|line| line.contains(&signature)).count();
        self.scene.same(
            &format!("lines of the issuer's log that hold it, of {}", log.lines().count()),
            lines,
            0,
        )
    }
}
