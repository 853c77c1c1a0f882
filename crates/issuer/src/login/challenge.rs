//! Codes and links by mail and SMS, for whatever they are good: the one implementation.
//!
//! A flow that sends one calls [`start`]. It says to whom ([`Addressee`]), for what ([`Purpose`]), in which
//! flow (the flow cookie's value, or the direct API's flow id), and which message ([`Says`]); a decoy
//! ([`Says::Nothing`]) costs the same and waits the same, and nothing is the right answer to it, so that an
//! address without an account is told from one with an account by nobody but who reads its mail.
//! What is typed goes to [`answer`]; a link's page shows [`view`] and, on the press of a button, calls
//! [`open`] or [`void`]. Each is good once, ten minutes, for its person, purpose and flow.
//! After a proof of the mailbox of a person, [`claim`].

mod link;

pub use link::{LinkState, LinkView, Opened, open, view, void};

use super::throttle::sends::{Sending, Standing};
use super::{Caller, Look, Purpose, device};
use crate::Issuer;
use crate::error::{Code, Failure, Result, rejected};
use crate::keys::fresh_secret;
use crate::model::message::{About, Noticed, SentCode, SentLink, To, Way};
use crate::model::{
    Account, Actor, AskedFrom, Challenge, ChallengeId, Digest, EventDraft, EventKind, Factor, Message,
    Secret, Subject, Whose,
};
use crate::outbox;
use crate::port::challenge::Kind;
use crate::port::{At, Claimed, CredentialChange, NewChallenge, Tried};
use crate::revocation;
use countersign_token::{Timestamp, base64url};
use std::time::Duration;
use zeroize::Zeroizing;

/// Life of a code or link.
const LIFE: Duration = Duration::from_secs(600);
/// Flows of one person and purpose that may wait at a time.
const FLOWS: u8 = 3;
/// Digits of a code, and how many codes there are.
const DIGITS: usize = 6;
const CODES: u32 = 1_000_000;
/// Longest code that is looked at, in bytes: the digits with something between them.
const LONGEST_TYPED: usize = 32;

/// To whom a code or link goes.
#[derive(Clone, Copy, Debug)]
pub enum Addressee<'a> {
    /// A person.
    Person(&'a Account),
    /// Whoever reads mail at that address: it has no account, or none that is to be known.
    Mailbox(&'a str),
}

impl<'a> Addressee<'a> {
    /// The account of an address typed, if it may be used.
    pub fn of(account: Option<&'a Account>, address: &'a str) -> Self {
        match account {
            Some(account) if account.subject.user.is_active() => Self::Person(account),
            _ => Self::Mailbox(address),
        }
    }

    fn whose(self) -> Whose {
        match self {
            Self::Person(account) => Whose::Person(account.subject.user.id.clone()),
            Self::Mailbox(address) => Whose::mailbox(address),
        }
    }

    fn credential_version(self) -> u32 {
        match self {
            Self::Person(account) => account.subject.user.credential_version,
            Self::Mailbox(_) => 0,
        }
    }
}

/// What the message says.
#[derive(Clone, Copy, Debug)]
pub enum Says {
    /// This link, and the code beside it.
    Link(fn(SentLink) -> About),
    /// This code.
    Code(fn(SentCode) -> About),
    /// Nothing to answer with.
    Nothing(fn(AskedFrom) -> About),
}

/// A code or link to be sent.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// To whom.
    pub of: Addressee<'a>,
    /// What a right answer is good for.
    pub purpose: Purpose,
    /// What it proves: `MagicLink`, `EmailCode` or `SmsCode`.
    pub factor: Factor,
    /// The flow that asks.
    pub flow: &'a str,
    /// Where it goes.
    pub to: To,
    /// What it says.
    pub says: Says,
    /// Path of the page that a link leads to.
    pub page: &'static str,
    /// More that comes back with the answer; sealed.
    pub payload: Option<&'a [u8]>,
    /// How it looks.
    pub look: &'a Look,
    /// Who asks.
    pub caller: &'a Caller,
}

/// The page of links that sign in.
pub const SIGN_IN_PAGE: &str = "/auth/verify";

/// A right answer, spent.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What was answered.
    pub challenge: Challenge,
    /// What came back with it.
    pub payload: Option<Zeroizing<Vec<u8>>>,
    /// Store time.
    pub now: Timestamp,
}

/// Sends it, or does not, because enough was sent there of late: the answer is the same. The one that waited
/// in the same flow is void. `too_many_attempts` when this network asked for too many, whoever for.
pub async fn start(issuer: &Issuer, ask: Ask<'_>) -> Result<()> {
    let (target, way) = match &ask.to {
        To::Mail(address) => (address.clone(), Way::Mail),
        To::Sms(number) => (number.clone(), Way::Sms),
    };
    let whose = ask.of.whose();
    let address = target.to_lowercase();
    let sending = Sending {
        way,
        target: issuer.sealer.mark("target", &address),
        flow: issuer.sealer.mark("flow to", &format!("{} {address}", ask.flow)),
        asker: issuer.sealer.mark("asker", whose.name()),
        ip: ask.caller.ip,
        standing: standing(issuer, &ask).await?,
    };
    if !issuer.sends.admit(&sending, issuer.store.cached_now())? {
        tracing::info!(purpose = ?ask.purpose, factor = ask.factor.name(), "a code or link was held back");
        return Ok(());
    }
    let id = ChallengeId::mint(&*issuer.entropy);
    let flow = Digest::of(ask.flow);
    let kind = Kind { whose, purpose: ask.purpose, factor: ask.factor };
    // The code is derived from the link's secret: whoever holds the one may know the other, and the page of
    // a link opened in another browser can show it.
    let link = fresh_secret(issuer);
    let code = code_beside(issuer, &link);
    let code_digest = digest(issuer, id, &kind, &flow, &code);
    let (code_digest, link_digest) = match ask.says {
        Says::Link(_) => (Some(code_digest), Some(Digest::of(link.expose()))),
        Says::Code(_) => (Some(code_digest), None),
        Says::Nothing(_) => (None, None),
    };
    let payload = match ask.payload {
        Some(plain) => Some(issuer.sealer.seal(&identity(id), plain, &*issuer.entropy)?),
        None => None,
    };
    let mut event = EventDraft::new(EventKind::ChallengeSent, Actor::Anonymous)
        .with("purpose", serde_json::to_value(kind.purpose).unwrap_or_default())
        .with("factor", kind.factor.name())
        .with("ip", ask.caller.ip.to_string());
    if let Whose::Person(user) = &kind.whose {
        event = event.user(user);
    }
    let message = message(issuer, &ask, &link, code);
    let new = NewChallenge {
        id,
        whose: kind.whose,
        purpose: kind.purpose,
        factor: kind.factor,
        flow,
        target,
        credential_version: ask.of.credential_version(),
        code: code_digest,
        link: link_digest,
        payload,
        asked_from: ask.caller.asked_from(),
        life: LIFE,
        most_flows: FLOWS,
    };
    Ok(issuer.store.ask(new, event.telling(outbox::job(issuer, &message)?)).await?)
}

async fn standing(issuer: &Issuer, ask: &Ask<'_>) -> Result<Standing> {
    let Addressee::Person(account) = ask.of else { return Ok(Standing::Anybody) };
    if ask.purpose == Purpose::EnrolPhone {
        return Ok(Standing::Claims);
    }
    let known = device::known(issuer, &ask.caller.devices, &account.subject.user.id).await?;
    Ok(if known.is_some() { Standing::Owner } else { Standing::Anybody })
}

fn message(issuer: &Issuer, ask: &Ask<'_>, link: &Secret, code: Secret) -> Message {
    let asked_from = ask.caller.asked_from();
    let minutes = u32::try_from(LIFE.as_secs() / 60).unwrap_or(u32::MAX);
    let code = SentCode { code, minutes, asked_from: asked_from.clone() };
    let about = match ask.says {
        Says::Link(about) => {
            let address = format!("{}?token={}", issuer.settings.url(ask.page), link.expose());
            about(SentLink { link: Secret::new(address), code })
        }
        Says::Code(about) => about(code),
        Says::Nothing(about) => about(asked_from),
    };
    let lang = match ask.look.lang.as_str() {
        "" => outbox::FALLBACK_LANG,
        lang => lang,
    };
    let name = match ask.of {
        Addressee::Person(account) => account.subject.user.name.clone(),
        Addressee::Mailbox(_) => None,
    };
    Message { to: ask.to.clone(), lang: lang.to_owned(), name, client: ask.look.client.clone(), about }
}

/// Checks a code as typed, also one that came beside a link. `flow`: which asked; `None`: the newest that
/// did. `invalid_code`: wrong; `code_expired`: none waits; `too_many_attempts`.
pub async fn answer(
    issuer: &Issuer,
    of: Addressee<'_>,
    purpose: Purpose,
    factor: Factor,
    flow: Option<&str>,
    typed: &Secret,
    caller: &Caller,
) -> Result<Answered> {
    // What no code can be is no guess.
    let code = digits_of(typed).ok_or_else(wrong)?;
    let kind = Kind { whose: of.whose(), purpose, factor };
    // Codes of both kinds of mail fill one bucket.
    let lane = if factor == Factor::SmsCode { factor } else { Factor::EmailCode };
    let mark = issuer.sealer.mark("code of", kind.whose.name());
    let attempt = issuer.throttle.admit_factor(lane, mark, caller.ip, issuer.store.cached_now())?;
    let flow = flow.map(Digest::of);
    let At { now, it } = issuer.store.pending(&kind, flow.as_ref()).await?;
    let challenge = it.filter(|c| c.credential_version == of.credential_version()).ok_or_else(ended)?;
    let digest = digest(issuer, challenge.id, &kind, &challenge.flow, &code);
    let mut event = EventDraft::new(EventKind::FactorFailed, Actor::Anonymous)
        .with("purpose", serde_json::to_value(purpose).unwrap_or_default())
        .with("factor", challenge.factor.name())
        .with("ip", caller.ip.to_string());
    if let Whose::Person(user) = &kind.whose {
        event = event.user(user);
    }
    match issuer.store.try_code(challenge.id, &digest, event).await? {
        Tried::Right => {
            attempt.succeeded();
            answered(issuer, challenge, now)
        }
        Tried::Wrong { .. } => {
            attempt.failed(now);
            Err(wrong())
        }
        Tried::Ended => Err(ended()),
    }
}

/// The person showed, just now, that their address is theirs. If nobody had before, it is verified, and a
/// password or linked provider from before is void: whoever set it had not shown that (pre-hijacking). Not
/// with a second factor: mail alone neither removes one nor goes past it, and the address stays as it was.
pub async fn claim(issuer: &Issuer, account: Account, caller: &Caller) -> Result<Subject> {
    let user = &account.subject.user;
    let enrolled = &account.enrolled;
    if user.email_verified || enrolled.two_steps() {
        return Ok(account.subject);
    }
    let voided: Vec<&str> = [("password", enrolled.password), ("upstream", !enrolled.upstreams.is_empty())]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect();
    let mut event = EventDraft::new(EventKind::EmailVerified, Actor::User(user.id.clone()))
        .with("ip", caller.ip.to_string());
    if !voided.is_empty() {
        let (now, from) = (issuer.store.cached_now(), Some(caller.asked_from()));
        let notice = outbox::notice(issuer, user, Noticed::AddressClaimed, now, from, None).await?;
        event = event.with("voided", voided).telling(notice);
    }
    let change = CredentialChange {
        user: user.id.clone(),
        version: Some(user.credential_version),
        keep: None,
        until: issuer.longest_token_life().await?,
        event,
    };
    match issuer.store.claim_email(change, &user.email).await? {
        Some(Claimed { subject, rules }) => {
            revocation::enforce(issuer, &rules).await?;
            Ok(subject)
        }
        None => Ok(account.subject),
    }
}

fn answered(issuer: &Issuer, challenge: Challenge, now: Timestamp) -> Result<Answered> {
    let payload = match &challenge.payload {
        Some(sealed) => {
            let plain = issuer.sealer.open(&identity(challenge.id), sealed);
            Some(plain.ok_or_else(|| Failure::Bug("a challenge's payload does not open".into()))?)
        }
        None => None,
    };
    Ok(Answered { challenge, payload, now })
}

fn wrong() -> Failure {
    rejected(Code::InvalidCode, "That code is not right. Check it, or ask for a new one.")
}

fn ended() -> Failure {
    rejected(Code::CodeExpired, "This is used, too old, or replaced by a newer one. Ask for a new one.")
}

fn identity(id: ChallengeId) -> String {
    format!("challenge/{}", base64url::encode(id.0))
}

/// Good for this person, purpose, way, flow and challenge only.
fn digest(issuer: &Issuer, id: ChallengeId, kind: &Kind, flow: &Digest, code: &Secret) -> Digest {
    let channel = if kind.factor == Factor::SmsCode { "sms" } else { "mail" };
    let (id, flow) = (base64url::encode(id.0), base64url::encode(flow.0));
    let of = format!("challenge {id} {:?} {channel} {flow} {}", kind.purpose, kind.whose.name());
    issuer.sealer.code(&of, code)
}

/// The code beside a link.
fn code_beside(issuer: &Issuer, link: &Secret) -> Secret {
    digits(issuer.sealer.code("beside a link", link).0)
}

/// Six digits from random bytes, each as likely as any other: words of the range that does not divide evenly
/// are passed over.
fn digits(mut random: [u8; 32]) -> Secret {
    const EVEN: u32 = u32::MAX / CODES * CODES;
    loop {
        let (words, _) = random.as_chunks::<4>();
        if let Some(word) = words.iter().map(|w| u32::from_be_bytes(*w)).find(|w| *w < EVEN) {
            return Secret::new(format!("{:0DIGITS$}", word % CODES));
        }
        random = Digest::of(random).0;
    }
}

/// A code as typed: six ASCII digits, between which spaces and dashes may stand.
fn digits_of(typed: &Secret) -> Option<Secret> {
    let typed = typed.expose();
    if typed.len() > LONGEST_TYPED {
        return None;
    }
    let bare: String = typed.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    (bare.len() == DIGITS && bare.bytes().all(|b| b.is_ascii_digit())).then(|| Secret::new(bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_six_digits_and_evenly_spread() {
        assert_eq!(digits([0; 32]).expose(), "000000");
        let mut words = [0xff; 32];
        // 4,294,000,000 is the first word that would be one too many for 0: it is passed over.
        words[..4].copy_from_slice(&4_294_000_000_u32.to_be_bytes());
        words[4..8].copy_from_slice(&4_293_999_999_u32.to_be_bytes());
        assert_eq!(digits(words).expose(), "999999");
        let none = digits([0xff; 32]);
        assert!(none.expose().len() == 6 && none.expose().bytes().all(|b| b.is_ascii_digit()));
    }

    #[test]
    fn what_is_typed_is_six_ascii_digits() {
        let read = |typed: &str| digits_of(&Secret::new(typed)).map(|c| c.expose().to_owned());
        for fine in ["123456", " 123456 ", "123 456", "12-34-56", "1 2 3 4 5 6"] {
            assert_eq!(read(fine).as_deref(), Some("123456"), "{fine:?}");
        }
        let huge = format!("{}123456", " ".repeat(100));
        for bad in [
            "",
            " ",
            "12345",
            "1234567",
            "12345a",
            "+123456",
            "123.456",
            "123\u{a0}456",
            "123\t456",
            "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}",
            "\u{ff11}23456",
            "123456\u{0}",
            huge.as_str(),
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
