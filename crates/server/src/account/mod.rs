//! The account pages: who am I, where am I signed in, how do I sign in, what do applications have of me.
//!
//! One file a page. Every form carries `me`, the person its page was shown to. What changes a way to sign in
//! passes [`gate::to_change`].

pub(crate) mod consents;
pub(crate) mod data;
pub(crate) mod devices;
pub(crate) mod email;
pub(crate) mod gate;
pub(crate) mod overview;
pub(crate) mod passkeys;
pub(crate) mod password;
pub(crate) mod phone;
pub(crate) mod providers;
pub(crate) mod recovery_codes;
pub(crate) mod security;
pub(crate) mod totp;
pub(crate) mod trouble;

use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::view::page::account::Frame;
use crate::view::see_other;
use axum::response::Response;
use countersign_issuer::port::browser_session::LiveBrowser;

/// What was just done (`?done=`), each with a text `account.done.<name>`. Only texts of ours: the address
/// bar says nothing by itself.
pub(crate) const NOTICES: &[&str] = &[
    "ended",
    "ended_others",
    "gone",
    "other",
    "totp_added",
    "totp_removed",
    "phone_added",
    "phone_removed",
    "last_way",
    "last_second",
    "passkey_added",
    "passkey_renamed",
    "passkey_removed",
    "passkey_gone",
    "provider_linked",
    "provider_unlinked",
    "none_there",
    "changed_meanwhile",
    "too_late",
    "password_changed",
    "password_removed",
    "email_verified",
    "email_changed",
    "email_taken",
    "withdrawn",
    "device_forgotten",
    "devices_forgotten",
    "device_gone",
];

/// What stands around every account page.
fn frame(app: &App, browser: &Browser, me: &LiveBrowser, done: Option<&str>) -> Frame {
    Frame {
        form_token: browser.form_token(app),
        me: me.subject.user.id.to_string(),
        notice: NOTICES.iter().copied().find(|known| Some(*known) == done),
        trouble: None,
    }
}

/// On to a page that tells what was done.
pub(crate) fn done(app: &App, page: &str, what: &str) -> Result<Response, Fault> {
    see_other(&format!("{}?done={what}", app.url(page)))
}
