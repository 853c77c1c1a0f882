//! Server-sent events of `GET /rev/stream`, written and read.
//!
//! `rules`: a [`crate::Page`] without head, base64url, `id: EPOCH.SEQ` of its end. `head`: a compact JWS.
//! `hint`: a page of rules not yet numbered (epoch, number and chain zero), base64url: applied at once when
//! it comes from the issuer itself, never counted as complete. `jwks`: fetch the keys now (data: the digest
//! of [`crate::Head::jwks`]). A comment every 15 s keeps the connection open.
//!
//! Read as the HTML standard says (9.2.6): lines end with CR, LF or both; a byte order mark at the start is
//! skipped; lines of data are joined; a comment begins with a colon; what is not ended by an empty line is none.

use crate::{FormatError, page};
use countersign_token::base64url;

/// Most bytes of one event, and of one line.
pub const MOST_EVENT: usize = 2 * 1024 * 1024;

/// What keeps the connection open.
pub const COMMENT: &str = ":\n\n";

const BOM: &[u8] = b"\xef\xbb\xbf";

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
        match self {
            Self::Rules(bytes) => {
                let id = page::end_of(bytes).map(|end| format!("id: {end}\n")).unwrap_or_default();
                format!("event: rules\n{id}data: {}\n\n", base64url::encode(bytes))
            }
            Self::Head(jws) => format!("event: head\ndata: {jws}\n\n"),
            Self::Hint(bytes) => format!("event: hint\ndata: {}\n\n", base64url::encode(bytes)),
            Self::Jwks(digest) => format!("event: jwks\ndata: {digest}\n\n"),
        }
    }

    fn read(name: &str, data: &str) -> Result<Option<Self>, FormatError> {
        let bytes = || {
            base64url::decode(data)
                .ok_or_else(|| FormatError::new("malformed", format!("{name} is not base64url")))
        };
        Ok(Some(match name {
            "rules" => Self::Rules(bytes()?),
            "head" => Self::Head(data.to_owned()),
            "hint" => Self::Hint(bytes()?),
            "jwks" => Self::Jwks(data.to_owned()),
            _ => return Ok(None),
        }))
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
    /// Reads `EPOCH.SEQ`: decimal digits, no sign, no needless zero.
    pub fn read(text: &str) -> Option<Self> {
        let (epoch, seq) = text.split_once('.')?;
        Some(Self { epoch: decimal(epoch)?, seq: decimal(seq)? })
    }
}

fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse().ok() } else { None }
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
    /// The last byte was a CR: an LF now belongs to it.
    after_cr: bool,
    begun: bool,
    name: String,
    data: String,
    /// An `id` of the event that has not ended.
    id: Option<String>,
    last_id: Option<String>,
}

impl Reader {
    /// Takes bytes; an error ends the connection.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, FormatError> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            let (text, ending) = match piece.split_last() {
                Some((ending @ (b'\r' | b'\n'), text)) => (text, Some(*ending)),
                _ => (piece, None),
            };
            let second = std::mem::replace(&mut self.after_cr, ending == Some(b'\r'));
            if second && text.is_empty() && ending == Some(b'\n') {
                continue;
            }
            if self.line.len() + text.len() > MOST_EVENT {
                return Err(too_large());
            }
            self.line.extend_from_slice(text);
            if ending.is_some() {
                let line = std::mem::take(&mut self.line);
                events.extend(self.take_line(&line)?);
            }
        }
        Ok(events)
    }

    /// The `id` of the last event that had one, for `Last-Event-ID` after a lost connection.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    fn take_line(&mut self, line: &[u8]) -> Result<Option<Event>, FormatError> {
        let first = !std::mem::replace(&mut self.begun, true);
        let line = if first { line.strip_prefix(BOM).unwrap_or(line) } else { line };
        if line.is_empty() {
            return self.end_event();
        }
        let line = std::str::from_utf8(line)
            .map_err(|_| FormatError::new("malformed", "a line of the stream that is not UTF-8"))?;
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.data.len() + value.len() >= MOST_EVENT {
                    return Err(too_large());
                }
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // A comment, `retry`, or nothing we know.
            _ => {}
        }
        Ok(None)
    }

    fn end_event(&mut self) -> Result<Option<Event>, FormatError> {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        if let Some(id) = self.id.take() {
            self.last_id = Some(id);
        }
        match data.strip_suffix('\n') {
            Some(data) => Event::read(&name, data),
            None => Ok(None),
        }
    }
}

fn too_large() -> FormatError {
    FormatError::new("too_large", format!("an event of over {MOST_EVENT} bytes"))
}
