//! The password factor. Known user or not: one load, one hash job, the same answer.
//!
//! Passwords are compared as RFC 8265 4.2 says (OpaqueString): composed (NFC) with every kind of space as the
//! ordinary one, so that two keyboards write the same password; no trimming, no case folding. Hashes that
//! other systems made are checked against what was typed.

use super::throttle::Attempt;
use super::{Caller, Proof, Purpose, breached, device};
use crate::Issuer;
use crate::error::{Code, Failure, Reason, Rejected, Result, rejected};
use crate::model::{Actor, EventDraft, EventKind, Factor, Secret, Subject, User};
use crate::port::user::Found;
use crate::port::{At, HashJob, HashOrigin, hasher::HashDone};
use crate::seal::Mark;
use countersign_token::Timestamp;
use icu_normalizer::ComposingNormalizerBorrowed;
use std::ops::RangeInclusive;

/// Bytes of a password.
const LENGTH: RangeInclusive<usize> = 8..=1024;
/// Longest e-mail address or user name that is looked up, in bytes.
const LONGEST_LOGIN: usize = 320;
/// Unicode's other spaces (general category Zs).
const SPACES: [char; 16] = [
    '\u{a0}', '\u{1680}', '\u{2000}', '\u{2001}', '\u{2002}', '\u{2003}', '\u{2004}', '\u{2005}', '\u{2006}',
    '\u{2007}', '\u{2008}', '\u{2009}', '\u{200a}', '\u{202f}', '\u{205f}', '\u{3000}',
];
/// zxcvbn's time grows with the square of the length; more than this is strong by its beginning or not at all.
const JUDGED: usize = 100;

/// Checks a password. `invalid_credentials` for an unknown user, a wrong password, a disabled account and
/// an account without one, all alike; `too_many_attempts` with `retry_after`; unavailable when the hash
/// queue is over its deadline. Renews the stored hash when its parameters are older than today's.
pub async fn prove(
    issuer: &Issuer,
    login: &str,
    password: Secret,
    purpose: Purpose,
    flow: &str,
    caller: &Caller,
) -> Result<Proof> {
    let login = login.trim();
    // No account can have these, so nothing is told by not looking. They cost no hash, so all of them
    // together are one account to the limiter.
    let hopeless = login.len() > LONGEST_LOGIN || password.expose().len() > *LENGTH.end();
    let name = if hopeless { String::new() } else { login.to_lowercase() };
    let mark = issuer.sealer.mark("login", &name);
    if hopeless {
        let now = issuer.store.cached_now();
        let attempt = issuer.throttle.admit_factor(Factor::Password, mark, caller.ip, now)?;
        return Err(refuse(issuer, attempt, None, caller, now).await);
    }
    let Entered { attempt, found, known_device } = enter(issuer, login, mark, caller).await?;
    let At { now, it: found } = found;
    let (subject, stored) = match found {
        Some(Found { subject, password }) => (Some(subject), password),
        None => (None, None),
    };
    let active = subject.as_ref().is_some_and(|s| s.user.is_active());
    // A disabled account is checked against the decoy, as an unknown one is.
    let stored = stored.filter(|_| active);
    let foreign = |s: &Secret| issuer.hasher.origin(s) == Some(HashOrigin::Foreign);
    let shown = if stored.as_ref().is_some_and(foreign) { password.clone() } else { composed(&password) };
    let job = HashJob::Verify { password: shown, stored: stored.clone() };
    // While guesses come from everywhere, strangers get less of the queue.
    let done = if known_device || !issuer.throttle.storm(now) {
        issuer.hasher.run(job).await?
    } else {
        issuer.hasher.run_if_quiet(job).await?
    };
    let stale = match done {
        HashDone::Right { stale } if stored.is_some() => stale,
        _ => {
            let user = subject.as_ref().map(|s| &s.user);
            return Err(refuse(issuer, attempt, user, caller, now).await);
        }
    };
    let (Some(subject), Some(stored)) = (subject, stored) else {
        return Err(Failure::Bug("a password without a person".into()));
    };
    attempt.succeeded();
    if stale {
        renew(issuer, &subject, &stored, password).await;
    }
    Ok(Proof::new(Factor::Password, subject, purpose, flow, now))
}

/// Let through, with whom the name belongs to.
struct Entered<'a> {
    attempt: Attempt<'a>,
    found: At<Option<Found>>,
    known_device: bool,
}

/// Asks the limiter. A device that signed nobody in costs the store nothing while the name's bucket is full;
/// of another it is asked first whose name that is, the same for every name.
async fn enter<'a>(issuer: &'a Issuer, login: &str, mark: Mark, caller: &Caller) -> Result<Entered<'a>> {
    let now = issuer.store.cached_now();
    let stranger = || issuer.throttle.admit_factor(Factor::Password, mark, caller.ip, now);
    if caller.devices.is_empty() {
        let attempt = stranger()?;
        return Ok(Entered { attempt, found: issuer.store.find_login(login).await?, known_device: false });
    }
    let found = issuer.store.find_login(login).await?;
    let user = found.it.as_ref().map(|found| &found.subject.user.id);
    let own = match user {
        Some(user) => device::known(issuer, &caller.devices, user)
            .await?
            .map(|known| device::mark(issuer, user, &known)),
        None => None,
    };
    let attempt = match own {
        Some(own) => issuer.throttle.admit_known(own, Factor::Password, mark, caller.ip, now)?,
        None => stranger()?,
    };
    Ok(Entered { attempt, found, known_device: own.is_some() })
}

/// Counts and notes a failure; one answer for all reasons.
async fn refuse(
    issuer: &Issuer,
    attempt: Attempt<'_>,
    user: Option<&User>,
    caller: &Caller,
    now: Timestamp,
) -> Failure {
    attempt.failed(now);
    let mut event = EventDraft::new(EventKind::LoginFailed, Actor::Anonymous)
        .with("factor", Factor::Password.name())
        .with("ip", caller.ip.to_string())
        .with("device", caller.device.as_str());
    event.user = user.map(|u| u.id.clone());
    if let Err(e) = issuer.store.note(event).await {
        tracing::warn!(error = %e, "a failed sign-in could not be written to the log");
    }
    rejected(Code::InvalidCredentials, "The name or the password is wrong.")
}

/// Hashes again with today's parameters. Not worth failing a sign-in for: the next one tries again.
async fn renew(issuer: &Issuer, subject: &Subject, old: &Secret, password: Secret) {
    let id = &subject.user.id;
    let new = match issuer.hasher.run(HashJob::Hash(composed(&password))).await {
        Ok(HashDone::Hashed(new)) => new,
        Ok(_) => return,
        Err(e) => {
            tracing::info!(error = %e, "a password's hash was not renewed");
            return;
        }
    };
    let event = EventDraft::new(EventKind::PasswordRehashed, Actor::System).user(id);
    if let Err(e) = issuer.store.renew_hash(id, old, new, event).await {
        tracing::info!(error = %e, "a password's hash was not renewed");
    }
}

/// Who chooses a new password.
#[derive(Clone, Copy, Debug)]
pub enum Chooser<'a> {
    /// Who runs the house: as many as they like.
    Operator,
    /// Somebody who proved who they are.
    Person(&'a Caller),
    /// Anybody: gets what sign-ins leave of the hash queue.
    Stranger(&'a Caller),
}

/// Checks a new password (`weak_password`): 8 to 1,024 bytes, no control characters, zxcvbn score, not the
/// address. Then hashes it. `too_many_attempts` with `retry_after`, before any of that work, when too many
/// were chosen from that network.
pub async fn prepare(issuer: &Issuer, password: Secret, about: &[&str], by: Chooser<'_>) -> Result<Secret> {
    if let Chooser::Person(caller) | Chooser::Stranger(caller) = by {
        issuer.throttle.admit_new_password(caller.ip, issuer.store.cached_now())?;
    }
    judge(password.expose(), about, issuer.settings.password_min_score)?;
    if breached::is_breached(issuer, &password).await {
        let why =
            "The password stands in a list of stolen passwords, which attackers try first. Choose another.";
        return Err(Rejected::of(Reason::PasswordStolen, why).into());
    }
    let job = HashJob::Hash(composed(&password));
    let done = match by {
        Chooser::Stranger(_) => issuer.hasher.run_if_quiet(job).await?,
        Chooser::Operator | Chooser::Person(_) => issuer.hasher.run(job).await?,
    };
    match done {
        HashDone::Hashed(hash) => Ok(hash),
        other => Err(Failure::Bug(format!("hashing answered {other:?}"))),
    }
}

/// As passwords are compared (RFC 8265 4.2.2). Most are plain ASCII and stay as they are.
fn composed(password: &Secret) -> Secret {
    if password.expose().is_ascii() {
        return password.clone();
    }
    let spaced: Secret = Secret::new(password.expose().replace(SPACES, " "));
    Secret::new(ComposingNormalizerBorrowed::new_nfc().normalize(spaced.expose()))
}

fn judge(password: &str, about: &[&str], min_score: u8) -> std::result::Result<(), Rejected> {
    if password.len() < *LENGTH.start() {
        return Err(Rejected::of(
            Reason::PasswordShort,
            "The password is too short: use 8 characters or more.",
        ));
    }
    if password.len() > *LENGTH.end() {
        return Err(Rejected::of(Reason::PasswordLong, "The password is too long: use 1024 bytes or fewer."));
    }
    if password.chars().any(char::is_control) {
        return Err(Rejected::of(Reason::PasswordControl, "The password holds a control character."));
    }
    // Parts of the address are as easy to guess as the address.
    let mut known: Vec<&str> = about.iter().copied().filter(|a| !a.is_empty()).collect();
    known.extend(
        about.iter().filter_map(|a| a.split_once('@')).map(|(local, _)| local).filter(|l| !l.is_empty()),
    );
    if known.iter().any(|a| a.to_lowercase() == password.to_lowercase()) {
        return Err(Rejected::of(Reason::PasswordYours, "The password must not be your name or address."));
    }
    let mut cut = password.len().min(JUDGED);
    while !password.is_char_boundary(cut) {
        cut -= 1;
    }
    let estimate = zxcvbn::zxcvbn(password.get(..cut).unwrap_or(password), &known);
    if u8::from(estimate.score()) >= min_score {
        return Ok(());
    }
    let hint = estimate.feedback().and_then(|f| f.warning()).map(|w| w.to_string()).unwrap_or_default();
    let hint: String = hint.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
    let text = format!("The password is too easy to guess. {hint} Add a few uncommon words.");
    Err(Rejected::of(Reason::PasswordEasy, text.replace("  ", " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_compared_as_rfc_8265_says() {
        for (typed, compared) in [
            ("plain", "plain"),
            ("e\u{301}te\u{301}", "\u{e9}t\u{e9}"),
            ("a\u{3000}b\u{a0}c", "a b c"),
            // Not compatibility forms, not case, not the outer spaces.
            ("\u{fb01}x", "\u{fb01}x"),
            (" \u{c4} ", " \u{c4} "),
            ("\u{1f469}\u{200d}\u{1f680}", "\u{1f469}\u{200d}\u{1f680}"),
        ] {
            assert_eq!(composed(&Secret::new(typed)).expose(), compared, "{typed:?}");
        }
    }

    #[test]
    fn new_passwords_are_judged() {
        let about = ["nora.field@example.test", "nora.field", "Nora Field"];
        let long = "x".repeat(1025);
        let refused = [
            ("", "too short"),
            ("seven77", "too short"),
            (long.as_str(), "too long"),
            ("correct\u{0}horse battery", "control"),
            ("correct\nhorse battery", "control"),
            ("NORA.FIELD@example.test", "your name"),
            ("nora.field", "your name"),
            ("password1", "easy"),
            ("aaaaaaaaaaaa", "easy"),
            ("qwertyuiop", "easy"),
        ];
        for (password, why) in refused {
            let e = judge(password, &about, 2).unwrap_err().public;
            assert!(e.contains(why), "{password:?}: {e}");
            assert!(e.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\'), "{e}");
        }
        for fine in
            ["correct horse battery staple", "\u{e9}t\u{e9} \u{e0} la plage 1937", &"lorem ipsum ".repeat(80)]
        {
            assert!(judge(fine, &about, 2).is_ok(), "{fine}");
        }
        assert!(judge("password1", &[], 0).is_ok(), "the house may ask for less");
    }
}
