//! `preset = "custom"`: the request of a service that no preset knows, with places for what a message has.
//!
//! Whatever fills a place is escaped for where it stands, so that no text of a message can become more than a
//! value: in a JSON string, in a form, in the address. Headers take no part of a message.

use super::super::problem::Problems;
use super::RawSms;
use countersign_issuer::port::CallMethod;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::{Url, form_urlencoded};

/// The method of the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum SmsMethod {
    /// With a body.
    #[default]
    #[serde(rename = "POST")]
    Post,
    /// All of it in the address.
    #[serde(rename = "GET")]
    Get,
}

/// What the body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum SmsFormat {
    /// `application/json`; places stand within strings.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
}

/// What fills the places.
#[derive(Clone, Copy)]
pub struct SmsFill<'a> {
    /// E.164, with `+`.
    pub to: &'a str,
    /// The message.
    pub text: &'a str,
    /// Its id: the same when it comes twice.
    pub id: &'a str,
    /// `sms.from`.
    pub from: &'a str,
    /// `sms.user`.
    pub user: &'a str,
    /// `sms.secret`.
    pub secret: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    To,
    Digits,
    Text,
    Id,
    From,
    User,
    Secret,
}

const PLACES: [(&str, Place); 7] = [
    ("{to}", Place::To),
    ("{digits}", Place::Digits),
    ("{text}", Place::Text),
    ("{id}", Place::Id),
    ("{from}", Place::From),
    ("{user}", Place::User),
    ("{secret}", Place::Secret),
];

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Plain(String),
    Place(Place),
}

/// Text with places.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Template(Vec<Piece>);

impl Template {
    /// Whatever is no place is text, single braces too.
    fn read(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((at, name, place)) = next_place(rest) {
            let (before, from) = rest.split_at(at);
            pieces.push(Piece::Plain(before.to_owned()));
            pieces.push(Piece::Place(place));
            rest = from.strip_prefix(name).unwrap_or_default();
        }
        pieces.push(Piece::Plain(rest.to_owned()));
        Self(pieces)
    }

    fn has(&self, place: Place) -> bool {
        self.0.contains(&Piece::Place(place))
    }

    fn fill(&self, with: &SmsFill<'_>, escape: fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Plain(text) => text.clone(),
            Piece::Place(place) => escape(match place {
                Place::To => with.to,
                Place::Digits => with.to.trim_start_matches('+'),
                Place::Text => with.text,
                Place::Id => with.id,
                Place::From => with.from,
                Place::User => with.user,
                Place::Secret => with.secret,
            }),
        };
        self.0.iter().map(piece).collect()
    }
}

fn next_place(text: &str) -> Option<(usize, &'static str, Place)> {
    let found = PLACES.iter().filter_map(|(name, place)| text.find(name).map(|at| (at, *name, *place)));
    found.min_by_key(|(at, _, _)| *at)
}

fn json_string(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// For a form and for an address alike: a space is `%20`, which both read.
fn percent(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The request of a service.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SmsRequest {
    method: SmsMethod,
    url: Template,
    /// Names in lower case.
    headers: Vec<(String, Template)>,
    body: Template,
    format: SmsFormat,
}

impl SmsRequest {
    /// The method.
    pub fn method(&self) -> CallMethod {
        match self.method {
            SmsMethod::Get => CallMethod::Get,
            SmsMethod::Post => CallMethod::Post,
        }
    }

    /// The address for one message.
    pub fn url(&self, with: &SmsFill<'_>) -> String {
        self.url.fill(with, percent)
    }

    /// The body for one message.
    pub fn body(&self, with: &SmsFill<'_>) -> String {
        let escape = match self.format {
            SmsFormat::Json => json_string,
            SmsFormat::Form => percent,
        };
        self.body.fill(with, escape)
    }

    /// The headers, that of the body's type among them.
    pub fn headers(&self, with: &SmsFill<'_>) -> Vec<(String, String)> {
        let own = self.headers.iter().map(|(name, value)| (name.clone(), value.fill(with, str::to_owned)));
        let kind = match self.format {
            SmsFormat::Json => "application/json",
            SmsFormat::Form => "application/x-www-form-urlencoded",
        };
        let kind = (self.method == SmsMethod::Post).then(|| ("content-type".to_owned(), kind.to_owned()));
        kind.into_iter().chain(own).collect()
    }
}

/// As written, if it can be sent.
pub(super) fn check(raw: &RawSms, url: &str, problems: &mut Problems<'_>) -> SmsRequest {
    let request = SmsRequest {
        method: raw.method.unwrap_or_default(),
        url: Template::read(url),
        headers: headers(&raw.headers, problems),
        body: Template::read(raw.body.as_deref().unwrap_or_default()),
        format: raw.format.unwrap_or_default(),
    };
    let carries = |place| request.url.has(place) || request.body.has(place);
    if !(carries(Place::Text) && (carries(Place::To) || carries(Place::Digits))) {
        problems.push("sms.body", "has no place for {text}, or none for {to} or {digits}");
    }
    if request.method == SmsMethod::Get && raw.body.is_some() {
        problems.push("sms.body", "a GET has no body: write the places into sms.url");
    }
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    if authority.split(['/', '?', '#']).next().is_some_and(|host| host.contains(['{', '}'])) {
        problems.push("sms.url", "a message does not choose the server: places stand after it");
    }
    if request.url.has(Place::Secret) {
        problems.push("sms.url", "addresses are logged: {secret} stands in a header or in the body");
    }
    // Hostile in every form, so that a place outside of a string shows now.
    let odd = "\"\\ \u{7}&={}";
    let with = SmsFill { to: "+15550100", text: odd, id: odd, from: odd, user: odd, secret: odd };
    if !url.is_empty() && Url::parse(&request.url(&with)).is_err() {
        problems.push("sms.url", "is no address once it is filled in");
    }
    let json = request.method == SmsMethod::Post && request.format == SmsFormat::Json;
    if json && serde_json::from_str::<Value>(&request.body(&with)).is_err() {
        problems.push("sms.body", "is no JSON once it is filled in: write places within quotes");
    }
    request
}

fn headers(raw: &[String], problems: &mut Problems<'_>) -> Vec<(String, Template)> {
    let mut out = Vec::new();
    for line in raw {
        let (name, value) = line.split_once(':').unwrap_or((line.as_str(), ""));
        let (name, value) = (name.trim().to_lowercase(), Template::read(value.trim()));
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) || line.chars().any(char::is_control) {
            problems.push("sms.headers", "is written as \"Name: value\", on one line");
        } else if ["content-type", "content-length", "host", "idempotency-key"].contains(&name.as_str()) {
            problems.push("sms.headers", format!("{name} is set by the server"));
        } else if [Place::To, Place::Digits, Place::Text].into_iter().any(|place| value.has(place)) {
            problems.push("sms.headers", "take no part of a message: {to} and {text} stand in the body");
        } else if name == "authorization" && !value.has(Place::Secret) {
            problems.push("sms.headers", "authorization holds {secret}, which sms.secret_file sets");
        } else {
            out.push((name, value));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\", \"to\": \"+1\\\r\n&to=+1 {secret} %26 \u{fc}\u{2028}";

    fn fill(text: &str) -> SmsFill<'_> {
        SmsFill { to: "+15550123", text, id: "id", from: "Shop & Co", user: "me", secret: "s\"x" }
    }

    #[test]
    fn a_text_stays_a_value_in_json() {
        let request = SmsRequest {
            body: Template::read(
                r#"{"m": [{"to": "{to}", "n": "{digits}", "text": "{text}", "key": "{secret}"}]}"#,
            ),
            ..SmsRequest::default()
        };
        let body: Value = serde_json::from_str(&request.body(&fill(HOSTILE))).unwrap();
        let due = serde_json::json!({"m": [
            {"to": "+15550123", "n": "15550123", "text": HOSTILE, "key": "s\"x"}
        ]});
        assert_eq!(body, due);
    }

    #[test]
    fn a_text_stays_a_value_in_forms_and_addresses() {
        let request = SmsRequest {
            format: SmsFormat::Form,
            body: Template::read("to={to}&from={from}&text={text}"),
            url: Template::read("https://sms.example/{user}/send?to={to}&text={text}&end=1"),
            ..SmsRequest::default()
        };
        let body = request.body(&fill(HOSTILE));
        let fields: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let due = [("to", "+15550123"), ("from", "Shop & Co"), ("text", HOSTILE)];
        assert_eq!(fields, due.map(|(n, v)| (n.to_owned(), v.to_owned())));
        let url = Url::parse(&request.url(&SmsFill { user: "../x?y#z", ..fill(HOSTILE) })).unwrap();
        assert_eq!(url.path(), "/..%2Fx%3Fy%23z/send");
        let fields: Vec<_> = url.query_pairs().into_owned().collect();
        let due = [("to", "+15550123"), ("text", HOSTILE), ("end", "1")];
        assert_eq!(fields, due.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn what_fills_a_place_is_no_template() {
        let request = SmsRequest { body: Template::read("\"{text}\""), ..SmsRequest::default() };
        assert_eq!(request.body(&fill("{secret}{to}")), "\"{secret}{to}\"");
    }
}
