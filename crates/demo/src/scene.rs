//! One scenario being played: it sends, notes down what was sent and answered, and judges.

use crate::cast::{Cast, Person};
use crate::http::{Answer, Ask};
use crate::issuer::{Issuer, Output};
use crate::stage::{Places, Stage};
use anyhow::{Context, Result, bail};
use countersign_token::dangerous;
use countersign_verifier::Clock;
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// A revocation is in force at every connected verifier within this.
const IN_FORCE: Duration = Duration::from_secs(1);
/// How long a verifier may take to find an issuer again that was away.
const FOUND_AGAIN: Duration = Duration::from_secs(5);

/// A scenario on the stage.
pub(crate) struct Scene<'a> {
    pub(crate) stage: &'a Stage,
    steps: Vec<Step>,
    observed: Vec<String>,
}

/// What a person is shown.
#[derive(Serialize, Clone, Debug)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Step {
    /// A sentence.
    Note { text: String },
    /// A request and its answer.
    Exchange(Box<Exchange>),
    /// A command and what it printed.
    Command { line: String, code: Option<i32>, output: String },
    /// Something that must hold.
    Check { ok: bool, text: String },
}

/// A request and its answer, shortened for reading.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Exchange {
    method: String,
    url: String,
    request: String,
    status: u16,
    response: String,
    tokens: Vec<Value>,
    millis: u64,
}

impl std::fmt::Display for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { method, url, request, status, response, .. } = self;
        write!(f, "{method} {url}\n{request}\n-> {status}\n{response}")
    }
}

impl<'a> Scene<'a> {
    pub(crate) fn on(stage: &'a Stage) -> Self {
        Self { stage, steps: Vec::new(), observed: Vec::new() }
    }

    pub(crate) fn places(&self) -> &'a Places {
        &self.stage.places
    }

    pub(crate) fn cast(&self) -> &'a Cast {
        &self.stage.cast
    }

    /// The story so far, and what was observed in a line.
    pub(crate) fn told(self) -> (Vec<Step>, String) {
        (self.steps, self.observed.join("; "))
    }

    /// A sentence for the reader.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.steps.push(Step::Note { text: text.into() });
    }

    /// Part of the line that sums the scenario up.
    pub(crate) fn observe(&mut self, text: impl Into<String>) {
        self.observed.push(text.into());
    }

    /// What must hold. The scenario ends where it does not.
    pub(crate) fn check(&mut self, ok: bool, text: impl Into<String>) -> Result<()> {
        let text = text.into();
        self.steps.push(Step::Check { ok, text: text.clone() });
        if ok { Ok(()) } else { bail!("not so: {text}") }
    }

    /// Two values that must be the same.
    pub(crate) fn same<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        found: T,
        due: T,
    ) -> Result<()> {
        let text = if found == due {
            format!("{what}: {}", plain(&found))
        } else {
            format!("{what}: {}, not {}", plain(&found), plain(&due))
        };
        self.check(found == due, text)
    }

    /// The status of an answer, with the body in the message when it is another.
    pub(crate) fn status(&mut self, answer: &Answer, due: u16, what: &str) -> Result<()> {
        let mut text = format!("{what}: {}", answer.status);
        if answer.status != due {
            let body: String = shown(&answer.body).chars().take(300).collect();
            text = format!("{text}, not {due} ({} {body})", answer.url);
        }
        self.check(answer.status == due, text)
    }

    /// Sends, and notes down.
    pub(crate) async fn send(&mut self, ask: Ask) -> Result<Answer> {
        Ok(self.timed(ask, &self.stage.http).await?.0)
    }

    /// Sends by another client; the answer and the milliseconds it took.
    pub(crate) async fn timed(&mut self, ask: Ask, client: &reqwest::Client) -> Result<(Answer, u64)> {
        let started = self.stage.clock.elapsed();
        let answer = ask.send(client).await?;
        let took = millis(self.stage.clock.elapsed().saturating_sub(started));
        self.steps.push(Step::Exchange(Box::new(exchange(&ask, &answer, took))));
        Ok((answer, took))
    }

    /// Runs a command of the same binary on the issuer's data directory.
    pub(crate) async fn command(&mut self, args: &[&str]) -> Result<Output> {
        self.command_with(args, "").await
    }

    /// The same, with something on its standard input.
    pub(crate) async fn command_with(&mut self, args: &[&str], stdin: &str) -> Result<Output> {
        let output = self.stage.issuer.cli(args, Some(stdin)).await?;
        self.note_command(&output);
        Ok(output)
    }

    /// Runs a command on the data directory of another issuer.
    pub(crate) async fn command_at(&mut self, issuer: &Issuer, args: &[&str]) -> Result<Output> {
        let output = issuer.cli(args, None).await?;
        self.note_command(&output);
        Ok(output)
    }

    /// Runs commands at the same time.
    pub(crate) async fn commands(&mut self, all: &[impl AsRef<[String]>]) -> Result<Vec<Output>> {
        let run = async |args: &[String]| {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            self.stage.issuer.cli(&args, None).await
        };
        let outputs = try_join_all(all.iter().map(|args| run(args.as_ref()))).await?;
        for output in &outputs {
            self.note_command(output);
        }
        Ok(outputs)
    }

    /// `resource apply` or `client apply`.
    pub(crate) async fn apply(&mut self, noun: &str, document: &Value) -> Result<Output> {
        let output = self.stage.issuer.apply(noun, document).await?;
        self.note_command(&output);
        Ok(output)
    }

    fn note_command(&mut self, output: &Output) {
        let text = [output.stdout.as_str(), output.stderr.as_str()].join("\n");
        self.steps.push(Step::Command {
            line: shown(&output.line),
            code: output.code,
            output: shown(text.trim()),
        });
    }

    /// Repeats a request until the answer is as wanted, or the time is up.
    pub(crate) async fn until(
        &mut self,
        ask: Ask,
        limit: Duration,
        wanted: impl Fn(&Answer) -> bool,
    ) -> Result<(Answer, Duration)> {
        let started = self.stage.clock.elapsed();
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            let answer = ask.send(&self.stage.http).await?;
            let waited = self.stage.clock.elapsed().saturating_sub(started);
            if wanted(&answer) || waited > limit {
                let noted = exchange(&ask, &answer, millis(waited));
                self.steps.push(Step::Exchange(Box::new(noted)));
                return Ok((answer, waited));
            }
        }
    }

    /// Both services, and more of them, hear of revocations: after the issuer was away, as soon as they have
    /// found it again.
    pub(crate) async fn in_touch(&mut self, more: &[String]) -> Result<()> {
        let places = self.places();
        let mut services =
            vec![format!("{}/api/status", places.users), format!("{}/api/status", places.orders)];
        services.extend_from_slice(more);
        let fresh = |answer: &Answer| {
            let status = answer.json().unwrap_or_default();
            let feed = |member: &str| status.get("feed").and_then(|feed| feed.get(member)).cloned();
            let seconds = feed("age").and_then(|age| age.get("secs").and_then(Value::as_u64));
            feed("connected") == Some(Value::Bool(true)) && seconds.is_some_and(|seconds| seconds < 2)
        };
        for status in services {
            let (answer, waited) = self.until(Ask::get(&status), FOUND_AGAIN, fresh).await?;
            let waited = waited.as_millis();
            self.check(fresh(&answer), format!("{status}: its feed is connected (waited {waited} ms)"))?;
        }
        Ok(())
    }

    /// A service refuses a revoked token, and since when.
    pub(crate) async fn revoked_at(&mut self, service: &str, url: &str, token: &str) -> Result<u64> {
        let ask = Ask::get(url).bearer(token);
        let (answer, waited) = self.until(ask, IN_FORCE, |answer| answer.status == 401).await?;
        let waited = millis(waited);
        self.status(&answer, 401, &format!("{service}, {waited} ms after the answer"))?;
        self.same("reason", answer.text("reason")?.as_str(), "revoked")?;
        Ok(waited)
    }

    /// `POST /auth/login` by a client of ours; the answer is a success.
    pub(crate) async fn login(&mut self, who: &Person, client: &str, more: Value) -> Result<Answer> {
        let mut body = json!({ "username": who.username, "password": who.password, "client_id": client });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        let url = format!("{}/auth/login", self.places().issuer);
        let answer = self.send(Ask::post(url).json(&body)).await?;
        self.status(&answer, 200, &format!("{} signs in", who.username))?;
        Ok(answer)
    }

    /// `POST /oauth/token` as a confidential client.
    pub(crate) async fn token(&mut self, id: &str, secret: &str, form: &[(&str, &str)]) -> Result<Answer> {
        let url = format!("{}/oauth/token", self.places().issuer);
        self.send(Ask::post(url).basic(id, secret).form(form.iter().copied())).await
    }

    /// `active` of introspection, as the service's own client.
    pub(crate) async fn introspect(&mut self, token: &str) -> Result<bool> {
        let url = format!("{}/oauth/introspect", self.places().issuer);
        let ask = Ask::post(url).basic(crate::cast::INTROSPECTOR, &self.cast().client_secret);
        let answer = self.send(ask.form([("token", token)])).await?;
        self.status(&answer, 200, "introspection")?;
        answer.json()?.get("active").and_then(Value::as_bool).context("no `active` in the answer")
    }
}

/// A value as people write it: no quotes around it, no escapes in it.
fn plain(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}").replace("\\\"", "\"");
    let inner = text.strip_prefix("Some(").and_then(|t| t.strip_suffix(')')).unwrap_or(&text);
    inner.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(inner).to_owned()
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Claims of a token, unverified: for showing, and for what a client may see of its own tokens.
pub(crate) fn claims(token: &str) -> Result<Value> {
    let (_, claims) = dangerous::decode(token).map_err(|e| anyhow::anyhow!("not a token: {e}"))?;
    Ok(claims)
}

/// Headers worth reading.
const SHOWN: [&str; 14] = [
    "authorization",
    "content-type",
    "origin",
    "cookie",
    "access-control-request-method",
    "access-control-request-headers",
    "www-authenticate",
    "location",
    "set-cookie",
    "cache-control",
    "retry-after",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-credentials",
];

fn exchange(ask: &Ask, answer: &Answer, millis: u64) -> Exchange {
    let mut request = String::new();
    for (name, value) in &ask.headers {
        if SHOWN.contains(&name.as_str()) {
            request.push_str(&format!("{name}: {value}\n"));
        }
    }
    if let Some(body) = &ask.body {
        request.push_str(&format!("\n{body}"));
    }
    let mut response = String::new();
    for (name, value) in &answer.headers {
        if SHOWN.contains(&name.as_str()) {
            response.push_str(&format!("{name}: {}\n", value.to_str().unwrap_or("(not ASCII)")));
        }
    }
    let page = answer.is_html();
    response.push_str(&if page { "\n(a page)".to_owned() } else { format!("\n{}", answer.pretty()) });
    let mut tokens = Vec::new();
    for text in [&request, &response] {
        collect(text, &mut tokens);
    }
    Exchange {
        method: ask.method.to_string(),
        url: shown(&ask.url),
        request: shown(request.trim()),
        status: answer.status,
        response: shown(response.trim()),
        tokens,
        millis,
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~".contains(c)
}

/// Long words that are secrets or signatures by their nature: compact tokens, codes, keys.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_word(c)).filter(|word| word.len() > 40)
}

fn collect(text: &str, tokens: &mut Vec<Value>) {
    for word in words(text).filter(|word| word.starts_with("ey")) {
        if let Ok((header, claims)) = dangerous::decode(word) {
            let decoded = json!({ "header": header, "claims": claims });
            if !tokens.contains(&decoded) {
                tokens.push(decoded);
            }
        }
    }
}

/// Long words are shortened, passwords blotted out: what is shown can be copied into a report.
fn shown(text: &str) -> String {
    let mut out = text.to_owned();
    for word in words(text) {
        let (head, tail) =
            (word.get(..10).unwrap_or_default(), word.get(word.len() - 6..).unwrap_or_default());
        out = out.replace(word, &format!("{head}…{tail}"));
    }
    blotted(&out)
}

fn blotted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) =
        ["\"password\":\"", "password="].iter().filter_map(|k| Some(rest.find(k)? + k.len())).min()
    {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        out.push_str("••••••");
        let end = after.find(['"', '&', '\n']).unwrap_or(after.len());
        rest = after.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_people_write_them() {
        assert_eq!(plain(&Some("Bearer realm=\"a\"")), "Bearer realm=\"a\"");
        assert_eq!((plain(&"x"), plain(&401), plain(&None::<u8>)), ("x".into(), "401".into(), "None".into()));
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        let token = "a".repeat(60);
        assert_eq!(
            shown(&format!("token={token}&x=1")),
            format!("token={}…{}&x=1", "a".repeat(10), "a".repeat(6))
        );
        assert_eq!(
            shown(r#"{"username":"a","password":"pw","x":1}"#),
            r#"{"username":"a","password":"••••••","x":1}"#
        );
        assert_eq!(shown("username=a&password=p%20w&go=1"), "username=a&password=••••••&go=1");
    }
}
