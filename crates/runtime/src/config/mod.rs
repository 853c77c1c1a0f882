//! Configuration: defaults < TOML file < environment < flags, read once, checked once.
//!
//! A section is a file here. `Raw` is what people write; its JSON schema is also the list of known keys,
//! so a setting is named in one place. [`Settings`] is what the rest of the program sees.

mod check;
mod direct;
mod egress;
mod gateway;
mod keys;
mod known;
mod layer;
mod log;
mod login;
mod mail;
mod oauth;
mod origin;
mod pages;
mod password;
mod problem;
mod proxy;
mod revocation;
mod sessions;
mod show;
mod signup;
mod size;
mod sms;
mod span;
mod tls;
mod tokens;
mod upstream;

pub use check::{MasterKeySource, Settings, StorePath};
pub use layer::{Effective, Flag, Sources, load};
pub use log::{LogFormat, LogSettings};
pub use mail::{MailSettings, MailSink, SmtpServer, SmtpTls};
pub use oauth::RegistrationMode;
pub use origin::Origin;
pub use password::{BreachedList, PasswordSettings};
pub use problem::{ConfigError, Problem};
pub use revocation::ReaderLimits;
pub use show::{Shown, schema};
pub use size::Size;
pub use sms::{SmsFill, SmsFormat, SmsMethod, SmsPreset, SmsRequest, SmsService, SmsSink};
pub use span::Span;
pub use tls::TlsFiles;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that can be set. Every value has a default.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Countersign configuration")]
pub struct Raw {
    /// Address and port to listen on.
    pub listen: String,
    /// The issuer identifier: what `iss` says, and where browsers and clients reach this server. Default:
    /// `http://localhost:PORT` while listening on loopback.
    #[schemars(extend("x-url" = true))]
    pub issuer: Option<String>,
    /// Where everything is kept: `sqlite:PATH`. Default: `countersign.db` in the data directory.
    #[schemars(extend("x-url" = true))]
    pub store: Option<String>,
    /// Folder of the database and the master key; made with mode 0700.
    pub data_dir: String,
    /// TLS of the listener.
    pub tls: tls::RawTls,
    /// The reverse proxy in front, if there is one.
    pub proxy: proxy::RawProxy,
    /// Lives of tokens whose client or resource does not say otherwise.
    pub tokens: tokens::RawTokens,
    /// Sign-ins of browsers.
    pub sessions: sessions::RawSessions,
    /// Accounts that people make by themselves.
    pub signup: signup::RawSignup,
    /// Signing keys and the master key.
    pub keys: keys::RawKeys,
    /// What is demanded of a sign-in.
    pub login: login::RawLogin,
    /// Passwords and their hashing.
    pub password: password::RawPassword,
    /// The look of the pages.
    pub pages: pages::RawPages,
    /// OAuth.
    pub oauth: oauth::RawOauth,
    /// The direct API for first-party apps.
    pub direct: direct::RawDirect,
    /// How mail leaves.
    pub mail: mail::RawMail,
    /// How text messages leave.
    pub sms: sms::RawSms,
    /// The revocation feed.
    pub revocation: revocation::RawRevocation,
    /// Other providers that people sign in with, by names of your choice: `[upstream.google]`.
    pub upstream: std::collections::BTreeMap<String, upstream::RawUpstream>,
    /// Calls that the server makes to addresses others name.
    pub egress: egress::RawEgress,
    /// The gateway.
    pub gateway: gateway::RawGateway,
    /// What is logged and how.
    pub log: log::RawLog,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            issuer: None,
            store: None,
            data_dir: "./countersign-data".to_owned(),
            tls: Default::default(),
            proxy: Default::default(),
            tokens: Default::default(),
            sessions: Default::default(),
            signup: Default::default(),
            keys: Default::default(),
            login: Default::default(),
            password: Default::default(),
            pages: Default::default(),
            oauth: Default::default(),
            direct: Default::default(),
            mail: Default::default(),
            sms: Default::default(),
            revocation: Default::default(),
            upstream: Default::default(),
            egress: Default::default(),
            gateway: Default::default(),
            log: Default::default(),
        }
    }
}
