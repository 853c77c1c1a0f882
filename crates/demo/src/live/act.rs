//! The token of the picture, and what was done to it.

use crate::cast::{MOBILE, Person};
use crate::http::{Answer, Ask};
use crate::live::tile::{Shown, State};
use crate::random;
use crate::scene::{claims, millis};
use crate::stage::Stage;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// How long the issuer waits for verifiers that have not said so, in seconds.
const RECEIPT_SECONDS: &str = "5";

/// How often it is asked for a receipt until it counts every verifier.
const RECEIPTS: usize = 24;

/// Between two times: what verifiers say is written once a second.
const RECEIPTS_APART: Duration = Duration::from_millis(250);

/// What a button does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    /// RFC 7009, as the client does.
    Token,
    /// `POST /auth/logout`, as the app does.
    Session,
    /// `countersign revoke --user`, as an operator does.
    User,
}

/// A token, and how it went on with it.
#[derive(Clone)]
pub(super) struct Act {
    person: Person,
    access: String,
    jti: String,
    done: Option<Done>,
}

#[derive(Clone)]
struct Done {
    deed: Deed,
    /// When the answer came.
    acknowledged: Instant,
    /// How long that took.
    took: Duration,
    receipt: Option<String>,
}

impl Act {
    /// A token of somebody new.
    pub(super) async fn new(stage: &Stage) -> Result<Self> {
        let person = Person::new(&format!("grace-{}", random::name()?), "Grace", &[])?;
        stage.admit(&person).await?;
        let body = json!({ "username": person.username, "password": person.password, "client_id": MOBILE });
        let ask = Ask::post(format!("{}/auth/login", stage.places.issuer)).json(&body);
        let answer = accepted(ask.send(&stage.http).await?)?;
        let access = answer.text("access_token")?;
        let jti = claims(&access)?.get("jti").and_then(Value::as_str).context("no jti")?.to_owned();
        Ok(Self { person, access, jti, done: None })
    }

    pub(super) fn token(&self) -> &str {
        &self.access
    }

    pub(super) fn jti(&self) -> &str {
        &self.jti
    }

    pub(super) fn person(&self) -> &str {
        &self.person.name
    }

    /// Enough of the token to tell it from another.
    pub(super) fn token_shown(&self) -> String {
        let tail = self.access.len().saturating_sub(6);
        format!(
            "{}…{}",
            self.access.get(..10).unwrap_or_default(),
            self.access.get(tail..).unwrap_or_default()
        )
    }

    pub(super) fn acknowledged(&self) -> Option<Instant> {
        self.done.as_ref().map(|done| done.acknowledged)
    }

    pub(super) fn receipt(&self) -> Option<&str> {
        self.done.as_ref()?.receipt.as_deref()
    }

    /// Revokes, from outside. `None`: it was done before.
    pub(super) async fn with(&self, deed: Deed, stage: &Stage) -> Result<Option<Self>> {
        if self.done.is_some() {
            return Ok(None);
        }
        let (issuer, began) = (&stage.places.issuer, Instant::now());
        match deed {
            Deed::Token => {
                let form = [("client_id", MOBILE), ("token", self.access.as_str())];
                let ask = Ask::post(format!("{issuer}/oauth/revoke")).form(form);
                accepted(ask.send(&stage.http).await?)?;
            }
            Deed::Session => {
                let ask = Ask::post(format!("{issuer}/auth/logout")).bearer(&self.access);
                accepted(ask.send(&stage.http).await?)?;
            }
            Deed::User => {
                stage.issuer.cli(&["revoke", "--user", &self.person.username], None).await?.success()?;
            }
        }
        let done = Done { deed, acknowledged: Instant::now(), took: began.elapsed(), receipt: None };
        Ok(Some(Self { done: Some(done), ..self.clone() }))
    }

    /// Who has it in force, as the issuer tells the operator; that somebody has not is an answer, too. A
    /// verifier is counted from its first acknowledgement on, so the issuer is asked until it counts them all.
    pub(super) async fn ask_receipt(&self, stage: &Stage, verifiers: usize) -> Result<String> {
        let args = ["revoke", "--jti", &self.jti, "--wait", "--timeout", RECEIPT_SECONDS, "--quiet"];
        let mut receipt = String::new();
        let mut tick = tokio::time::interval(RECEIPTS_APART);
        for _ in 0..RECEIPTS {
            tick.tick().await;
            let output = stage.issuer.cli(&args, None).await?;
            let output = if output.stdout.is_empty() { output.success()? } else { output };
            receipt = output.stdout;
            if counted(&receipt).is_some_and(|counted| counted >= verifiers) {
                break;
            }
        }
        Ok(receipt)
    }

    /// With the issuer's receipt, once it has come.
    pub(super) fn received(&self, receipt: String) -> Self {
        let done = self.done.clone().map(|done| Done { receipt: Some(receipt), ..done });
        Self { done, ..self.clone() }
    }

    /// The line above the picture, and its mood.
    pub(super) fn summary(&self, tiles: &[Shown], cut: bool) -> (String, &'static str) {
        let count = |state: State| tiles.iter().filter(|tile| tile.state == state).count();
        let (all, stale) = (tiles.len(), count(State::Stale));
        let Some(done) = &self.done else {
            let good = count(State::Valid);
            let text = match (good, stale, cut) {
                (good, _, false) if good == all => format!("Good at all {all}."),
                (good, 0, true) => format!(
                    "Good at {good} of {all}. The cable is cut: its verifiers go by what they know, while it is young enough."
                ),
                (good, stale, _) => format!(
                    "Good at {good} of {all}; {stale} are out of touch, and the rule of their route decides."
                ),
            };
            return (text, if good == all { "good" } else { "" });
        };
        let what = match done.deed {
            Deed::Token => "Token revoked",
            Deed::Session => "Session ended",
            Deed::User => "User signed out",
        };
        let refused = count(State::Refused);
        let mut text =
            format!("{what}, answered after {} ms. Refused at {refused} of {all}", millis(done.took));
        if let Some(slowest) = tiles.iter().filter_map(|tile| tile.millis).max() {
            text.push_str(&format!(", the last of them {slowest} ms later"));
        }
        if stale > 0 {
            text.push_str(&format!("; {stale} are out of touch, and the rule of their route decides"));
        }
        text.push('.');
        (text, if refused == all { "bad" } else { "" })
    }
}

/// The verifiers of "In force at 47 of 48 connected verifiers".
fn counted(receipt: &str) -> Option<usize> {
    receipt.split_once(" of ")?.1.split(' ').next()?.parse().ok()
}

fn accepted(answer: Answer) -> Result<Answer> {
    ensure!(
        (200..300).contains(&answer.status),
        "{} answered {}: {}",
        answer.url,
        answer.status,
        answer.error()
    );
    Ok(answer)
}
