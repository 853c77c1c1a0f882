//! The two kinds of session (design: a browser session is the person's sign-in here; a client session is
//! one redeemed code or direct login, and the `sid` of every token).

use super::{Acr, BrowserSessionId, ClientId, ClientSessionId, Digest, Factor, Proven, Scopes, UserId};
use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};

/// How somebody proved who they are, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Authentication {
    /// The last proof.
    pub auth_time: Timestamp,
    /// `urn:countersign:1`, `urn:countersign:2`, `urn:countersign:phr`.
    pub acr: String,
    /// RFC 8176 values.
    pub amr: Vec<String>,
    /// What was proven, and when; the other members follow from it. Empty only in rows of a version that
    /// knew passwords alone.
    #[serde(default)]
    pub proven: Vec<Proven>,
}

impl Authentication {
    /// What these proofs amount to. `None`: there are none.
    pub fn of(mut proven: Vec<Proven>) -> Option<Self> {
        proven.sort_by_key(|p| p.at);
        let acr = Acr::of(&proven)?;
        let auth_time = proven.last()?.at;
        let mut amr: Vec<String> = Vec::new();
        let mfa = (acr >= Acr::Two).then_some("mfa");
        for method in proven.iter().flat_map(|p| p.amr().iter().copied()).chain(mfa) {
            if !amr.iter().any(|m| m == method) {
                amr.push(method.to_owned());
            }
        }
        Some(Self { auth_time, acr: acr.name().to_owned(), amr, proven })
    }

    /// What was proven.
    pub fn proven(&self) -> Vec<Proven> {
        if self.proven.is_empty() {
            return vec![Proven { factor: Factor::Password, at: self.auth_time, hardware: false }];
        }
        self.proven.clone()
    }

    /// The proof that made two factors of one: the method and when (`mfa_method`, `mfa_verified_at`).
    pub fn second(&self) -> Option<Proven> {
        let proven = self.proven();
        (1..=proven.len()).find_map(|n| {
            let so_far = proven.get(..n)?;
            (Acr::of(so_far)? >= Acr::Two).then(|| so_far.last().copied())?
        })
    }
}

/// A person's sign-in at the issuer (the SSO cookie). Its id never changes; the cookie's value does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrowserSession {
    /// Id.
    pub id: BrowserSessionId,
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the cookie's value.
    pub cookie: Digest,
    /// The value before the last step-up, good until then (30 s), so that parallel requests live.
    pub previous: Option<(Digest, Timestamp)>,
    /// How and when the person proved who they are.
    pub authentication: Authentication,
    /// First sign-in.
    pub created_at: Timestamp,
    /// Last use, to the minute.
    pub seen_at: Timestamp,
    /// End of life.
    pub expires_at: Timestamp,
    /// What the browser calls itself, cut to 200 characters; for the sessions list.
    pub device: String,
}

/// Where a client session came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A redeemed authorization code.
    Code,
    /// The direct API.
    Direct,
}

/// The refresh state of a client session: no token and no digest of one is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refresh {
    /// The number of the one live refresh token.
    pub n: u32,
    /// When `n` last went up.
    pub rotated_at: Timestamp,
    /// How often the predecessor was answered again since.
    pub replays: u8,
    /// Version of the refresh key its tokens are authenticated under.
    pub key_version: u16,
    /// Goes up with each use, or stays (confidential clients).
    pub rotate: bool,
    /// Store epoch of the last write; an older one than the store's explains a `n` that went back.
    pub epoch: u32,
    /// Unused until then: dead. Milliseconds of idle life stand in `idle_for`.
    pub idle_until: Timestamp,
    /// Seconds of idle life granted by each use.
    pub idle_for: u32,
    /// Dead then in any case.
    pub absolute_until: Timestamp,
}

/// One redeemed code or direct login: one row, never one a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientSession {
    /// The `sid`.
    pub id: ClientSessionId,
    /// Whose.
    pub user: UserId,
    /// At which client.
    pub client: ClientId,
    /// Under which sign-in, when one.
    pub browser: Option<BrowserSessionId>,
    /// Where it came from.
    pub origin: Origin,
    /// Scopes granted.
    pub scopes: Scopes,
    /// Audiences granted.
    pub resources: Vec<String>,
    /// Carried unchanged through every refresh.
    pub authentication: Authentication,
    /// `None`: no refresh token was issued.
    pub refresh: Option<Refresh>,
    /// When made.
    pub created_at: Timestamp,
    /// When ended.
    pub revoked_at: Option<Timestamp>,
    /// For the sessions list; cut to 200 characters.
    pub device: String,
}

impl ClientSession {
    /// Not ended, and not past its limits.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none()
            && self.refresh.as_ref().is_none_or(|r| now < r.idle_until && now < r.absolute_until)
    }
}
