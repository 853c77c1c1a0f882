//! What a message says, taken apart for the templates. What somebody typed (names, devices, applications)
//! is cut, on one line, and never an address somebody else chose.

use super::Picture;
use super::Site;
use crate::view::brand::{self, Ink};
use crate::view::message::Messages;
use crate::view::words;
use countersign_issuer::model::AskedFrom;
use countersign_issuer::model::message::{About, Noticed};
use countersign_issuer::port::Parcel;
use serde::Serialize;

/// Longest name that is shown, in characters.
const LONGEST: usize = 60;

/// What templates are told. A missing field is an error there.
#[derive(Serialize)]
pub(super) struct Content {
    /// Texts are `mail.<kind>.subject`, `.text` and `.button`.
    pub(super) kind: &'static str,
    pub(super) subject: String,
    /// As the subject, without code.
    pub(super) heading: String,
    pub(super) app: String,
    /// Of its buttons, by day and by night.
    pub(super) light: Ink,
    pub(super) dark: Ink,
    /// Its picture, which comes with the mail: loading one would tell who reads it, and when.
    pub(super) logo: Option<Picture>,
    pub(super) name: Option<String>,
    /// Somebody typed the address; it may belong to no account.
    pub(super) typed: bool,
    pub(super) code: Option<String>,
    /// How long the code is good.
    pub(super) good: Option<String>,
    pub(super) link: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) detail_kind: &'static str,
    pub(super) ip: Option<String>,
    pub(super) device: Option<String>,
    /// Milliseconds.
    pub(super) when: Option<i64>,
    /// What to do if it was somebody else: `ignore`, `not_you`, `nothing`.
    pub(super) tail: &'static str,
    pub(super) account: String,
    pub(super) host: String,
}

impl Content {
    pub(super) fn of(parcel: &Parcel<'_>, m: &Messages, site: &Site) -> Result<Self, String> {
        let message = parcel.message;
        let kind = kind(&message.about);
        let client = parcel.client.as_deref();
        let app = match client.and_then(|c| shown(brand::name(c, m.lang()))) {
            Some(name) => name,
            None => m.plain("brand", &[])?,
        };
        let greeted = greeted(&message.about);
        let look = client.and_then(|c| c.metadata.brand.as_ref());
        let [light, dark] = brand::inks(look);
        let (mut code, mut link) = (None, None);
        let (mut when, mut detail, mut detail_kind) = (None, None, "other");
        let asked;
        let tail = match &message.about {
            About::SignInCode(sent) | About::VerifyPhone(sent) => {
                (code, asked) = (Some(sent), Some(&sent.asked_from));
                "ignore"
            }
            About::SignInLink(sent)
            | About::SignUp(sent)
            | About::VerifyEmail(sent)
            | About::Recover(sent) => {
                (code, link, asked) = (Some(&sent.code), Some(&sent.link), Some(&sent.code.asked_from));
                "ignore"
            }
            About::NoAccount(from) | About::AlreadySignedUp(from) => {
                asked = Some(from);
                "nothing"
            }
            About::Notice(notice) => {
                (asked, when) = (notice.from.as_ref(), Some(notice.at.millis()));
                detail = notice.detail.as_deref().map(|text| line(text, LONGEST));
                detail_kind = detail_of(notice.what);
                if notice.what == Noticed::AccountDeleted { "nothing" } else { "not_you" }
            }
        };
        let code_text = code.map(|sent| sent.code.expose().to_owned());
        let arg = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let words =
            |code: &str| m.plain(&format!("mail.{kind}.subject"), &[arg("app", &app), arg("code", code)]);
        let heading = match &message.about {
            About::SignInCode(_) => m.plain("mail.sign_in_link.subject", &[arg("app", &app)])?,
            _ => words("")?,
        };
        Ok(Self {
            kind,
            subject: words(code_text.as_deref().unwrap_or_default())?,
            heading,
            name: greeted.then_some(message.name.as_deref()).flatten().and_then(shown),
            typed: !greeted,
            app,
            light,
            dark,
            logo: look.and_then(|look| Picture::of(look, parcel.id)),
            code: code_text,
            good: code.map(|sent| good(m, sent.minutes)).transpose()?,
            link: link.map(|link| link.expose().to_owned()),
            detail: detail.filter(|d| !d.is_empty()),
            detail_kind,
            ip: asked.map(|from| line(&from.ip, LONGEST)).filter(|ip| !ip.is_empty()),
            device: asked.map(|from| device(m, from)).transpose()?,
            when,
            tail,
            account: site.account.clone(),
            host: site.host.clone(),
        })
    }
}

fn good(m: &Messages, minutes: u32) -> Result<String, String> {
    m.plain("mail.good", &[("n".to_owned(), minutes.to_string())])
}

/// Its texts' key.
pub(super) fn kind(about: &About) -> &'static str {
    match about {
        About::SignInLink(_) => "sign_in_link",
        About::SignInCode(_) => "sign_in_code",
        About::NoAccount(_) => "no_account",
        About::SignUp(_) => "sign_up",
        About::AlreadySignedUp(_) => "already_signed_up",
        About::VerifyEmail(_) => "verify_email",
        About::Recover(_) => "recover",
        About::VerifyPhone(_) => "verify_phone",
        About::Notice(notice) => match notice.what {
            Noticed::NewDevice => "new_device",
            Noticed::PasswordChanged => "password_changed",
            Noticed::EmailChanged => "email_changed",
            Noticed::PasskeyAdded => "passkey_added",
            Noticed::PasskeyRemoved => "passkey_removed",
            Noticed::TotpAdded => "totp_added",
            Noticed::TotpRemoved => "totp_removed",
            Noticed::PhoneAdded => "phone_added",
            Noticed::PhoneRemoved => "phone_removed",
            Noticed::RecoveryCodesMade => "recovery_codes_made",
            Noticed::RecoveryCodeUsed => "recovery_code_used",
            Noticed::ProviderLinked => "provider_linked",
            Noticed::ProviderUnlinked => "provider_unlinked",
            Noticed::SessionStolen => "session_stolen",
            Noticed::AccountDeleted => "account_deleted",
            Noticed::AddressClaimed => "address_claimed",
            Noticed::PasskeyCloned => "passkey_cloned",
        },
    }
}

fn detail_of(what: Noticed) -> &'static str {
    match what {
        Noticed::PasskeyAdded | Noticed::PasskeyRemoved | Noticed::PasskeyCloned => "passkey",
        Noticed::ProviderLinked | Noticed::ProviderUnlinked => "provider",
        Noticed::EmailChanged => "address",
        Noticed::RecoveryCodeUsed => "left",
        _ => "other",
    }
}

/// To an address that nobody has shown to be theirs, a name is what a stranger typed: whoever signs others up
/// would have us carry their words.
fn greeted(about: &About) -> bool {
    !matches!(about, About::SignUp(_) | About::NoAccount(_) | About::VerifyEmail(_))
}

/// A name as it may be shown: cut, on one line; `None` when it is empty or holds what a mail program would
/// make a link of.
fn shown(name: &str) -> Option<String> {
    let name = line(name, LONGEST);
    let link = name.contains(['/', '@', ':', '\\']) || name.to_lowercase().contains("www.");
    (!name.is_empty() && !link).then_some(name)
}

/// One line without control and direction marks, at most so many characters.
fn line(text: &str, most: usize) -> String {
    let visible = |c: &char| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let one: String = text.chars().filter(visible).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let one = one.split_whitespace().collect::<Vec<_>>().join(" ");
    match one.chars().count() > most {
        true => one.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => one,
    }
}

/// A device by a name of ours; what else it calls itself is what a stranger typed.
fn device(m: &Messages, from: &AskedFrom) -> Result<String, String> {
    words::known_device(m, &from.device)
}
