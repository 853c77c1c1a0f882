//! `[sms]`: how text messages leave.

mod request;

pub use request::{SmsFill, SmsFormat, SmsMethod, SmsRequest};

use super::mail::{PUBLIC_OUTBOX, file_sink};
use super::problem::Problems;
use super::show::{names_user, without_password};
use countersign_issuer::model::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSms {
    /// Where text messages go: `http` (a service), `file:DIR` (one `.json` each), or `outbox` (the page `/dev/outbox`, for
    /// development). Not set: none is sent, and codes by SMS are not offered.
    pub sink: Option<String>,
    /// Whose interface the service has: `twilio`, `vonage`, `messagebird`, `webhook` (JSON, signed), or `custom` (method, headers
    /// and body as written here).
    pub preset: Option<SmsPreset>,
    /// Where the service is called; known for all but `webhook` and `custom`.
    #[schemars(extend("x-url" = true))]
    pub url: Option<String>,
    /// Account at the service: Twilio's account SID, Vonage's API key.
    pub user: Option<String>,
    /// Sender: a number, or a name where the service allows one.
    pub from: Option<String>,
    /// Password, API secret or key at the service; of `webhook` what signatures are made with.
    #[schemars(extend("x-secret" = true))]
    pub secret: Option<String>,
    /// Of `custom`: `POST` (the default) or `GET`.
    pub method: Option<SmsMethod>,
    /// Of `custom`: headers, each `Name: value`, with places for `{secret}`, `{user}`, `{from}` and `{id}`.
    pub headers: Vec<String>,
    /// Of `custom`: what the body is, `json` (the default) or `form`; what fills its places is escaped so.
    pub format: Option<SmsFormat>,
    /// Of `custom`: the body, with places for `{to}` (the number with `+`) or `{digits}` (without), `{text}`, `{from}`, `{user}`, `{secret}`
    /// and `{id}`. With `GET` they stand in `url`.
    pub body: Option<String>,
}

/// A kind of service.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmsPreset {
    /// Twilio's Messages resource.
    Twilio,
    /// Vonage's SMS API.
    Vonage,
    /// MessageBird's messages, and those who took it over.
    Messagebird,
    /// One's own: `{"id", "to", "text"}`, signed.
    Webhook,
    /// Any other: the request is written out.
    Custom,
}

/// A service, ready to be called.
#[derive(Clone, Debug)]
pub struct SmsService {
    /// Its kind.
    pub preset: SmsPreset,
    /// Where.
    pub url: String,
    /// Account.
    pub user: String,
    /// Sender.
    pub from: String,
    /// Password or key.
    pub secret: Secret,
    /// Of `custom`: the request.
    pub request: SmsRequest,
}

/// Where text messages go.
#[derive(Clone, Debug)]
pub enum SmsSink {
    /// A service.
    Http(SmsService),
    /// A file each.
    File(PathBuf),
    /// Kept in memory for `/dev/outbox`.
    Outbox,
}

impl RawSms {
    fn service(&self, problems: &mut Problems<'_>) -> Option<SmsService> {
        let Some(preset) = self.preset else {
            problems.push("sms.preset", "must be set: twilio, vonage, messagebird, webhook or custom");
            return None;
        };
        let mut needed = |key: &str, value: &Option<String>, when: bool| match value {
            Some(value) => value.clone(),
            None => {
                if when {
                    problems.push(key, "must be set with this preset");
                }
                String::new()
            }
        };
        let own = matches!(preset, SmsPreset::Webhook | SmsPreset::Custom);
        let user = needed("sms.user", &self.user, matches!(preset, SmsPreset::Twilio | SmsPreset::Vonage));
        let from = needed("sms.from", &self.from, !own);
        let secret = Secret::new(needed("sms.secret", &self.secret, preset != SmsPreset::Custom));
        let url = match (preset, &self.url) {
            (_, Some(url)) => url.clone(),
            (SmsPreset::Twilio, None) => {
                format!("https://api.twilio.com/2010-04-01/Accounts/{user}/Messages.json")
            }
            (SmsPreset::Vonage, None) => "https://rest.nexmo.com/sms/json".to_owned(),
            (SmsPreset::Messagebird, None) => "https://rest.messagebird.com/messages".to_owned(),
            (SmsPreset::Webhook | SmsPreset::Custom, None) => needed("sms.url", &None, true),
        };
        match Url::parse(&url) {
            Ok(url) if names_user(&url) => {
                problems.push(
                    "sms.url",
                    "must hold no user or password: use sms.user and sms.secret (or secret_file)",
                );
            }
            Ok(url) if matches!(url.scheme(), "https" | "http") => {}
            _ if url.is_empty() => {}
            _ => problems.push("sms.url", "must be an address such as https://sms.example.com/send"),
        }
        let written =
            self.method.is_some() || self.format.is_some() || self.body.is_some() || !self.headers.is_empty();
        let request = match preset {
            SmsPreset::Custom => request::check(self, &url, problems),
            _ => SmsRequest::default(),
        };
        if written && preset != SmsPreset::Custom {
            problems.push("sms.preset", "method, headers, format and body are of preset = \"custom\" only");
        }
        Some(SmsService { preset, url, user, from, secret, request })
    }

    pub(super) fn check(&self, problems: &mut Problems<'_>, public: bool) -> Option<SmsSink> {
        match self.sink.as_deref()? {
            "http" => self.service(problems).map(SmsSink::Http),
            "outbox" => {
                if public {
                    problems.push("sms.sink", PUBLIC_OUTBOX);
                }
                Some(SmsSink::Outbox)
            }
            other => {
                let folder = file_sink(other);
                if folder.is_none() {
                    let other = without_password(other);
                    problems
                        .push("sms.sink", format!("{other:?} is no sink: write http, file:DIR or outbox"));
                }
                folder.map(SmsSink::File)
            }
        }
    }
}
