//! An authenticator app: shown as QR code and as text, in force once a code of it was typed.

use super::super::factors;
use super::{change, gone, load, recovery_code};
use crate::error::{Code, Failure, Result, rejected};
use crate::login::{Caller, totp};
use crate::model::message::Noticed;
use crate::model::{BrowserSessionId, Enrolled, EventKind, Secret, User};
use crate::{Issuer, revocation};
use countersign_token::Timestamp;
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::qr::QRBuilder;
use std::time::Duration;
use url::Url;
use zeroize::Zeroizing;

const PURPOSE: &str = "totp enrolment";
/// How long the person has to scan it and type a code.
const LIFE: Duration = Duration::from_secs(600);
/// Characters of the text key that stand together.
const GROUP: usize = 4;

/// A secret that is shown and not yet in force.
#[derive(Debug)]
pub struct Pending {
    /// `otpauth://totp/..`, for a link on the phone itself.
    pub url: Secret,
    /// The secret in base32, in groups of four, to be typed.
    pub key: Secret,
    /// The URL as a QR code: an `<svg>` element of shapes and numbers only, no style and no script.
    pub qr: Secret,
    /// To be sent back with the code: the sealed secret, good for this person and flow for ten minutes.
    pub blob: String,
}

/// A new secret for `me`, shown in the flow `flow` (the flow cookie's value).
pub fn begin(issuer: &Issuer, me: &User, flow: &str, now: Timestamp) -> Result<Pending> {
    let secret: Zeroizing<[u8; totp::SECRET]> = Zeroizing::new(issuer.entropy.bytes());
    let blob = issuer.sealer.blob(PURPOSE, &binding(me, flow), now, secret.as_slice(), &*issuer.entropy);
    show(issuer, me, secret.as_slice(), blob)
}

/// Shows the same secret once more, after a wrong code. `None`: another's, altered, or too old.
pub fn again(issuer: &Issuer, me: &User, flow: &str, blob: &str, now: Timestamp) -> Result<Option<Pending>> {
    let Some(secret) = open(issuer, me, flow, blob, now) else { return Ok(None) };
    show(issuer, me, &secret, blob.to_owned()).map(Some)
}

/// Puts it in force, if `code` is one of its codes; answers recovery codes, shown this once, when the person
/// had none. The app before is void. `code_expired`: begin again; `invalid_code`: the clock or the typing is off.
pub async fn confirm(
    issuer: &Issuer,
    me: &User,
    flow: &str,
    blob: &str,
    code: &Secret,
    keep: Option<&BrowserSessionId>,
    caller: &Caller,
) -> Result<Option<Vec<Secret>>> {
    let now = issuer.store.ping().await?;
    let secret = open(issuer, me, flow, blob, now)
        .ok_or_else(|| rejected(Code::CodeExpired, "This took too long. Begin again."))?;
    let app = totp::app(&secret, &house(issuer), &me.email)?;
    let step = totp::step(&app, code, now).ok_or_else(|| {
        rejected(
            Code::InvalidCode,
            "The code is wrong. Check the clock of the phone, and type the newest code.",
        )
    })?;
    let sealed = issuer.sealer.seal(&totp::identity(&me.id), &secret, &*issuer.entropy)?;
    let change = change(issuer, me, (EventKind::TotpAdded, Noticed::TotpAdded), keep, caller).await?;
    let rules = issuer.store.put_totp(change, sealed, step).await?;
    revocation::enforce(issuer, &rules.ok_or_else(gone)?).await?;
    recovery_code::with_the_first(issuer, me, keep, caller).await
}

/// Removes the app. `not_found`: there is none; `conflict`: it has to stay ([`factors::may_leave`]).
pub async fn remove(
    issuer: &Issuer,
    me: &User,
    keep: Option<&BrowserSessionId>,
    caller: &Caller,
) -> Result<()> {
    let account = load(issuer, me).await?;
    let left = Enrolled { totp: false, ..account.enrolled.clone() };
    factors::may_leave(issuer, &account, &left)?;
    let change = change(issuer, me, (EventKind::TotpRemoved, Noticed::TotpRemoved), keep, caller).await?;
    let rules = issuer.store.remove_totp(change).await?;
    let none = || rejected(Code::NotFound, "There is no authenticator app to remove.");
    revocation::enforce(issuer, &rules.ok_or_else(none)?).await.map(drop)
}

fn binding(me: &User, flow: &str) -> String {
    format!("{} {flow}", me.id)
}

fn open(issuer: &Issuer, me: &User, flow: &str, blob: &str, now: Timestamp) -> Option<Zeroizing<Vec<u8>>> {
    let (made_at, secret) = issuer.sealer.open_blob(PURPOSE, &binding(me, flow), blob)?;
    (now.since(made_at) <= LIFE).then_some(secret)
}

/// What the app shows beside the codes.
fn house(issuer: &Issuer) -> String {
    let host = Url::parse(&issuer.settings.issuer).ok();
    host.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn show(issuer: &Issuer, me: &User, secret: &[u8], blob: String) -> Result<Pending> {
    let app = totp::app(secret, &house(issuer), &me.email)?;
    let url = app.to_url().map_err(|e| Failure::Bug(format!("otpauth: {e}")))?;
    let code = QRBuilder::new(url.as_str()).build();
    let code = code.map_err(|e| Failure::Bug(format!("QR code: {e:?}")))?;
    let text = Zeroizing::new(app.secret().to_base32());
    let mut key = String::with_capacity(text.len() + text.len() / GROUP);
    for (n, c) in text.chars().enumerate() {
        if n > 0 && n.is_multiple_of(GROUP) {
            key.push(' ');
        }
        key.push(c);
    }
    Ok(Pending {
        url: Secret::new(url),
        key: Secret::new(key),
        qr: Secret::new(SvgBuilder::default().to_str(&code)),
        blob,
    })
}
