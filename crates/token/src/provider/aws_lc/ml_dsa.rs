//! aws-lc-rs behind the provider trait: ML-DSA.

use super::{failed, rejected};
use crate::KeyError;
use crate::provider::{Pair, PrivateKey, PublicKey, Signer};
use aws_lc_rs::signature::{
    KeyPair, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm,
};
use std::sync::Arc;

pub(super) fn generate(alg: &'static PqdsaSigningAlgorithm) -> Result<Pair, KeyError> {
    pair(PqdsaKeyPair::generate(alg).map_err(failed("no ML-DSA key"))?)
}

pub(super) fn private(alg: &'static PqdsaSigningAlgorithm, key: PrivateKey<'_>) -> Result<Pair, KeyError> {
    match key {
        PrivateKey::Stored(pkcs8) => pair(PqdsaKeyPair::from_pkcs8(alg, pkcs8).map_err(rejected)?),
        PrivateKey::Scalar(public, seed) => {
            let made = pair(PqdsaKeyPair::from_seed(alg, seed).map_err(rejected)?)?;
            match made.public.as_ref() == Some(public) {
                true => Ok(made),
                false => Err(KeyError::new("bad_key", "the private half is not that of the public one")),
            }
        }
        PrivateKey::Rsa(..) => Err(KeyError::new("wrong_algorithm", "the key does not fit its algorithm")),
    }
}

/// Stored as its seed: a key that came in expanded form only cannot be stored, and is refused.
fn pair(pair: PqdsaKeyPair) -> Result<Pair, KeyError> {
    let stored = pair.to_pkcs8v1().map_err(failed("the key has no seed"))?.as_ref().to_vec().into();
    let public = Some(PublicKey::MlDsa(pair.public_key().as_ref().to_vec()));
    Ok(Pair { signer: Arc::new(pair), stored, public })
}

impl Signer for PqdsaKeyPair {
    fn sign(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        let start = out.len();
        out.resize(start + self.algorithm().signature_len(), 0);
        let room = out.get_mut(start..).unwrap_or_default();
        Self::sign(self, message, room).map(drop).map_err(failed("signing failed"))
    }
}

/// The algorithm whose public keys have so many bytes (FIPS 204 4, table 2).
pub(super) fn of_length(public: usize) -> Option<&'static PqdsaSigningAlgorithm> {
    [&ML_DSA_44_SIGNING, &ML_DSA_65_SIGNING, &ML_DSA_87_SIGNING]
        .into_iter()
        .find(|alg| alg.public_key_len() == public)
}
