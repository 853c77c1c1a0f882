//! Why a token is or is not accepted, step by step.

use crate::builder::CLOCKS_DIFFER;
use crate::identity::Identity;
use crate::refusal::{Refusal, Revocation};
use crate::staleness::Terms;
use crate::verifier::Inner;
use countersign_token::{Timestamp, VerifyError, dangerous};
use serde::Serialize;
use serde_json::Value;

/// Characters of a value at most.
const SHOWN: usize = 200;

/// What came of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// As it should be.
    Good,
    /// The token is refused here.
    Refused,
    /// Not judged, since it would say nothing: an earlier step failed, or there is nothing to judge by.
    Unchecked,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// `form`, `key`, `signature`, `typ`, `iss`, `aud`, `exp`, `nbf`, `staleness`, `rules`, `binding`.
    pub name: &'static str,
    /// What was due.
    pub expected: String,
    /// What came.
    pub came: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// Every check of one token. Claims of a token whose signature is not good are shown as they are: anybody may
/// have written them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Whether the verifier accepts it, at this moment.
    pub accepted: bool,
    /// The stable code of the refusal: those of [`VerifyError`], `revoked`, `stale`, `keys_unavailable`.
    pub code: Option<String>,
    /// For people.
    pub detail: Option<String>,
    /// `kid` of the header.
    pub key_id: Option<String>,
    /// `alg` of the header.
    pub algorithm: Option<String>,
    /// The rule that covers it.
    pub revocation: Option<Revocation>,
    /// How old the knowledge of revocations was, in milliseconds; none where no feed is followed.
    pub feed_age_ms: Option<u64>,
    /// The checks, in the order that decides.
    pub steps: Vec<Step>,
}

pub(crate) async fn explain(verifier: &Inner, token: &str) -> Explanation {
    let outcome = verifier.bare(token, Terms::default()).await;
    let at = verifier.moment();
    let age = verifier.feed.look().age(at).known();
    let mut told = Explanation {
        accepted: outcome.is_ok(),
        code: outcome.as_ref().err().map(code),
        detail: outcome.as_ref().err().map(|refusal| shown(&refusal.to_string())),
        key_id: None,
        algorithm: None,
        revocation: match &outcome {
            Err(Refusal::Revoked(rule)) => Some(*rule),
            _ => None,
        },
        feed_age_ms: age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        steps: Vec::new(),
    };
    let decoded = dangerous::decode(token);
    let came = match &decoded {
        Ok(_) => "three parts of base64url and JSON".to_owned(),
        Err(error) => error.to_string(),
    };
    told.steps.push(step("form", "a compact JWS".to_owned(), came, decoded.is_ok()));
    if let Ok((header, claims)) = decoded {
        let text = |name| header.get(name).and_then(Value::as_str).map(shown);
        (told.key_id, told.algorithm) = (text("kid"), text("alg"));
        let failed = failing(&outcome);
        told.steps.extend(engine(verifier, &header, &claims, at.now, failed));
        told.steps.extend(beyond(&outcome, age.is_some() || matches!(outcome, Err(Refusal::Stale { .. }))));
    }
    told
}

fn code(refusal: &Refusal) -> String {
    match refusal {
        Refusal::InvalidToken(error) => error.code,
        Refusal::Revoked(_) => "revoked",
        Refusal::Stale { .. } => "stale",
        Refusal::KeysUnavailable(_) => "keys_unavailable",
        other => other.code().unwrap_or("refused"),
    }
    .to_owned()
}

/// Steps of the engine, in its order.
const ENGINE: [&str; 7] = ["key", "signature", "typ", "iss", "aud", "exp", "nbf"];

/// The step of the engine that refused the token: the number in [`ENGINE`].
fn failing(outcome: &Result<Identity, Refusal>) -> Option<usize> {
    let Err(Refusal::InvalidToken(VerifyError { code, claim, .. })) = outcome else {
        return matches!(outcome, Err(Refusal::KeysUnavailable(_))).then_some(0);
    };
    match (*code, *claim) {
        ("bad_signature", _) => Some(1),
        ("wrong_type", _) => Some(2),
        ("proof_required", _) => None,
        (_, Some("iat" | "nbf")) => Some(6),
        (_, Some(claim)) => Some(ENGINE.iter().position(|name| *name == claim).unwrap_or(0)),
        ("malformed" | "missing_claim", None) => Some(3),
        _ => Some(0),
    }
}

fn engine(
    verifier: &Inner,
    header: &Value,
    claims: &Value,
    now: Timestamp,
    failed: Option<usize>,
) -> Vec<Step> {
    let of =
        |value: &Value, name| value.get(name).map_or("none".to_owned(), |value| shown(&value.to_string()));
    let text =
        |value: &Value, name| value.get(name).and_then(Value::as_str).map_or_else(|| of(value, name), shown);
    let number = |name| claims.get(name).and_then(Value::as_f64);
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact in a double")]
    let (seconds, leeway) = (now.millis() as f64 / 1000.0, verifier.leeway.as_secs_f64());
    let early = verifier.leeway.max(CLOCKS_DIFFER).as_secs_f64();
    let named =
        |value: &Value| value.as_str().is_some_and(|name| verifier.audience.iter().any(|due| due == name));
    let for_us = match claims.get("aud") {
        Some(Value::Array(many)) => many.iter().any(named),
        Some(one) => named(one),
        None => false,
    };
    let typ = text(header, "typ");
    let is_access = typ.rsplit('/').next().is_some_and(|typ| typ.eq_ignore_ascii_case("at+jwt"));
    // What each step would say by itself; the engine's own verdict goes before.
    let rows = [
        (
            "a key of the issuer".to_owned(),
            format!("kid {}, alg {}", text(header, "kid"), text(header, "alg")),
            None,
        ),
        ("that of the key".to_owned(), "not that of the key".to_owned(), None),
        ("at+jwt".to_owned(), typ, Some(is_access)),
        (
            verifier.issuer.clone(),
            text(claims, "iss"),
            Some(claims.get("iss").and_then(Value::as_str) == Some(&verifier.issuer)),
        ),
        (verifier.audience.join(" or "), of(claims, "aud"), Some(for_us)),
        (
            format!("after {}", now.seconds()),
            of(claims, "exp"),
            Some(number("exp").is_some_and(|exp| exp > seconds - leeway)),
        ),
        (
            format!("nbf and iat up to {}", now.seconds()),
            format!("nbf {}, iat {}", of(claims, "nbf"), of(claims, "iat")),
            Some(["nbf", "iat"].into_iter().filter_map(number).all(|from| from <= seconds + early)),
        ),
    ];
    let verdict = |index: usize, alone: Option<bool>| match failed {
        Some(failed) if index == failed => Verdict::Refused,
        Some(failed) if index > failed => match alone {
            Some(true) => Verdict::Good,
            Some(false) => Verdict::Refused,
            None => Verdict::Unchecked,
        },
        _ => Verdict::Good,
    };
    let mut steps = Vec::new();
    for (index, (name, (expected, came, alone))) in ENGINE.into_iter().zip(rows).enumerate() {
        let verdict = verdict(index, alone);
        let came = match (name, verdict) {
            ("signature", Verdict::Good) => expected.clone(),
            ("signature", Verdict::Unchecked) => "not checked: there is no key for it".to_owned(),
            _ => came,
        };
        steps.push(Step { name, expected, came, verdict });
    }
    steps
}

/// What follows the engine.
fn beyond(outcome: &Result<Identity, Refusal>, followed: bool) -> [Step; 3] {
    let reached = |name| match (name, outcome) {
        ("staleness", Err(Refusal::Stale { .. })) | ("rules", Err(Refusal::Revoked(_))) => Verdict::Refused,
        ("binding", Err(Refusal::InvalidToken(error))) if error.code == "proof_required" => Verdict::Refused,
        (_, Err(Refusal::InvalidToken(error))) if error.code == "proof_required" => Verdict::Good,
        ("staleness", Err(Refusal::Revoked(_))) | (_, Ok(_)) => Verdict::Good,
        _ => Verdict::Unchecked,
    };
    let told = |name, expected: &str, came: String| {
        let verdict = if followed || name == "binding" { reached(name) } else { Verdict::Unchecked };
        Step { name, expected: expected.to_owned(), came, verdict }
    };
    let absent = || "no revocation feed is followed".to_owned();
    let staleness = match outcome {
        Err(Refusal::Stale { age: Some(age), .. }) => format!("{age:?} old"),
        Err(Refusal::Stale { age: None, .. }) => "nothing was ever proven".to_owned(),
        _ if followed => "fresh enough".to_owned(),
        _ => absent(),
    };
    let rules = match outcome {
        Err(Refusal::Revoked(rule)) => describe(rule),
        Ok(_) if followed => "none".to_owned(),
        _ if followed => "not looked for".to_owned(),
        _ => absent(),
    };
    let binding = match reached("binding") {
        Verdict::Refused => "cnf: bound to a key",
        Verdict::Good => "a plain bearer token",
        Verdict::Unchecked => "not looked at",
    };
    [
        told("staleness", "knowledge of revocations within the bound", staleness),
        told("rules", "no rule of the feed covers it", rules),
        told("binding", "a proof, if it is bound to a key", binding.to_owned()),
    ]
}

fn describe(rule: &Revocation) -> String {
    let mut text = format!("revoked by {}", rule.kind);
    for (name, value) in [
        ("epoch", rule.epoch.map(|n| n.to_string())),
        ("rule", rule.number.map(|n| n.to_string())),
        ("issued up to", rule.cutoff.map(|n| n.to_string())),
        ("until", rule.until.map(|n| n.to_string())),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(", {name} {value}"));
        }
    }
    text
}

fn step(name: &'static str, expected: String, came: String, good: bool) -> Step {
    let verdict = if good { Verdict::Good } else { Verdict::Refused };
    Step { name, expected, came, verdict }
}

/// Cut to what people read.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
