//! Calls to other servers: the one way out.
//!
//! https to public addresses; anything else (plain http, private networks, loopback, ports of other
//! services) only where `[egress] allow` lists the address. What is checked is what is connected to: names
//! are resolved here, addresses that may not be called are dropped before a socket is opened, and a host
//! that is an address by itself, which no resolver sees, is judged before sending. No redirect is followed,
//! no proxy of the environment is used, and an answer has [`DEADLINE`] and [`LONGEST_ANSWER`].

mod reach;

use self::reach::{Reach, Resolver};
use async_trait::async_trait;
use countersign_issuer::port::{Call, CallAnswer, CallMethod, Egress, Unreached};
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use reqwest::redirect::Policy as Redirects;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use url::Url;

/// From the first look-up of the name to the last byte.
const DEADLINE: Duration = Duration::from_secs(10);
/// Of a body, in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// Longest address that is called, in bytes.
const LONGEST_URL: usize = 8 * 1024;
/// Connections kept for the next call to the same server.
const IDLE_CONNECTIONS: usize = 4;

/// reqwest on rustls with aws-lc-rs and the platform's certificate authorities.
pub(crate) struct Outward {
    reach: Arc<Reach>,
    /// Made at the first call: a command that calls nobody reads no certificates.
    clients: OnceLock<Result<Clients, Unreached>>,
    deadline: Duration,
}

struct Clients {
    /// To public addresses and allowed ones.
    public: reqwest::Client,
    /// To allowed ones alone.
    allowed: reqwest::Client,
}

impl Outward {
    /// `allow`: addresses beside public ones.
    pub(crate) fn new(allow: Vec<IpNet>) -> Self {
        Self::within(allow, DEADLINE)
    }

    fn within(allow: Vec<IpNet>, deadline: Duration) -> Self {
        Self { reach: Arc::new(Reach::new(allow)), clients: OnceLock::new(), deadline }
    }

    fn clients(&self) -> Result<&Clients, Unreached> {
        let make = || {
            let tls = tls()?;
            let public = client(tls.clone(), Resolver::new(&self.reach, false))?;
            Ok(Clients { public, allowed: client(tls, Resolver::new(&self.reach, true))? })
        };
        self.clients.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    async fn send(&self, call: Call) -> Result<CallAnswer, Unreached> {
        let url = read(&call.url)?;
        let client = match self.reach.only_allowed(&url)? {
            true => &self.clients()?.allowed,
            false => &self.clients()?.public,
        };
        let mut request = match call.method {
            CallMethod::Get => client.get(url),
            CallMethod::Post => client.post(url).body(call.body),
        };
        for (name, value) in call.headers {
            let unfit = || refused(format!("the header {name} holds what no header may"));
            let mut value = HeaderValue::from_str(&value).map_err(|_| unfit())?;
            // Kept out of what is logged or compressed with other headers.
            value.set_sensitive(true);
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
            request = request.header(name, value);
        }
        whole(request.send().await.map_err(broken)?).await
    }
}

#[async_trait]
impl Egress for Outward {
    async fn call(&self, call: Call) -> Result<CallAnswer, Unreached> {
        let late = |_| refused(format!("no whole answer within {} s", self.deadline.as_secs_f32()));
        tokio::time::timeout(self.deadline, self.send(call)).await.map_err(late)?
    }
}

fn read(text: &str) -> Result<Url, Unreached> {
    if text.len() > LONGEST_URL {
        return Err(refused(format!("the address is longer than {LONGEST_URL} bytes")));
    }
    let url = Url::parse(text).map_err(|e| refused(format!("not an address: {e}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("the address holds a user name or a password".to_owned()));
    }
    Ok(url)
}

async fn whole(mut answer: reqwest::Response) -> Result<CallAnswer, Unreached> {
    let status = answer.status().as_u16();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if body.len().saturating_add(chunk.len()) > LONGEST_ANSWER {
            return Err(refused(format!("the answer is longer than {LONGEST_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(CallAnswer { status, headers, body })
}

fn client(tls: ClientConfig, resolver: Resolver) -> Result<reqwest::Client, Unreached> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Redirects::none())
        .referer(false)
        .no_proxy()
        .dns_resolver(Arc::new(resolver))
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(broken)
}

fn tls() -> Result<ClientConfig, Unreached> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| refused(e.to_string()))?;
    Ok(match rustls_platform_verifier::Verifier::new(provider) {
        Ok(verifier) => builder
            .dangerous() // the name of rustls for "a verifier of your own": this one is the platform's
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth(),
        Err(error) => {
            tracing::warn!(%error, "no certificate authorities on this machine: https servers are out of reach");
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    })
}

fn refused(why: String) -> Unreached {
    Unreached(why)
}

/// The whole cause in one line, without the address: it may hold what is not for the log.
fn broken(error: reqwest::Error) -> Unreached {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    Unreached(text)
}

#[cfg(test)]
#[path = "egress/tests.rs"]
mod tests;
