//! The policy's verdict on a claim set whose JSON is already known to be well formed.

use crate::json::{Cursor, Marks, Number, Registered};
use crate::text::shown;
use crate::{Policy, Timestamp, VerifyError};

/// A NumericDate (RFC 7519 2) is a number from 0 to the end of the year 9999; fractions count to the
/// millisecond. Everything else is malformed, never absent.
const LAST_SECOND: i64 = 253_402_300_799;

pub(crate) fn judge(text: &str, marks: &Marks, policy: &Policy, now: Timestamp) -> Result<(), VerifyError> {
    use Registered as R;
    let value = |claim| Value::of(text, marks, claim);
    issuer(&value(R::Iss)?, &policy.issuer)?;
    audience(value(R::Aud)?, policy.audiences.as_deref())?;
    for claim in [R::Sub, R::Jti, R::ClientId] {
        if let Some(value) = Value::find(text, marks, claim) {
            value.expect_string()?;
        }
    }
    date_of(marks, R::AuthTime)?;
    let (latest, earliest) = (now + policy.leeway.max(policy.early), now - policy.leeway);
    let expiry = date_of(marks, R::Exp)?.ok_or_else(|| missing(R::Exp))?;
    if policy.judge_expiry && expiry <= earliest {
        return Err(at(R::Exp, "expired", "expired at", expiry, now));
    }
    for claim in [R::Nbf, R::Iat] {
        if let Some(date) = date_of(marks, claim)?.filter(|date| *date > latest) {
            return Err(at(claim, "not_yet_valid", "valid from", date, now));
        }
    }
    Ok(())
}

fn at(claim: Registered, code: &'static str, what: &str, date: Timestamp, now: Timestamp) -> VerifyError {
    let detail = format!("{what} {}, it is {}", date.seconds(), now.seconds());
    VerifyError::new(code, Some(claim.name()), detail)
}

fn issuer(value: &Value<'_>, due: &str) -> Result<(), VerifyError> {
    value.expect_string()?;
    let came = value.cursor().string().map_err(|_| value.malformed("a string"))?;
    if came == due {
        return Ok(());
    }
    let detail = format!("expected {}, came {}", shown(due, 80), shown(&came, 80));
    Err(VerifyError::new("wrong_issuer", Some("iss"), detail))
}

/// `aud`: a string or an array of strings (RFC 7519 4.1.3), one of which must be due.
fn audience(value: Value<'_>, due: Option<&[String]>) -> Result<(), VerifyError> {
    const FORM: &str = "a string or an array of strings";
    let mut cursor = value.cursor();
    let is_due = |came: &str| due.is_none_or(|due| due.iter().any(|due| due == came));
    let mut found = false;
    match cursor.peek() {
        Some(b'"') => found = is_due(&cursor.string().map_err(|_| value.malformed(FORM))?),
        Some(b'[') => {
            for came in cursor.strings().ok_or_else(|| value.malformed(FORM))? {
                found |= is_due(&came);
            }
        }
        _ => return Err(value.malformed(FORM)),
    }
    if found {
        return Ok(());
    }
    let due = due.unwrap_or_default().join(" or ");
    let came = shown(value.text, 80);
    Err(VerifyError::new("wrong_audience", Some("aud"), format!("expected {}, came {came}", shown(&due, 80))))
}

/// The text of a claim set from one registered claim's value on.
struct Value<'a> {
    claim: Registered,
    text: &'a str,
}

impl<'a> Value<'a> {
    fn find(text: &'a str, marks: &Marks, claim: Registered) -> Option<Self> {
        let text = text.get(marks.of(claim)?..)?;
        Some(Self { claim, text })
    }

    fn of(text: &'a str, marks: &Marks, claim: Registered) -> Result<Self, VerifyError> {
        Self::find(text, marks, claim).ok_or_else(|| missing(claim))
    }

    fn cursor(&self) -> Cursor<'a> {
        Cursor::new(self.text)
    }

    fn malformed(&self, expected: &str) -> VerifyError {
        malformed(self.claim, expected)
    }

    fn expect_string(&self) -> Result<(), VerifyError> {
        match self.cursor().peek() {
            Some(b'"') => Ok(()),
            _ => Err(self.malformed("a string")),
        }
    }
}

fn missing(claim: Registered) -> VerifyError {
    VerifyError::new("missing_claim", Some(claim.name()), "the claim is absent")
}

fn malformed(claim: Registered, expected: &str) -> VerifyError {
    let detail = format!("expected {expected}, came something else");
    VerifyError::new("malformed", Some(claim.name()), detail)
}

/// `None` when the claim is absent.
fn date_of(marks: &Marks, claim: Registered) -> Result<Option<Timestamp>, VerifyError> {
    if marks.of(claim).is_none() {
        return Ok(None);
    }
    match marks.number(claim).and_then(date) {
        Some(date) => Ok(Some(date)),
        None => Err(malformed(claim, "a number of seconds from 0 to the year 9999")),
    }
}

/// A NumericDate, to the millisecond.
pub(crate) fn date(number: Number) -> Option<Timestamp> {
    match number {
        Number::Unsigned(n) => {
            i64::try_from(n).ok().filter(|n| *n <= LAST_SECOND).map(Timestamp::from_seconds)
        }
        #[expect(clippy::cast_precision_loss, reason = "the year 9999 is exact in a double")]
        Number::Float(n) if (0.0..=LAST_SECOND as f64).contains(&n) =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "bounded by the line above")]
            Some(Timestamp::from_millis((n * 1000.0).floor() as i64))
        }
        Number::Signed(_) | Number::Float(_) => None,
    }
}
