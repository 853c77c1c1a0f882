//! The two kinds of session (design: a browser session is the person's sign-in here; a client session is
//! one redeemed code or direct login, and the `sid` of every token).

use super::{Acr, BrowserSessionId, ClientId, ClientSessionId, Digest, Factor, Proven, Scopes, UserId};
use countersign_token::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Proofs this near belong to one sign-in: none under way lives longer.
const ONE_SIGN_IN: Duration = Duration::from_secs(600);

/// How somebody proved who they are, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Authentication {
    /// End of the sign-in that the oldest proof the level needs was made in: a factor added later does not
    /// renew it. Never before [`Self::proven_since`].
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
        let end = needed_since(&proven)? + ONE_SIGN_IN;
        let auth_time = proven.iter().map(|p| p.at).filter(|at| *at <= end).max()?;
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

    /// Then or later all was proven that the level needs, a factor that begins a sign-in too.
    pub fn proven_since(&self) -> Timestamp {
        needed_since(&self.proven).unwrap_or(self.auth_time)
    }

    /// The newest proof.
    pub fn last_proof(&self) -> Timestamp {
        self.proven.iter().map(|p| p.at).max().unwrap_or(self.auth_time)
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

/// The newest moment since which these proofs, oldest first, are worth as much as all of them and begin a
/// sign-in.
fn needed_since(proven: &[Proven]) -> Option<Timestamp> {
    let level = Acr::of(proven)?;
    let known_first =
        |p: &Proven| matches!(p.factor, Factor::Password | Factor::MagicLink | Factor::Upstream);
    // A code by mail is a second step where something came before that is nothing but a first.
    let mail_begins = !proven.iter().any(known_first);
    let begins = |p: &Proven| match p.factor {
        Factor::Passkey => true,
        Factor::EmailCode => mail_begins,
        _ => known_first(p),
    };
    let enough = |tail: &&[Proven]| Acr::of(tail) >= Some(level) && tail.iter().any(begins);
    let tails = (0..proven.len()).rev().filter_map(|from| proven.get(from..));
    let newest = tails.filter(enough).find_map(|tail| tail.first());
    newest.or(proven.first()).map(|p| p.at)
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

#[cfg(test)]
mod tests {
    use super::*;
    use Factor::{EmailCode, MagicLink, Passkey, Password, SecurityKey, SmsCode, Totp, Upstream};

    const WEEK: i64 = 7 * 24 * 60 * 60;

    /// Since when all needed is proven, and `auth_time`.
    fn times(proofs: &[(Factor, i64)]) -> (i64, i64) {
        let proof = |(factor, at): &(Factor, i64)| Proven {
            factor: *factor,
            at: Timestamp::from_seconds(*at),
            hardware: false,
        };
        let it = Authentication::of(proofs.iter().map(proof).collect()).unwrap();
        (it.proven_since().seconds(), it.auth_time.seconds())
    }

    #[test]
    fn a_sign_in_is_as_old_as_the_oldest_proof_its_level_needs() {
        for (proofs, due) in [
            (&[(Password, 5)][..], (5, 5)),
            // One sign-in ends with its last proof.
            (&[(Password, 5), (Totp, 65)], (5, 65)),
            (&[(Password, 0), (Totp, 600)], (0, 600)),
            (&[(Password, 0), (Totp, 601)], (0, 0)),
            // A step-up renews nothing.
            (&[(Password, 0), (Totp, WEEK)], (0, 0)),
            (&[(Password, 0), (Totp, 60), (SmsCode, WEEK)], (0, 60)),
            (&[(Password, 0), (Totp, WEEK), (SmsCode, WEEK + 1)], (0, 0)),
            (&[(Upstream, 0), (SecurityKey, WEEK)], (0, 0)),
            (&[(Totp, 0), (Password, WEEK)], (0, 0)),
            // Of two second factors the newer one will do, when the first one is as new.
            (&[(SmsCode, 0), (Password, WEEK), (Totp, WEEK + 9)], (WEEK, WEEK + 9)),
            // A passkey is all in one.
            (&[(Password, 0), (Totp, 60), (Passkey, WEEK)], (WEEK, WEEK)),
            // By mail: a first step, or a second one after a password.
            (&[(EmailCode, 0), (Totp, 30)], (0, 30)),
            (&[(Totp, 0), (MagicLink, WEEK), (SmsCode, WEEK)], (WEEK, WEEK)),
            (&[(Password, 0), (EmailCode, WEEK), (Totp, WEEK)], (0, 0)),
        ] {
            assert_eq!(times(proofs), due, "{proofs:?}");
        }
    }
}
