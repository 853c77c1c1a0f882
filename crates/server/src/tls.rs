//! Certificate and key to a TLS configuration: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN.

use crate::{Error, Tls};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// HTTP/2's name in ALPN.
pub(crate) const H2: &[u8] = b"h2";

pub(crate) fn load(tls: &Tls) -> Result<Arc<ServerConfig>, Error> {
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
