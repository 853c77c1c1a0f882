//! Server-sent events of `GET /rev/stream`, written and read.
//!
//! `rules`: a [`crate::Page`] without head, base64url, `id: EPOCH.SEQ` of its end. `head`: a compact JWS.
//! `hint`: a page of rules not yet numbered (epoch, number and chain zero), base64url: applied at once when
//! it comes from the issuer itself, never counted as complete. `jwks`: fetch the keys now (data: the digest
//! of [`crate::Head::jwks`]). A comment every 15 s keeps the connection open.

use crate::FormatError;

/// Most bytes of one event.
pub const MOST_EVENT: usize = 2 * 1024 * 1024;

/// One event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Rules, as the bytes of a page.
    Rules(Vec<u8>),
    /// A head.
    Head(String),
    /// Rules not yet numbered.
    Hint(Vec<u8>),
    /// The keys changed.
    Jwks(String),
}

impl Event {
    /// Writes it, with the blank line that ends it.
    pub fn text(&self) -> String {
        todo!()
    }
}

/// Where to go on after a lost connection: the `Last-Event-ID`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// Epoch.
    pub epoch: u64,
    /// Rules had.
    pub seq: u64,
}

impl Position {
    /// Reads `EPOCH.SEQ`.
    pub fn read(_text: &str) -> Option<Self> {
        todo!()
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.epoch, self.seq)
    }
}

/// Takes bytes as they come, gives events as they end. Unknown events and comments are skipped.
#[derive(Default, Debug)]
pub struct Reader {
    line: Vec<u8>,
}

impl Reader {
    /// Takes bytes; an error ends the connection.
    pub fn push(&mut self, _bytes: &[u8]) -> Result<Vec<Event>, FormatError> {
        let _ = &mut self.line;
        todo!()
    }
}
