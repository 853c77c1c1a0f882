//! What the account pages are told.

use super::{Page, Person};
use serde::Serialize;

/// Why something did not work: a text's key, the reason where there are several, and seconds to wait.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) kind: &'static str,
    pub(crate) reason: Option<&'static str>,
    pub(crate) wait: Option<u64>,
}

/// What stands around every account page.
#[derive(Serialize, Debug)]
pub(crate) struct Frame {
    pub(crate) form_token: String,
    /// The person's id: a form of an older sign-in's page is not taken for this one's.
    pub(crate) me: String,
    /// What was just done: the end of a text's key.
    pub(crate) notice: Option<&'static str>,
    /// Why the last try did not work.
    pub(crate) trouble: Option<Trouble>,
}

/// An application in the list of sign-ins.
#[derive(Serialize, Debug)]
pub(crate) struct AppSession {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) device: String,
    pub(crate) created_at: i64,
}

/// A browser in the list of sign-ins.
#[derive(Serialize, Debug)]
pub(crate) struct BrowserEntry {
    pub(crate) id: String,
    pub(crate) current: bool,
    pub(crate) device: String,
    pub(crate) created_at: i64,
    pub(crate) seen_at: i64,
    pub(crate) apps: Vec<AppSession>,
}

/// Who am I, where am I signed in.
#[derive(Serialize, Debug)]
pub(crate) struct Overview {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    pub(crate) user: Person,
    pub(crate) browsers: Vec<BrowserEntry>,
    pub(crate) apps: Vec<AppSession>,
    /// Is there anything but this browser?
    pub(crate) others: bool,
    /// Devices that signed in before, the one used last first.
    pub(crate) devices: Vec<DeviceEntry>,
}

/// A device that signed in before.
#[derive(Serialize, Debug)]
pub(crate) struct DeviceEntry {
    pub(crate) id: String,
    /// This one.
    pub(crate) current: bool,
    /// `User-Agent`.
    pub(crate) device: String,
    pub(crate) created_at: i64,
    pub(crate) seen_at: i64,
}

impl Page for Overview {
    const TEMPLATE: &'static str = "account.html";
}

/// How do I sign in.
#[derive(Serialize, Debug)]
pub(crate) struct Security {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    /// There is a password.
    pub(crate) password: bool,
    /// Passkeys and security keys: how many.
    pub(crate) passkeys: u16,
    /// There is an authenticator app.
    pub(crate) totp: bool,
    /// The end of the number.
    pub(crate) phone: Option<String>,
    /// Text messages can be sent.
    pub(crate) sms: bool,
    /// Recovery codes left.
    pub(crate) recovery_codes: u16,
    /// There is a second factor: recovery codes make sense.
    pub(crate) two_steps: bool,
    /// There are providers to sign in with.
    pub(crate) providers: bool,
    /// Names of linked providers.
    pub(crate) upstreams: Vec<String>,
}

impl Page for Security {
    const TEMPLATE: &'static str = "account_security.html";
}

/// Set up an authenticator app.
#[derive(Serialize, Debug)]
pub(crate) struct Totp {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    /// There is one already; confirming replaces it.
    pub(crate) replaces: bool,
    /// The key in base32, in groups of four, to be typed.
    pub(crate) key: String,
    /// `otpauth://` address, for an app on this very device.
    pub(crate) address: String,
    /// That address as a QR code: an `<svg>` element made here.
    pub(crate) qr: String,
    /// The key, sealed for this browser until it is confirmed.
    pub(crate) sealed: String,
}

impl Page for Totp {
    const TEMPLATE: &'static str = "account_totp.html";
}

/// The number for codes by text message.
#[derive(Serialize, Debug)]
pub(crate) struct Phone {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    /// The number in force, by its ends.
    pub(crate) now: Option<String>,
    /// Text messages can be sent.
    pub(crate) sms: bool,
}

impl Page for Phone {
    const TEMPLATE: &'static str = "account_phone.html";
}

/// Look at your phone.
#[derive(Serialize, Debug)]
pub(crate) struct PhoneSent {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    /// The number as typed.
    pub(crate) to: String,
}

impl Page for PhoneSent {
    const TEMPLATE: &'static str = "account_phone_sent.html";
}

/// Recovery codes: how many are left, or a new set.
#[derive(Serialize, Debug)]
pub(crate) struct RecoveryCodes {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    pub(crate) left: u16,
    /// The new ones, shown this once; none: only how many are left.
    pub(crate) codes: Vec<String>,
}

impl Page for RecoveryCodes {
    const TEMPLATE: &'static str = "account_recovery_codes.html";
}

/// Another password.
#[derive(Serialize, Debug)]
pub(crate) struct Password {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    /// For password managers.
    pub(crate) username: String,
    /// There is one.
    pub(crate) there: bool,
    /// The old one is to be typed too.
    pub(crate) asks_old: bool,
}

impl Page for Password {
    const TEMPLATE: &'static str = "account_password.html";
}

/// The address.
#[derive(Serialize, Debug)]
pub(crate) struct Email {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    pub(crate) email: String,
    pub(crate) verified: bool,
    /// Mail can be sent.
    pub(crate) mail: bool,
}

impl Page for Email {
    const TEMPLATE: &'static str = "account_email.html";
}

/// Check your mail.
#[derive(Serialize, Debug)]
pub(crate) struct EmailSent {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    /// `verify`, `change`.
    pub(crate) what: &'static str,
    pub(crate) to: String,
}

impl Page for EmailSent {
    const TEMPLATE: &'static str = "account_email_sent.html";
}

/// What one application may do.
#[derive(Serialize, Debug)]
pub(crate) struct ConsentEntry {
    pub(crate) client: String,
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) granted_at: i64,
}

/// What applications may do.
#[derive(Serialize, Debug)]
pub(crate) struct Consents {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    pub(crate) consents: Vec<ConsentEntry>,
}

impl Page for Consents {
    const TEMPLATE: &'static str = "account_consents.html";
}

/// Take your data, or leave.
#[derive(Serialize, Debug)]
pub(crate) struct Data {
    #[serde(flatten)]
    pub(crate) frame: Frame,
}

impl Page for Data {
    const TEMPLATE: &'static str = "account_data.html";
}

/// Really delete?
#[derive(Serialize, Debug)]
pub(crate) struct Delete {
    #[serde(flatten)]
    pub(crate) frame: Frame,
    pub(crate) email: String,
}

impl Page for Delete {
    const TEMPLATE: &'static str = "account_delete.html";
}

/// Deleted.
#[derive(Serialize, Debug)]
pub(crate) struct Deleted {}

impl Page for Deleted {
    const TEMPLATE: &'static str = "account_deleted.html";
}
