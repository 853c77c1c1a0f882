//! Certificate and key to a TLS configuration: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN. Files are
//! looked at again while the server runs, so that a renewed certificate needs no restart.

use crate::{Error, Tls};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;
use tokio_rustls::TlsAcceptor;

/// HTTP/2's name in ALPN.
pub(crate) const H2: &[u8] = b"h2";

/// The certificate in use.
pub(crate) struct Current {
    source: Tls,
    state: RwLock<State>,
}

struct State {
    acceptor: TlsAcceptor,
    /// Of the files when they were last tried, good or bad.
    stamp: Stamp,
}

/// Times and lengths of certificate and key file.
type Stamp = Option<[(SystemTime, u64); 2]>;

impl Current {
    /// Reads it for the first time.
    pub(crate) fn load(source: Tls) -> Result<Self, Error> {
        let stamp = stamp(&source);
        let acceptor = TlsAcceptor::from(load(&source)?);
        Ok(Self { source, state: RwLock::new(State { acceptor, stamp }) })
    }

    /// For the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.state.read().unwrap_or_else(PoisonError::into_inner).acceptor.clone()
    }

    /// Reads files that have changed. What does not load is told and the old certificate stays: a half
    /// written pair is complete at the next look.
    pub(crate) fn look(&self) {
        let found = stamp(&self.source);
        if found.is_none() || found == self.state.read().unwrap_or_else(PoisonError::into_inner).stamp {
            return;
        }
        let loaded = load(&self.source);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.stamp = found;
        match loaded {
            Ok(config) => {
                state.acceptor = TlsAcceptor::from(config);
                tracing::info!("the certificate was renewed");
            }
            Err(error) => tracing::error!(%error, "the new certificate is not usable, the old one stays"),
        }
    }
}

fn stamp(source: &Tls) -> Stamp {
    let Tls::Files { cert, key } = source else { return None };
    let of = |path: &Path| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    Some([of(cert)?, of(key)?])
}

fn load(tls: &Tls) -> Result<Arc<ServerConfig>, Error> {
    match tls {
        Tls::Pem { cert, key } => from_pem(cert, key).map_err(Error::Tls),
        Tls::Files { cert, key } => from_pem(&read(cert)?, &read(key)?)
            .map_err(|e| Error::Tls(format!("{} and {}: {e}", cert.display(), key.display()))),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|e| Error::Tls(format!("{}: {e}", path.display())))
}

fn from_pem(cert: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, String> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(cert)
        .collect::<Result<_, _>>()
        .map_err(|e| format!("certificate: {e}"))?;
    if chain.is_empty() {
        return Err("there is no certificate in the PEM".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| format!("private key: {e}"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|e| e.to_string())?;
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| format!("certificate and key: {e}"))?;
    config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
