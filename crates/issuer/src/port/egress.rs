//! Calls to other servers: only where the operator named them, never to private addresses unless allowed
//! (crates/runtime).

use async_trait::async_trait;
use std::borrow::Cow;

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET` or `POST`.
    pub method: CallMethod,
    /// https, or http to an address the operator allowed.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// Of a POST.
    pub body: Vec<u8>,
}

/// The method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallMethod {
    /// GET.
    Get,
    /// POST.
    Post,
}

/// What came back: no redirect was followed, at most 1 MiB was read.
#[derive(Clone, Debug)]
pub struct CallAnswer {
    /// Status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl CallAnswer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// No answer: refused by the guard, unreachable, too slow, too long. For the log, without secrets.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreached(pub String);

/// Other servers.
#[async_trait]
pub trait Egress: Send + Sync {
    /// Makes one call, within 10 s.
    async fn call(&self, call: Call) -> Result<CallAnswer, Unreached>;
}
