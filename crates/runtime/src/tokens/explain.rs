//! Why a token is or is not accepted, check by check: as a service would judge it, or by this store.

use super::{TokenError, service};
use crate::wire::Node;
use countersign_issuer::model::{Actor, Cutoff};
use countersign_issuer::port::Written;
use countersign_issuer::revocation::{self, Facts, Found};
use countersign_token::dangerous;
use countersign_verifier::{Explanation, Step, Verdict, Verifier};
use serde::Serialize;
use serde_json::Value;

/// One check.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// `form`, `key`, `signature`, `typ`, `iss`, `aud`, `exp`, `nbf`, `staleness`, `rules`, `binding`.
    pub name: &'static str,
    /// What was due.
    pub expected: String,
    /// What came.
    pub came: String,
    /// `good`, `refused`, `unchecked`.
    pub verdict: Verdict,
}

/// Every check of a token. Never holds the token.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// Whether it is accepted, at this moment.
    pub accepted: bool,
    /// The stable code of the refusal.
    pub code: Option<String>,
    /// One sentence: key, claim or rule.
    pub summary: String,
    /// `kid` of the header.
    pub key_id: Option<String>,
    /// `alg` of the header.
    pub algorithm: Option<String>,
    /// How old the knowledge of revocations was, in milliseconds; none where no feed was asked.
    pub feed_age_ms: Option<u64>,
    /// The rule that covers it.
    pub revocation: Option<Revoked>,
    /// The checks, in the order that decides.
    pub checks: Vec<Check>,
}

/// The rule that covers a token.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Revoked {
    /// What was revoked: `iss`, `kid`, `cid`, `sub`, `subpfx`, `sid`, `jti`.
    pub kind: &'static str,
    /// Its id; the feed has only names under its salt.
    pub id: Option<String>,
    /// Epoch of the feed.
    pub epoch: Option<u64>,
    /// Number of the rule in that epoch.
    pub rule: Option<u64>,
    /// Tokens with `iat` up to this second are covered; none: all are.
    pub cutoff: Option<i64>,
    /// The second at which the rule drops out.
    pub until: Option<i64>,
    /// The second at which it was written; this store only, like those below.
    pub at: Option<i64>,
    /// Who revoked.
    pub by: Option<String>,
    /// What was noted then: `token.revoked`, `client_session.ended`, `refresh.theft`, ...
    pub event: Option<&'static str>,
}

/// As a service of this audience would judge it: keys from `jwks`, or keys and revocation feed of the issuer.
pub async fn explain_as_service(
    token: &str,
    issuer: &str,
    audience: &[String],
    jwks: Option<&[u8]>,
) -> Result<Explained, TokenError> {
    let told = service(issuer, audience, jwks)?.explain(token).await;
    Ok(Explained::of(told))
}

/// By the published keys and the revocations of this store. Without an audience, any will do.
pub async fn explain_here(token: &str, node: &Node, audience: &[String]) -> Result<Explained, TokenError> {
    let decoded = dangerous::decode(token).ok();
    let named = decoded.as_ref().map(|(_, claims)| audiences(claims)).unwrap_or_default();
    let due = match audience {
        // A verifier has a name; here any name will do, so it takes one of the token's.
        [] if named.is_empty() => vec!["any".to_owned()],
        [] => named,
        some => some.to_vec(),
    };
    let jwks = node.issuer.keys.jwks();
    let verifier = Verifier::builder(&node.issuer.settings.issuer).audience(due).jwks(&jwks.body)?.build()?;
    let mut told = Explained::of(verifier.explain(token).await);
    if let Some((header, claims)) = &decoded {
        told.judge_rules(covering(node, header, claims).await?);
    }
    Ok(told)
}

fn audiences(claims: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match claims.get("aud") {
        Some(Value::Array(many)) => many.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The rule of this store that covers what the token says of itself.
async fn covering(node: &Node, header: &Value, claims: &Value) -> Result<Option<Revoked>, TokenError> {
    let text = |value, name| Value::get(value, name).and_then(Value::as_str);
    let Some(iat) = claims.get("iat").and_then(Value::as_i64) else { return Ok(None) };
    let facts = Facts {
        kid: text(header, "kid").unwrap_or_default(),
        iat,
        client: text(claims, "client_id").unwrap_or_default(),
        sub: text(claims, "sub").unwrap_or_default(),
        sid: text(claims, "sid"),
        jti: text(claims, "jti").unwrap_or_default(),
    };
    let found = revocation::found(&node.issuer, &facts).await;
    Ok(found.map_err(|e| TokenError::CannotVerify(e.to_string()))?.map(Revoked::from))
}

impl From<Found> for Revoked {
    fn from(found: Found) -> Self {
        let Found { written: Written { rule, at, number }, epoch, event } = found;
        Self {
            kind: rule.kind.name(),
            id: Some(rule.id),
            epoch: Some(epoch),
            rule: number,
            cutoff: (rule.cutoff != Cutoff::ALWAYS).then_some(rule.cutoff.0),
            until: Some(rule.until.seconds()),
            at: Some(at.seconds()),
            by: event.as_ref().map(|event| actor(&event.what.actor)),
            event: event.map(|event| event.what.kind.name()),
        }
    }
}

fn actor(actor: &Actor) -> String {
    match actor {
        Actor::User(id) => format!("user {}", id.as_str()),
        Actor::Client(id) => format!("client {}", id.as_str()),
        Actor::Operator => "an operator".to_owned(),
        Actor::System => "the server itself".to_owned(),
        Actor::Anonymous => "nobody known".to_owned(),
    }
}

impl Explained {
    fn of(told: Explanation) -> Self {
        let check = |step: Step| Check {
            name: step.name,
            expected: step.expected,
            came: step.came,
            verdict: step.verdict,
        };
        let revocation = told.revocation.map(|rule| Revoked {
            kind: rule.kind,
            id: None,
            epoch: rule.epoch,
            rule: rule.number,
            cutoff: rule.cutoff,
            until: rule.until,
            ..Revoked::default()
        });
        let mut out = Self {
            accepted: told.accepted,
            code: told.code,
            summary: String::new(),
            key_id: told.key_id,
            algorithm: told.algorithm,
            feed_age_ms: told.feed_age_ms,
            revocation,
            checks: told.steps.into_iter().map(check).collect(),
        };
        out.summary = out.sentence(told.detail.as_deref());
        out
    }

    /// Puts what this store knows in the place of what a feed would have told.
    fn judge_rules(&mut self, rule: Option<Revoked>) {
        // Names that nobody signed say nothing about a token.
        let signed =
            self.checks.iter().all(|check| check.name != "signature" || check.verdict == Verdict::Good);
        let told = match (&rule, signed) {
            (_, false) => ("not looked for: nobody vouches for its names".to_owned(), Verdict::Unchecked),
            (Some(rule), true) => (rule.told(), Verdict::Refused),
            (None, true) => ("none".to_owned(), Verdict::Good),
        };
        for check in &mut self.checks {
            match check.name {
                "staleness" => {
                    (check.came, check.verdict) = ("this store itself".to_owned(), Verdict::Good);
                }
                "rules" => (check.came, check.verdict) = told.clone(),
                _ => {}
            }
        }
        if let Some(rule) = rule.filter(|_| signed) {
            if self.accepted {
                (self.accepted, self.code) = (false, Some("revoked".to_owned()));
            }
            self.revocation = Some(rule);
        }
        self.summary = self.sentence(None);
    }

    fn sentence(&self, detail: Option<&str>) -> String {
        let key = match (&self.key_id, &self.algorithm) {
            (Some(kid), Some(alg)) => format!("key {kid} ({alg})"),
            (None, Some(alg)) => format!("no key named ({alg})"),
            _ => "no key named".to_owned(),
        };
        if self.accepted {
            return format!("valid: every check is good; {key}");
        }
        let refusing = self.checks.iter().find(|check| check.verdict == Verdict::Refused);
        let why = match (refusing, &self.revocation) {
            (Some(check), Some(rule)) if check.name == "rules" => rule.told(),
            (Some(Check { name: name @ ("typ" | "iss" | "aud"), expected, came, .. }), _) => {
                format!("`{name}` is {came}, and this verifier wants {expected}")
            }
            (Some(Check { name: name @ ("exp" | "nbf"), expected, came, .. }), _) => {
                format!("`{name}`: {came}, and due is {expected}")
            }
            (Some(Check { name: "signature", .. }), _) => "the signature is not that of its key".to_owned(),
            (Some(check), _) => format!("{}: {}; due is {}", check.name, check.came, check.expected),
            (None, _) => detail.unwrap_or("it cannot be judged").to_owned(),
        };
        format!("refused: {why}; {key}")
    }
}

impl Revoked {
    /// What was revoked, and by which rule.
    fn told(&self) -> String {
        let what = match self.kind {
            "jti" => "the token itself",
            "sid" => "its session",
            "sub" => "its subject",
            "subpfx" => "a group of subjects that its own is in",
            "cid" => "its client",
            "kid" => "its key",
            "introspection" => return "revoked, says the issuer".to_owned(),
            _ => "everything of the issuer",
        };
        let id = self.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        let mut text = format!("revoked by a rule on {what}{id}");
        match (self.rule, self.epoch) {
            (Some(rule), Some(epoch)) => {
                text.push_str(&format!(", number {rule} of the feed's epoch {epoch}"))
            }
            (None, Some(epoch)) => text.push_str(&format!(", of the feed's epoch {epoch}")),
            _ => {}
        }
        if let (Some(by), Some(event)) = (&self.by, self.event) {
            text.push_str(&format!(", made by {by} ({event})"));
        }
        text
    }
}
