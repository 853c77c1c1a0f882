//! "Where am I signed in", "end this session", "end all others".

use crate::Issuer;
use crate::error::Result;
use crate::model::{BrowserSession, BrowserSessionId, ClientSession};
use crate::port::browser_session::LiveBrowser;

/// One row of the list.
#[derive(Debug)]
pub struct Entry {
    /// The sign-in.
    pub session: BrowserSession,
    /// Is it the one asking?
    pub current: bool,
    /// Applications entered through it, with their display names.
    pub apps: Vec<(ClientSession, String)>,
}

/// The person's sign-ins, newest first, and direct sign-ins of apps that hang on none.
#[derive(Debug)]
pub struct Overview {
    /// Browsers.
    pub browsers: Vec<Entry>,
    /// Direct sign-ins.
    pub apps: Vec<(ClientSession, String)>,
}

/// The list.
pub async fn overview(_issuer: &Issuer, _me: &LiveBrowser) -> Result<Overview> {
    todo!()
}
/// Ends one browser session of this person, or one app session.
pub async fn end(_issuer: &Issuer, _me: &LiveBrowser, _id: &str) -> Result<()> {
    todo!()
}
/// Ends all but the one asking.
pub async fn end_others(_issuer: &Issuer, _me: &LiveBrowser) -> Result<()> {
    todo!()
}
/// Ends the one asking (sign out here).
pub async fn end_current(_issuer: &Issuer, _id: &BrowserSessionId, _me: &LiveBrowser) -> Result<()> {
    todo!()
}
