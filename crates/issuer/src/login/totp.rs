//! The authenticator app (RFC 6238): SHA-1, six digits, 30 seconds, since many apps know nothing else and some
//! say nothing about it. One step to either side counts; a step is good once, and so are all before it.

use super::{Caller, Proof, Purpose, guess};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::model::{Account, Factor, Secret, UserId};
use crate::port::At;
use countersign_token::Timestamp;
use totp_rs::{Algorithm, Builder, Totp};

/// Bytes of a secret: the length of SHA-1's output (RFC 4226 4, R6).
pub(crate) const SECRET: usize = 20;
/// Seconds of a step (RFC 6238 5.2).
const STEP: u64 = 30;
/// Steps to either side that count: clocks differ, and typing takes time (RFC 6238 5.2).
const SKEW: u16 = 1;
const DIGITS: u8 = 6;

/// What a secret is sealed under.
pub(crate) fn identity(user: &UserId) -> String {
    format!("totp/{user}")
}

/// The algorithm over a secret. The label names the house and the person in the app.
pub(crate) fn app(secret: &[u8], house: &str, person: &str) -> Result<Totp> {
    // A colon parts the two in the label, whatever it is escaped as.
    let plain = |text: &str| text.replace(':', " ");
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_step_duration(STEP)
        .with_skew(SKEW)
        .with_secret(secret)
        .with_issuer(Some(plain(house)))
        .with_account_name(plain(person))
        .build()
        .map_err(|e| Failure::Bug(format!("totp: {e}")))
}

/// The step that this code is of, if it is one of those that count now. Blanks between digits are the
/// person's.
pub(crate) fn step(app: &Totp, code: &Secret, now: Timestamp) -> Option<i64> {
    let typed = Secret::new(code.expose().replace(char::is_whitespace, ""));
    let step = app.check(typed.expose(), u64::try_from(now.seconds()).ok()?)?;
    i64::try_from(step).ok()
}

/// Proves the app of this account. `invalid_code`: wrong, or used before; `method_unavailable`: there is none;
/// `too_many_attempts` with `retry_after`.
pub async fn prove(
    issuer: &Issuer,
    account: &Account,
    code: &Secret,
    purpose: Purpose,
    flow: &str,
    caller: &Caller,
) -> Result<Proof> {
    let user = &account.subject.user;
    let attempt = guess::admit(issuer, user, Factor::Totp, caller)?;
    let At { now, it } = issuer.store.totp(&user.id).await?;
    let Some((sealed, last)) = it else {
        return Err(rejected(Code::MethodUnavailable, "This account has no authenticator app."));
    };
    let secret = issuer.sealer.open(&identity(&user.id), &sealed);
    let secret =
        secret.ok_or_else(|| Failure::Bug(format!("the app's secret of {} does not open", user.id)))?;
    let app = app(&secret, &issuer.settings.issuer, &user.email)?;
    let good = match step(&app, code, now) {
        // Of several at once the store lets one through.
        Some(step) if step > last => issuer.store.use_totp(&user.id, step).await?,
        _ => false,
    };
    if !good {
        return Err(guess::refuse(issuer, attempt, user, Factor::Totp, caller, now).await);
    }
    attempt.succeeded();
    Ok(Proof::new(Factor::Totp, account.subject.clone(), purpose, flow, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1: eight digits there, of which six are the last six (RFC 4226 5.3).
    #[test]
    fn codes_are_those_of_the_rfc() {
        let app = app(b"12345678901234567890", "https://id.example", "nora@example.test").unwrap();
        for (at, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let (now, code) = (Timestamp::from_seconds(at), &eight[2..]);
            assert_eq!(step(&app, &Secret::new(code), now), Some(at / 30), "{at}");
            let spaced = format!(" {} {}", &code[..3], &code[3..]);
            assert_eq!(step(&app, &Secret::new(spaced), now), Some(at / 30), "as apps show it");
            for (off, counts) in [(-60, false), (-30, true), (30, true), (60, false)] {
                let then = Timestamp::from_seconds(at + off);
                assert_eq!(step(&app, &Secret::new(code), then).is_some(), counts, "{at} {off}");
            }
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        let app = app(b"12345678901234567890", "h", "p").unwrap();
        let at = Timestamp::from_seconds(59);
        for typed in ["", "94287082", "28708", "+87082", "28708a", "\u{ff12}87082", "287082\0", "-287082"] {
            assert_eq!(step(&app, &Secret::new(typed), at), None, "{typed:?}");
        }
        assert_eq!(
            step(&app, &Secret::new("287082"), Timestamp::from_seconds(-59)),
            None,
            "before time began"
        );
    }

    #[test]
    fn names_cannot_break_the_label() {
        let url =
            app(&[1; SECRET], "https://id.example/x?issuer=evil", "a:b&secret=AAAA@example.test").unwrap();
        let url = url::Url::parse(&url.to_url().unwrap()).unwrap();
        let secrets: Vec<_> = url.query_pairs().filter(|(name, _)| name == "secret").collect();
        assert_eq!(secrets.len(), 1);
        assert_eq!(url.scheme(), "otpauth");
        assert_eq!(url.path().matches(':').count(), 1, "{url}");
    }
}
