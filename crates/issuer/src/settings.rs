//! Checked settings of the issuer. Nothing here has only one right answer.

use crate::account::signup::SignUp;
use crate::login::Policy;
use crate::upstream::ProviderSettings;
use countersign_feed::Staleness;
use std::time::Duration;

/// Settings of the issuer; the runtime fills them from its configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The issuer identifier: scheme, host, optional port and path, no trailing slash (RFC 8414 2).
    pub issuer: String,
    /// Life of access tokens whose resource does not say.
    pub access_token_ttl: Duration,
    /// Life of ID tokens.
    pub id_token_ttl: Duration,
    /// Life of a browser session.
    pub browser_session_ttl: Duration,
    /// Idle life of refresh tokens whose client does not say.
    pub refresh_idle: Duration,
    /// Absolute life of refresh tokens whose client does not say.
    pub refresh_absolute: Duration,
    /// How long a spent refresh token is answered again (0 to 300 s).
    pub refresh_retry_window: Duration,
    /// Age at which a signing key is replaced.
    pub key_rotation: Duration,
    /// How long a key is published before it signs; at least twice `jwks_max_age`.
    pub key_publish_ahead: Duration,
    /// `max-age` of the JWKS.
    pub jwks_max_age: Duration,
    /// Clients of the direct API when none is named, first wins; empty: the built-in `countersign-direct`.
    pub direct_clients: Vec<String>,
    /// What the house demands of a sign-in; a client may demand more.
    pub login: Policy,
    /// Who may make an account by themself.
    pub sign_up: SignUp,
    /// Weakest acceptable zxcvbn score of a new password, 0 to 4.
    pub password_min_score: u8,
    /// Languages of the pages (BCP 47).
    pub ui_locales: Vec<String>,
    /// What heads of the revocation feed recommend, in whole seconds.
    pub staleness: Staleness,
    /// Live rules of the feed beyond which those about people and sessions are collapsed into buckets.
    pub max_rules: u32,
    /// Other providers that people sign in with.
    pub upstreams: Vec<ProviderSettings>,
}

impl Settings {
    /// The defaults for an issuer.
    pub fn new(issuer: impl Into<String>) -> Self {
        let days = |n: u64| Duration::from_secs(n * 24 * 60 * 60);
        Self {
            issuer: issuer.into(),
            access_token_ttl: Duration::from_secs(15 * 60),
            id_token_ttl: Duration::from_secs(60 * 60),
            browser_session_ttl: days(1),
            refresh_idle: days(7),
            refresh_absolute: days(30),
            refresh_retry_window: Duration::from_secs(30),
            key_rotation: days(90),
            key_publish_ahead: days(1),
            jwks_max_age: Duration::from_secs(900),
            direct_clients: Vec::new(),
            login: Policy::default(),
            sign_up: SignUp::default(),
            password_min_score: 2,
            ui_locales: vec!["en".to_owned()],
            staleness: Staleness::default(),
            max_rules: 4_000_000,
            upstreams: Vec::new(),
        }
    }

    /// Refuses settings that contradict each other.
    pub fn check(&self) -> Result<(), String> {
        let demands = [
            (
                self.issuer.starts_with("https://") || self.issuer.starts_with("http://"),
                "issuer: write it as https://host or https://host/path",
            ),
            (
                !self.issuer.ends_with('/') && !self.issuer.contains(['?', '#']),
                "issuer: leave out the trailing slash, query and fragment (RFC 8414 2)",
            ),
            (
                self.key_publish_ahead >= self.jwks_max_age * 2,
                "key_publish_ahead must be at least twice jwks_max_age, or verifiers meet a key they have not fetched",
            ),
            (
                self.key_rotation > self.key_publish_ahead,
                "key_rotation must be longer than key_publish_ahead",
            ),
            (
                self.refresh_retry_window <= Duration::from_secs(300),
                "refresh_retry_window must be 300 s or less",
            ),
            (
                1 <= self.staleness.soft && self.staleness.soft <= self.staleness.hard,
                "staleness must be at least 1 s, hard not below soft",
            ),
            (self.password_min_score <= 4, "password_min_score must be 0 to 4"),
        ];
        match demands.iter().find(|(met, _)| !met) {
            Some((_, what)) => Err((*what).to_owned()),
            None => Ok(()),
        }
    }

    /// An endpoint's URL: `self.url("/oauth/token")`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_refused() {
        let fine = Settings::new("https://id.example");
        assert_eq!(fine.check(), Ok(()));
        let hour = Duration::from_secs(3600);
        let broken = [
            Settings { issuer: "id.example".into(), ..fine.clone() },
            Settings { issuer: "https://id.example/".into(), ..fine.clone() },
            Settings { key_publish_ahead: fine.jwks_max_age, ..fine.clone() },
            Settings { key_rotation: hour, ..fine.clone() },
            Settings { refresh_retry_window: hour, ..fine.clone() },
            Settings { staleness: Staleness { soft: 0, hard: 60 }, ..fine.clone() },
            Settings { staleness: Staleness { soft: 61, hard: 60 }, ..fine.clone() },
            Settings { password_min_score: 5, ..fine },
        ];
        for settings in broken {
            assert!(settings.check().is_err(), "{settings:?}");
        }
    }
}
