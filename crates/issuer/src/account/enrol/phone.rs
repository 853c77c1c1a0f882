//! A phone number for codes by SMS: a code goes to the new number, and it is kept once that was typed.

use super::super::factors;
use super::{change, gone, load, recovery_code};
use crate::error::{Code, Result, rejected};
use crate::login::challenge::{self, Addressee, Ask, SIGN_IN_PAGE, Says};
use crate::login::{Caller, Look, Purpose};
use crate::model::message::{About, Noticed, To};
use crate::model::{BrowserSessionId, Enrolled, EventKind, Factor, Secret, User};
use crate::{Issuer, revocation};
use std::ops::RangeInclusive;

/// Digits of a number with its country code (E.164 6.2.1: at most 15; no country has fewer than 7).
const DIGITS: RangeInclusive<usize> = 7..=15;
/// Longest number that is looked at as typed, in bytes.
const LONGEST_TYPED: usize = 40;
/// Digits shown of a number, at its beginning and at its end.
const SHOWN: (usize, usize) = (2, 2);

/// Sends a code to a new number of `me`, in the flow `flow` (the flow cookie's value). The number in force
/// stays until the code was typed. `invalid_request`: no number; `method_unavailable`: no SMS can be sent here.
pub async fn begin(
    issuer: &Issuer,
    me: &User,
    number: &str,
    flow: &str,
    look: &Look,
    caller: &Caller,
) -> Result<()> {
    if !issuer.settings.login.sms {
        return Err(rejected(Code::MethodUnavailable, "This service sends no text messages."));
    }
    let number = read(number).ok_or_else(|| {
        rejected(
            Code::InvalidRequest,
            "Enter the number with + and the country code, for example +49 170 1234567.",
        )
    })?;
    let account = load(issuer, me).await?;
    let ask = Ask {
        of: Addressee::Person(&account),
        purpose: Purpose::EnrolPhone,
        factor: Factor::SmsCode,
        flow,
        to: To::Sms(number),
        says: Says::Code(About::VerifyPhone),
        page: SIGN_IN_PAGE,
        payload: None,
        look,
        caller,
    };
    challenge::start(issuer, ask).await
}

/// Keeps the number that this code went to. With the first second factor come recovery codes. Refuses as
/// [`challenge::answer`] does.
pub async fn confirm(
    issuer: &Issuer,
    me: &User,
    code: &Secret,
    flow: &str,
    keep: Option<&BrowserSessionId>,
    caller: &Caller,
) -> Result<Option<Vec<Secret>>> {
    let account = load(issuer, me).await?;
    let (of, purpose) = (Addressee::Person(&account), Purpose::EnrolPhone);
    let answered = challenge::answer(issuer, of, purpose, Factor::SmsCode, Some(flow), code, caller).await?;
    let change = change(issuer, me, (EventKind::PhoneAdded, Noticed::PhoneAdded), keep, caller).await?;
    let rules = issuer.store.put_phone(change, &answered.challenge.target).await?;
    revocation::enforce(issuer, &rules.ok_or_else(gone)?).await?;
    recovery_code::with_the_first(issuer, me, keep, caller).await
}

/// Removes the number. `not_found`: there is none; `conflict`: it has to stay ([`factors::may_leave`]).
pub async fn remove(
    issuer: &Issuer,
    me: &User,
    keep: Option<&BrowserSessionId>,
    caller: &Caller,
) -> Result<()> {
    let account = load(issuer, me).await?;
    let left = Enrolled { phone: None, ..account.enrolled.clone() };
    factors::may_leave(issuer, &account, &left)?;
    let change = change(issuer, me, (EventKind::PhoneRemoved, Noticed::PhoneRemoved), keep, caller).await?;
    let rules = issuer.store.remove_phone(change).await?;
    let none = || rejected(Code::NotFound, "There is no phone number to remove.");
    revocation::enforce(issuer, &rules.ok_or_else(none)?).await.map(drop)
}

/// A number as people see it: who looks over a shoulder learns how it begins and ends.
pub fn masked(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let (first, last) = SHOWN;
    if digits.len() < *DIGITS.start() {
        return "***".to_owned();
    }
    let start: String = digits.iter().take(first).collect();
    let end: String = digits.iter().skip(digits.len() - last).collect();
    format!("+{start} *** {end}")
}

/// A number as typed, in the form of E.164: `+`, country code and number. Spaces, dashes, dots, slashes and
/// parentheses between the digits are left out.
fn read(typed: &str) -> Option<String> {
    if typed.len() > LONGEST_TYPED {
        return None;
    }
    let rest = typed.trim_matches(' ').strip_prefix('+')?;
    let digits: String = rest.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '/' | '(' | ')')).collect();
    let fits = DIGITS.contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && !digits.starts_with('0');
    fits.then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_one_form() {
        for typed in ["+491701234567", " +49 170 1234567 ", "+49 (170) 123-45.67", "+49170/1234567"] {
            assert_eq!(read(typed).as_deref(), Some("+491701234567"), "{typed:?}");
        }
        assert_eq!(read("+1234567").as_deref(), Some("+1234567"));
        assert_eq!(read("+123456789012345").as_deref(), Some("+123456789012345"));
        let huge = format!("+49{}1701234567", " ".repeat(100));
        for bad in [
            "",
            "+",
            "1701234567",
            "0049170123456",
            "+0491701234567",
            "+123456",
            "+1234567890123456",
            "+49170x234567",
            "++491701234567",
            "+49170123\u{a0}4567",
            "+\u{664}\u{669}1701234567",
            "+491701234567;ext=1",
            "+491701234567\r\n",
            huge.as_str(),
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_number_is_shown_by_its_ends() {
        assert_eq!(masked("+491701234589"), "+49 *** 89");
        assert_eq!(masked("+1234567"), "+12 *** 67");
        assert_eq!(masked("+123"), "***");
    }
}
