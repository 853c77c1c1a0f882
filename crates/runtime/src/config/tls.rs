//! `[tls]`: certificate and key of the listener.

use super::problem::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// As written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawTls {
    /// PEM file of the certificate chain, leaf first.
    pub cert: Option<String>,
    /// PEM file of its private key.
    pub key: Option<String>,
}

/// Both files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain.
    pub cert: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

impl RawTls {
    pub(super) fn check(&self, problems: &mut Problems<'_>) -> Option<TlsFiles> {
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert: cert.into(), key: key.into() }),
            (None, None) => None,
            (Some(_), None) => {
                problems.push("tls.cert", "a certificate without its private key: set tls.key as well");
                None
            }
            (None, Some(_)) => {
                problems.push("tls.key", "a private key without its certificate: set tls.cert as well");
                None
            }
        }
    }
}
