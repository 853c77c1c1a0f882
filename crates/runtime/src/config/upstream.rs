//! `[upstream.NAME]`: other providers that people sign in with.

use super::problem::Problems;
use super::show::names_user;
use countersign_issuer::Settings;
use countersign_issuer::model::Secret;
use countersign_issuer::upstream::{
    AppleKey, ClientSecret, Linking, MailTrust, Protocol, ProviderSettings, RoleRule,
};
use countersign_token::Algorithm;
use countersign_token::material::Material;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;

/// Longest name, in bytes.
const LONGEST_NAME: usize = 32;
/// Of accounts that are nobody's company: the tenant all personal Microsoft accounts are in.
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawUpstream {
    /// What is known of the provider beforehand.
    pub preset: Preset,
    /// Its issuer, as its metadata says: where `/.well-known/openid-configuration` is below. Presets but
    /// `microsoft` know their own; `gitlab` and `github` take that of a server of yours.
    #[schemars(extend("x-url" = true))]
    pub issuer: Option<String>,
    /// On the button: "Continue with ...". Default: the preset's, or NAME.
    pub display_name: Option<String>,
    /// The client id that the provider gave this server.
    pub client_id: String,
    /// And the secret.
    #[schemars(extend("x-secret" = true))]
    pub client_secret: Option<String>,
    /// Apple: the id of the key.
    pub key_id: Option<String>,
    /// Apple: the team's id.
    pub team_id: Option<String>,
    /// Apple: the key, PEM (PKCS#8).
    #[schemars(extend("x-secret" = true))]
    pub private_key: Option<String>,
    /// What is asked for. Default: `openid email profile`, or what the preset needs.
    pub scopes: Vec<String>,
    /// Signatures accepted on ID tokens. Default: those of its metadata; never `none` or a shared secret.
    pub algorithms: Vec<String>,
    /// People who type an address of one of these domains are led there.
    pub mail_domains: Vec<String>,
    /// When the address it tells is one that an account here has.
    pub link: RawLink,
    /// Addresses it tells count as confirmed though it does not say so. Only for a provider of your own.
    pub trust_email: bool,
    /// People without an account get one at their first sign-in.
    pub sign_up: bool,
    /// Roles that its claims give, each as `CLAIM = VALUE -> ROLE`; applied at every sign-in with it.
    pub roles: Vec<String>,
}

/// What is known beforehand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Preset {
    /// Nothing: any OpenID Connect provider.
    #[default]
    None,
    /// Google.
    Google,
    /// Microsoft Entra ID; the issuer names the tenant, or `common`, `organizations`, `consumers`.
    Microsoft,
    /// Sign in with Apple.
    Apple,
    /// GitLab.
    Gitlab,
    /// GitHub: OAuth 2, without OpenID Connect.
    Github,
}

/// What an address that is known here leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum RawLink {
    /// The person signs in to that account first, and is asked.
    #[default]
    Ask,
    /// The account is linked at once, when the address is confirmed on both sides.
    VerifiedEmail,
}

/// A row of the presets: issuer, name, scopes.
struct Known(Option<&'static str>, Option<&'static str>, &'static [&'static str]);

impl Preset {
    fn known(self) -> Known {
        let openid = &["openid", "email", "profile"];
        match self {
            Self::None => Known(None, None, openid),
            Self::Google => Known(Some("https://accounts.google.com"), Some("Google"), openid),
            Self::Microsoft => Known(None, Some("Microsoft"), openid),
            Self::Apple => {
                Known(Some("https://appleid.apple.com"), Some("Apple"), &["openid", "email", "name"])
            }
            Self::Gitlab => Known(Some("https://gitlab.com"), Some("GitLab"), openid),
            Self::Github => Known(Some("https://github.com"), Some("GitHub"), &["read:user", "user:email"]),
        }
    }
}

/// Checks all of them.
pub(super) fn check(raw: &BTreeMap<String, RawUpstream>, problems: &mut Problems<'_>, out: &mut Settings) {
    for (name, one) in raw {
        let mut about = About { name, problems };
        if let Some(settings) = one.check(&mut about) {
            out.upstreams.push(settings);
        }
    }
}

/// Whose problems they are.
struct About<'a, 'p> {
    name: &'a str,
    problems: &'a mut Problems<'p>,
}

impl About<'_, '_> {
    fn push(&mut self, setting: &str, text: impl Into<String>) {
        self.problems.push(&format!("upstream.{}.{setting}", self.name), text);
    }
}

impl RawUpstream {
    /// `None`: not without an issuer, a client id or a key that can be read; said in the problems.
    fn check(&self, about: &mut About<'_, '_>) -> Option<ProviderSettings> {
        let Known(issuer, display_name, scopes) = self.preset.known();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if about.name.is_empty() || about.name.len() > LONGEST_NAME || !about.name.chars().all(plain) {
            let name = about.name.to_owned();
            about.push("issuer", format!("the name {name:?} is not of a-z, 0-9, - and _, 32 at most"));
        }
        if self.client_id.is_empty() {
            about.push("client_id", "is missing: the id that the provider gave this server");
        }
        let Some(issuer) = self.issuer.as_deref().or(issuer) else {
            about.push("issuer", "is missing: such as https://id.example.com");
            return None;
        };
        self.check_issuer(issuer, about);
        let owned = |texts: &[&str]| texts.iter().map(|&t| t.to_owned()).collect();
        let named = named(self.preset, issuer);
        Some(ProviderSettings {
            name: about.name.to_owned(),
            display_name: self
                .display_name
                .clone()
                .unwrap_or_else(|| display_name.unwrap_or(about.name).to_owned()),
            protocol: if self.preset == Preset::Github { Protocol::GitHub } else { Protocol::OpenId },
            issuer: issuer.to_owned(),
            client_id: self.client_id.clone(),
            secret: self.secret(about)?,
            scopes: if self.scopes.is_empty() { owned(scopes) } else { self.scopes.clone() },
            algorithms: self.algorithms(about),
            form_post: self.preset == Preset::Apple,
            proves_again: matches!(self.preset, Preset::None | Preset::Gitlab),
            mail_domains: self.mail_domains.iter().map(|d| d.to_lowercase()).collect(),
            mail_trust: self.mail_trust(named.contains("{tenantid}"), about),
            link: match self.link {
                RawLink::Ask => Linking::Ask,
                RawLink::VerifiedEmail => Linking::VerifiedEmail,
            },
            sign_up: self.sign_up,
            roles: self.roles(about),
            named,
        })
    }

    fn check_issuer(&self, issuer: &str, about: &mut About<'_, '_>) {
        let fits = Url::parse(issuer).is_ok_and(|url| {
            let bare = url.query().is_none() && url.fragment().is_none() && !issuer.ends_with('/');
            matches!(url.scheme(), "https" | "http") && bare && !names_user(&url)
        });
        if !fits {
            about
                .push("issuer", "is not an address such as https://id.example.com, without slash at the end");
        }
    }

    fn secret(&self, about: &mut About<'_, '_>) -> Option<ClientSecret> {
        if self.preset != Preset::Apple {
            if self.key_id.is_some() || self.team_id.is_some() || self.private_key.is_some() {
                about.push("private_key", "key_id, team_id and private_key are for the preset apple");
            }
            let shared = self.client_secret.as_ref().filter(|secret| !secret.is_empty());
            return Some(shared.map_or(ClientSecret::None, |s| ClientSecret::Shared(Secret::new(s.clone()))));
        }
        let (Some(team_id), Some(key_id), Some(pem)) = (&self.team_id, &self.key_id, &self.private_key)
        else {
            about.push("private_key", "Apple needs team_id, key_id and private_key");
            return None;
        };
        let key =
            Material::from_pem(pem).and_then(|m| m.with_kid(key_id).signing_key(Some(Algorithm::Es256)));
        match key {
            Ok(key) => {
                let key = Arc::new(key.with_kid(key_id));
                Some(ClientSecret::Apple(AppleKey { team_id: team_id.clone(), key }))
            }
            Err(e) => {
                about.push("private_key", format!("cannot be used: {e}"));
                None
            }
        }
    }

    fn algorithms(&self, about: &mut About<'_, '_>) -> Vec<Algorithm> {
        let mut out = Vec::new();
        for name in &self.algorithms {
            match Algorithm::parse(name).filter(|a| !a.is_symmetric()) {
                Some(algorithm) => out.push(algorithm),
                None => about.push("algorithms", format!("{name:?} is not an algorithm with a public key")),
            }
        }
        out
    }

    fn mail_trust(&self, many_tenants: bool, about: &mut About<'_, '_>) -> MailTrust {
        if self.trust_email && many_tenants {
            let why = "every tenant's administrator could name any address: give the issuer of one tenant";
            about.push("trust_email", why);
        }
        match self.preset {
            _ if self.trust_email => MailTrust::Always,
            Preset::Google => MailTrust::Google,
            Preset::Microsoft => MailTrust::Microsoft,
            _ => MailTrust::Claim,
        }
    }

    fn roles(&self, about: &mut About<'_, '_>) -> Vec<RoleRule> {
        let mut out = Vec::new();
        for text in &self.roles {
            match RoleRule::parse(text) {
                Some(rule) => out.push(rule),
                None => about.push("roles", format!("{text:?} is not of the form CLAIM = VALUE -> ROLE")),
            }
        }
        out
    }
}

/// What metadata and tokens call the issuer: of `common` and `organizations` each token names its tenant.
fn named(preset: Preset, issuer: &str) -> String {
    let in_place = |tenant: &str, by: &str| issuer.replacen(&format!("/{tenant}/"), &format!("/{by}/"), 1);
    match preset {
        Preset::Microsoft if issuer.contains("/common/") => in_place("common", "{tenantid}"),
        Preset::Microsoft if issuer.contains("/organizations/") => in_place("organizations", "{tenantid}"),
        Preset::Microsoft if issuer.contains("/consumers/") => in_place("consumers", CONSUMERS),
        _ => issuer.to_owned(),
    }
}
