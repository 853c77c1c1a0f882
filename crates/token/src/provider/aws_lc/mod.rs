//! aws-lc-rs behind the provider trait.

mod formats;
mod jwe;
#[cfg(feature = "ml-dsa")]
mod ml_dsa;

use super::der::element;
use super::{Pair, PrivateKey, Provider, PublicKey, Signer, Verifier};
use crate::algorithm::{Curve, KeyType};
use crate::{Algorithm, KeyError};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self as sig, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, ParsedPublicKey, RsaKeyPair,
    RsaPublicKeyComponents, RsaSignatureEncoding, VerificationAlgorithm,
};
use aws_lc_rs::{digest, hmac, rand, rsa};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The default provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsLc;

/// aws-lc-rs's name for an algorithm.
#[derive(Clone, Copy)]
enum Names {
    Ed25519,
    Ecdsa(&'static EcdsaSigningAlgorithm, &'static dyn VerificationAlgorithm),
    Rsa(&'static RsaSignatureEncoding, &'static sig::RsaParameters),
    Hmac(hmac::Algorithm),
    #[cfg(feature = "ml-dsa")]
    MlDsa(&'static sig::PqdsaSigningAlgorithm, &'static sig::PqdsaVerificationAlgorithm),
}

fn names(alg: Algorithm) -> Names {
    use Algorithm as A;
    match alg {
        A::Ed25519 => Names::Ed25519,
        A::Es256 => Names::Ecdsa(&sig::ECDSA_P256_SHA256_FIXED_SIGNING, &sig::ECDSA_P256_SHA256_FIXED),
        A::Es384 => Names::Ecdsa(&sig::ECDSA_P384_SHA384_FIXED_SIGNING, &sig::ECDSA_P384_SHA384_FIXED),
        A::Es512 => Names::Ecdsa(&sig::ECDSA_P521_SHA512_FIXED_SIGNING, &sig::ECDSA_P521_SHA512_FIXED),
        A::Rs256 => Names::Rsa(&sig::RSA_PKCS1_SHA256, &sig::RSA_PKCS1_2048_8192_SHA256),
        A::Rs384 => Names::Rsa(&sig::RSA_PKCS1_SHA384, &sig::RSA_PKCS1_2048_8192_SHA384),
        A::Rs512 => Names::Rsa(&sig::RSA_PKCS1_SHA512, &sig::RSA_PKCS1_2048_8192_SHA512),
        A::Ps256 => Names::Rsa(&sig::RSA_PSS_SHA256, &sig::RSA_PSS_2048_8192_SHA256),
        A::Ps384 => Names::Rsa(&sig::RSA_PSS_SHA384, &sig::RSA_PSS_2048_8192_SHA384),
        A::Ps512 => Names::Rsa(&sig::RSA_PSS_SHA512, &sig::RSA_PSS_2048_8192_SHA512),
        A::Hs256 => Names::Hmac(hmac::HMAC_SHA256),
        A::Hs384 => Names::Hmac(hmac::HMAC_SHA384),
        A::Hs512 => Names::Hmac(hmac::HMAC_SHA512),
        #[cfg(feature = "ml-dsa")]
        A::MlDsa44 => Names::MlDsa(&sig::ML_DSA_44_SIGNING, &sig::ML_DSA_44),
        #[cfg(feature = "ml-dsa")]
        A::MlDsa65 => Names::MlDsa(&sig::ML_DSA_65_SIGNING, &sig::ML_DSA_65),
        #[cfg(feature = "ml-dsa")]
        A::MlDsa87 => Names::MlDsa(&sig::ML_DSA_87_SIGNING, &sig::ML_DSA_87),
    }
}

fn failed<E>(detail: &'static str) -> impl FnOnce(E) -> KeyError {
    move |_| KeyError::new("provider", detail)
}

fn rejected<E: std::fmt::Display>(cause: E) -> KeyError {
    KeyError::new("bad_key", format!("the provider refuses the key: {cause}"))
}

impl Provider for AwsLc {
    fn generate(&self, alg: Algorithm) -> Result<Pair, KeyError> {
        match names(alg) {
            Names::Ed25519 => ed25519(Ed25519KeyPair::generate().map_err(failed("no Ed25519 key"))?),
            Names::Ecdsa(signing, _) => {
                ecdsa(alg, EcdsaKeyPair::generate(signing).map_err(failed("no ECDSA key"))?)
            }
            Names::Rsa(encoding, _) => {
                rsa_pair(encoding, RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed("no RSA key"))?)
            }
            Names::Hmac(hash) => {
                let mut secret = Zeroizing::new(vec![0; hash.tag_len()]);
                rand::fill(&mut secret).map_err(failed("no randomness"))?;
                Ok(shared(hash, secret))
            }
            #[cfg(feature = "ml-dsa")]
            Names::MlDsa(signing, _) => ml_dsa::generate(signing),
        }
    }

    fn private(&self, alg: Algorithm, key: PrivateKey<'_>) -> Result<Pair, KeyError> {
        match (names(alg), key) {
            (Names::Ed25519, PrivateKey::Stored(pkcs8)) => {
                ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(rejected)?)
            }
            (Names::Ed25519, PrivateKey::Scalar(PublicKey::Ed25519(x), d)) => {
                ed25519(Ed25519KeyPair::from_seed_and_public_key(d, x).map_err(rejected)?)
            }
            (Names::Ecdsa(signing, _), PrivateKey::Stored(pkcs8)) => {
                ecdsa(alg, EcdsaKeyPair::from_pkcs8(signing, pkcs8).map_err(rejected)?)
            }
            (Names::Ecdsa(signing, _), PrivateKey::Scalar(PublicKey::Ec { x, y }, d)) => ecdsa(
                alg,
                EcdsaKeyPair::from_private_key_and_public_key(signing, d, &point(x, y)).map_err(rejected)?,
            ),
            (Names::Rsa(encoding, _), PrivateKey::Stored(pkcs8)) => {
                rsa_pair(encoding, RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?)
            }
            (Names::Rsa(encoding, _), PrivateKey::Rsa(PublicKey::Rsa { n, e }, parts)) => {
                rsa_pair(encoding, rsa_of(n, e, parts)?)
            }
            (Names::Hmac(hash), PrivateKey::Stored(secret)) => {
                Ok(shared(hash, Zeroizing::new(secret.to_vec())))
            }
            #[cfg(feature = "ml-dsa")]
            (Names::MlDsa(signing, _), key) => ml_dsa::private(signing, key),
            _ => Err(KeyError::new("wrong_algorithm", "the key does not fit its algorithm")),
        }
    }

    fn public(&self, alg: Algorithm, key: &PublicKey) -> Result<Arc<dyn Verifier>, KeyError> {
        let parsed = match (names(alg), key) {
            (Names::Ed25519, PublicKey::Ed25519(x)) => {
                ParsedPublicKey::new(&sig::ED25519, x).map_err(rejected)?
            }
            (Names::Ecdsa(_, verification), PublicKey::Ec { x, y }) => {
                ParsedPublicKey::new(verification, point(x, y)).map_err(rejected)?
            }
            (Names::Rsa(_, parameters), PublicKey::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).map_err(rejected)?
            }
            #[cfg(feature = "ml-dsa")]
            (Names::MlDsa(_, verification), PublicKey::MlDsa(key)) => {
                ParsedPublicKey::new(verification, key).map_err(rejected)?
            }
            _ => return Err(KeyError::new("wrong_algorithm", "the key does not fit its algorithm")),
        };
        Ok(Arc::new(Public(parsed)))
    }

    fn secret(&self, alg: Algorithm, secret: &[u8]) -> Result<Arc<dyn Verifier>, KeyError> {
        match names(alg) {
            Names::Hmac(hash) => Ok(Arc::new(Shared(hmac::Key::new(hash, secret)))),
            _ => Err(KeyError::new("wrong_algorithm", "a secret only fits HMAC")),
        }
    }

    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(digest::digest(&digest::SHA256, data).as_ref()) {
            *to = *from;
        }
        out
    }
}

struct Public(ParsedPublicKey);

impl Verifier for Public {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

struct Shared(hmac::Key);

impl Verifier for Shared {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.0, message, signature).is_ok()
    }
}

impl Signer for Shared {
    fn sign(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        out.extend_from_slice(hmac::sign(&self.0, message).as_ref());
        Ok(())
    }
}

impl Signer for Ed25519KeyPair {
    fn sign(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        out.extend_from_slice(self.try_sign(message).map_err(failed("signing failed"))?.as_ref());
        Ok(())
    }
}

impl Signer for EcdsaKeyPair {
    fn sign(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        let made = Self::sign(self, &rand::SystemRandom::new(), message).map_err(failed("signing failed"))?;
        out.extend_from_slice(made.as_ref());
        Ok(())
    }
}

struct Rsa(RsaKeyPair, &'static RsaSignatureEncoding);

impl Signer for Rsa {
    fn sign(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        let start = out.len();
        out.resize(start + self.0.public_modulus_len(), 0);
        let room = out.get_mut(start..).unwrap_or_default();
        self.0.sign(self.1, &rand::SystemRandom::new(), message, room).map_err(failed("signing failed"))
    }
}

/// SEC 1 2.3.3, uncompressed.
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

fn ed25519(pair: Ed25519KeyPair) -> Result<Pair, KeyError> {
    let stored = pair.to_pkcs8v1().map_err(failed("the key cannot be stored"))?.as_ref().to_vec().into();
    let public = Some(PublicKey::Ed25519(pair.public_key().as_ref().to_vec()));
    Ok(Pair { signer: Arc::new(pair), stored, public })
}

fn ecdsa(alg: Algorithm, pair: EcdsaKeyPair) -> Result<Pair, KeyError> {
    let stored = pair.to_pkcs8v1().map_err(failed("the key cannot be stored"))?.as_ref().to_vec().into();
    let bytes = match alg.key_type() {
        KeyType::Ec(curve) => curve.coordinate_bytes(),
        _ => Curve::P256.coordinate_bytes(),
    };
    let (x, y) = pair
        .public_key()
        .as_ref()
        .get(1..)
        .and_then(|xy| xy.split_at_checked(bytes))
        .ok_or_else(|| KeyError::new("provider", "the public key is not an uncompressed point"))?;
    let public = Some(PublicKey::Ec { x: x.to_vec(), y: y.to_vec() });
    Ok(Pair { signer: Arc::new(pair), stored, public })
}

fn rsa_pair(encoding: &'static RsaSignatureEncoding, pair: RsaKeyPair) -> Result<Pair, KeyError> {
    let stored = pair.as_der().map_err(failed("the key cannot be stored"))?.as_ref().to_vec().into();
    let public = rsa_public(pair.public_key().as_ref())
        .ok_or_else(|| KeyError::new("provider", "the public key is not an RSAPublicKey"))?;
    Ok(Pair { signer: Arc::new(Rsa(pair, encoding)), stored, public: Some(public) })
}

fn rsa_of(n: &[u8], e: &[u8], [d, p, q, dp, dq, qi]: [&[u8]; 6]) -> Result<RsaKeyPair, KeyError> {
    let parts = rsa::KeyPairComponents {
        public_key: RsaPublicKeyComponents { n, e },
        d,
        p,
        q,
        dP: dp,
        dQ: dq,
        qInv: qi,
    };
    RsaKeyPair::from_components(&parts).map_err(rejected)
}

fn shared(hash: hmac::Algorithm, secret: Zeroizing<Vec<u8>>) -> Pair {
    let key = hmac::Key::new(hash, &secret);
    Pair { signer: Arc::new(Shared(key)), stored: secret, public: None }
}

/// `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017 A.1.1), as the
/// provider itself writes it.
fn rsa_public(der: &[u8]) -> Option<PublicKey> {
    let (body, rest) = element(0x30, der)?;
    let (n, body) = element(0x02, body)?;
    let (e, end) = element(0x02, body)?;
    let trim = |i: &[u8]| i.strip_prefix(&[0]).unwrap_or(i).to_vec();
    (rest.is_empty() && end.is_empty()).then(|| PublicKey::Rsa { n: trim(n), e: trim(e) })
}
