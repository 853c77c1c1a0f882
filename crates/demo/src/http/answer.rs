//! An answer, read.

use anyhow::{Context, Result};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use serde_json::Value;

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body)
            .with_context(|| format!("{} answered {}, not JSON", self.url, self.status))
    }

    /// A string member of the JSON body.
    pub(crate) fn text(&self, member: &str) -> Result<String> {
        let value = self.json()?;
        let text = value.get(member).and_then(Value::as_str);
        let text =
            text.with_context(|| format!("{} answered {} without `{member}`", self.url, self.status))?;
        Ok(text.to_owned())
    }

    /// The body, laid out for reading when it is JSON, and never endless.
    pub(crate) fn pretty(&self) -> String {
        let value: Option<Value> = serde_json::from_str(&self.body).ok();
        let laid_out = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
        laid_out.unwrap_or_else(|| self.body.chars().take(2000).collect())
    }

    /// `error` of the JSON body, or nothing.
    pub(crate) fn error(&self) -> String {
        self.text("error").unwrap_or_default()
    }

    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn challenge(&self) -> &str {
        self.header(WWW_AUTHENTICATE)
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION)
    }

    pub(crate) fn is_redirect(&self) -> bool {
        matches!(self.status, 302 | 303 | 307 | 308) && !self.location().is_empty()
    }

    pub(crate) fn is_html(&self) -> bool {
        self.header(CONTENT_TYPE).starts_with("text/html")
    }

    /// Raw `Set-Cookie` values.
    pub(crate) fn set_cookies(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all(SET_COOKIE).iter().filter_map(|v| v.to_str().ok())
    }
}
