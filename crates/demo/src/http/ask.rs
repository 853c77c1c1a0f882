//! A request to be made.

use crate::http::Answer;
use anyhow::{Context, Result};
use base64_simd::STANDARD;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN};
use serde_json::Value;

/// A request: built up, then sent by a scene, which notes it down.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
}

impl Ask {
    fn new(method: Method, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body: None }
    }

    pub(crate) fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    pub(crate) fn post(url: impl Into<String>) -> Self {
        Self::new(Method::POST, url)
    }

    /// A CORS preflight, as a browser sends it (Fetch 4.8).
    pub(crate) fn preflight(url: impl Into<String>, origin: &str, method: &str, headers: &str) -> Self {
        Self::new(Method::OPTIONS, url)
            .origin(origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", headers)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {token}"))
    }

    /// Client authentication in the header (RFC 6749 2.3.1).
    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        let pair = STANDARD.encode_to_string(format!("{}:{}", encoded(id), encoded(secret)));
        self.header(AUTHORIZATION.as_str(), format!("Basic {pair}"))
    }

    pub(crate) fn origin(self, origin: &str) -> Self {
        self.header(ORIGIN.as_str(), origin)
    }

    pub(crate) fn cookie(self, cookie: impl Into<String>) -> Self {
        self.header(COOKIE.as_str(), cookie)
    }

    pub(crate) fn accept(self, media: &str) -> Self {
        self.header(ACCEPT.as_str(), media)
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string());
        self.header(CONTENT_TYPE.as_str(), "application/json")
    }

    pub(crate) fn form<'a>(mut self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = Some(body);
        self.header(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")
    }

    /// Sends it without noting it down.
    pub(crate) async fn send(&self, client: &reqwest::Client) -> Result<Answer> {
        let mut request = client.request(self.method.clone(), &self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let failed = || format!("{} {}", self.method, self.url);
        let answer = request.send().await.with_context(failed)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.text().await.with_context(failed)?;
        Ok(Answer { url: self.url.clone(), status, headers, body })
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        let ask = Ask::get("/").basic("a b", "p:w");
        let due = format!("Basic {}", STANDARD.encode_to_string("a+b:p%3Aw"));
        assert_eq!(ask.headers, [("authorization".to_owned(), due)]);
    }
}
