//! Talking HTTP as an outside client does: requests, answers, a browser without script.

mod answer;
mod ask;
mod browser;
pub(crate) mod form;

pub(crate) use answer::Answer;
pub(crate) use ask::Ask;
pub(crate) use browser::{Browser, Page};

use crate::random;
use anyhow::Result;
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Hosts of the demo.
const NAMES: [&str; 7] = [
    "localhost",
    "auth.localhost",
    "api.localhost",
    "orders.localhost",
    "here.localhost",
    "partner.localhost",
    "liar.localhost",
];

/// The client everything goes through. Redirects are seen, not followed; the demo's names are this
/// machine (RFC 6761 6.3), whatever the resolver thinks; TLS trusts nobody, as nothing leaves loopback.
pub(crate) fn client() -> Result<reqwest::Client> {
    trusting(RootCertStore::empty())
}

/// A client that trusts one certificate and no authority.
pub(crate) fn client_for(certificate: CertificateDer<'static>) -> Result<reqwest::Client> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    trusting(roots)
}

/// A client on another address of this machine, for tries that fail on purpose: an issuer counts failures
/// by address, and they are not to slow down everybody else here. Where loopback has one address only, it
/// is the common one.
pub(crate) fn client_elsewhere() -> Result<reqwest::Client> {
    let [a, b, c] = random::bytes()?;
    let address = Ipv4Addr::new(127, a | 1, b, c.clamp(1, 254));
    let local = cfg!(target_os = "linux").then_some(address.into());
    Ok(builder(RootCertStore::empty())?.local_address(local).build()?)
}

fn trusting(roots: RootCertStore) -> Result<reqwest::Client> {
    Ok(builder(roots)?.build()?)
}

fn builder(roots: RootCertStore) -> Result<reqwest::ClientBuilder> {
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .timeout(Duration::from_secs(20))
        // A restarted issuer has closed the connections of its predecessor.
        .pool_max_idle_per_host(0);
    for name in NAMES {
        builder = builder.resolve(name, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    }
    Ok(builder)
}
