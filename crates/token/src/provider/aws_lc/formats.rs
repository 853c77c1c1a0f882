//! aws-lc-rs behind the provider trait: key formats.
//!
//! Private keys are parsed by aws-lc-rs; read here is only what it wrote itself. A public key is taken out
//! of its envelope here, and checked where it is used.

use super::{AwsLc, failed, rejected, rsa_of, rsa_public};
use crate::KeyError;
use crate::algorithm::Curve;
use crate::jwe::Exchange;
use crate::provider::der::{element, written};
use crate::provider::formats::{Formats, Halves, PrivateForm};
use crate::provider::jwe::{Cipher, Secret};
use crate::provider::{PrivateKey, PublicKey};
use aws_lc_rs::agreement;
use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RsaKeyPair};

/// What an `AlgorithmIdentifier` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    Ec(Curve),
    Ed25519,
    X25519,
    /// With the bytes of its public key.
    MlDsa(usize),
}

/// Content of each `AlgorithmIdentifier` (RFC 8017 A.1, RFC 5480 2.1.1, RFC 8410 3, RFC 9881 2).
const IDENTIFIERS: [(Kind, &[u8]); 9] = [
    (Kind::Rsa, &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0]),
    (
        Kind::Ec(Curve::P256),
        &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
    ),
    (Kind::Ec(Curve::P384), &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x22]),
    (Kind::Ec(Curve::P521), &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x23]),
    (Kind::Ed25519, &[6, 3, 0x2b, 0x65, 0x70]),
    (Kind::X25519, &[6, 3, 0x2b, 0x65, 0x6e]),
    (Kind::MlDsa(1312), &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 17]),
    (Kind::MlDsa(1952), &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 18]),
    (Kind::MlDsa(2592), &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 19]),
];

impl Kind {
    /// Of an `AlgorithmIdentifier`'s content.
    fn identified(content: &[u8]) -> Result<Self, KeyError> {
        let known = IDENTIFIERS.iter().find(|(_, identifier)| *identifier == content);
        known.map(|(kind, _)| *kind).ok_or_else(|| KeyError::new("unsupported", "another type of key"))
    }

    fn of(key: &PublicKey) -> Option<Self> {
        match key {
            PublicKey::Rsa { .. } => Some(Self::Rsa),
            PublicKey::Ec { x, .. } => {
                Curve::ALL.into_iter().find(|curve| curve.coordinate_bytes() == x.len()).map(Self::Ec)
            }
            PublicKey::Ed25519(_) => Some(Self::Ed25519),
            PublicKey::X25519(_) => Some(Self::X25519),
            PublicKey::MlDsa(key) => Some(Self::MlDsa(key.len())),
        }
    }

    fn identifier(self) -> Option<&'static [u8]> {
        IDENTIFIERS.iter().find(|(kind, _)| *kind == self).map(|(_, identifier)| *identifier)
    }
}

fn malformed(what: &str) -> KeyError {
    KeyError::new("malformed", format!("not a {what}"))
}

const UNSTORED: &str = "the key cannot be stored";

impl Formats for AwsLc {
    fn read_private(&self, form: PrivateForm, der: &[u8]) -> Result<Halves, KeyError> {
        match form {
            PrivateForm::Pkcs1 => rsa_halves(&RsaKeyPair::from_der(der).map_err(rejected)?),
            PrivateForm::Sec1 => {
                let read = |curve| ec_halves(curve, der).ok();
                Curve::ALL.into_iter().find_map(read).ok_or_else(|| malformed("key of a known curve"))
            }
            PrivateForm::Pkcs8 => {
                let identifier = element(0x30, der)
                    .and_then(|(body, _)| element(2, body))
                    .and_then(|(_, body)| element(0x30, body));
                let (identifier, _) = identifier.ok_or_else(|| malformed("PKCS#8 document"))?;
                match Kind::identified(identifier)? {
                    Kind::Rsa => rsa_halves(&RsaKeyPair::from_pkcs8(der).map_err(rejected)?),
                    Kind::Ec(curve) => ec_halves(curve, der),
                    Kind::Ed25519 => ed25519_halves(&Ed25519KeyPair::from_pkcs8(der).map_err(rejected)?),
                    Kind::X25519 => x25519_halves(self, der),
                    Kind::MlDsa(public) => ml_dsa_halves(public, der),
                }
            }
        }
    }

    fn write_private(&self, public: &PublicKey, private: &[Secret]) -> Result<Secret, KeyError> {
        let bytes = |pkcs8: Pkcs8V1Der<'_>| Secret::new(pkcs8.as_ref().to_vec());
        match (public, private) {
            (PublicKey::Rsa { n, e }, [d, p, q, dp, dq, qi]) => {
                let pair = rsa_of(n, e, [d, p, q, dp, dq, qi])?;
                Ok(bytes(pair.as_der().map_err(failed(UNSTORED))?))
            }
            (PublicKey::Ed25519(x), [d]) => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(d, x).map_err(rejected)?;
                Ok(pair.to_pkcs8v1().map_err(failed(UNSTORED))?.as_ref().to_vec().into())
            }
            (PublicKey::X25519(_), [d]) => {
                Ok(self.holder(Exchange::X25519, Some(PrivateKey::Scalar(public, d)))?.stored)
            }
            (PublicKey::Ec { .. }, [d]) => match Kind::of(public) {
                Some(Kind::Ec(curve)) => {
                    Ok(self.holder(Exchange::Ec(curve), Some(PrivateKey::Scalar(public, d)))?.stored)
                }
                _ => Err(malformed("key of a known curve")),
            },
            #[cfg(feature = "ml-dsa")]
            (PublicKey::MlDsa(key), [seed]) => {
                let alg = super::ml_dsa::of_length(key.len()).ok_or_else(|| malformed("key of ML-DSA"))?;
                Ok(super::ml_dsa::private(alg, PrivateKey::Scalar(public, seed))?.stored)
            }
            _ => Err(KeyError::new("unsupported", "the key cannot be written so")),
        }
    }

    fn read_public(&self, der: &[u8]) -> Result<PublicKey, KeyError> {
        let envelope = || malformed("SubjectPublicKeyInfo");
        let (body, rest) = element(0x30, der).ok_or_else(envelope)?;
        let (identifier, body) = element(0x30, body).ok_or_else(envelope)?;
        let (bits, end) = element(3, body).ok_or_else(envelope)?;
        // Of whole bytes.
        let key =
            bits.strip_prefix(&[0]).filter(|_| rest.is_empty() && end.is_empty()).ok_or_else(envelope)?;
        match Kind::identified(identifier)? {
            Kind::Rsa => rsa_public(key).ok_or_else(|| malformed("RSAPublicKey")),
            Kind::Ec(curve) => {
                let point = key.strip_prefix(&[4]).filter(|xy| xy.len() == 2 * curve.coordinate_bytes());
                let point = point.and_then(|xy| xy.split_at_checked(curve.coordinate_bytes()));
                let (x, y) = point.ok_or_else(|| malformed("uncompressed point"))?;
                Ok(PublicKey::Ec { x: x.to_vec(), y: y.to_vec() })
            }
            Kind::Ed25519 if key.len() == 32 => Ok(PublicKey::Ed25519(key.to_vec())),
            Kind::X25519 if key.len() == 32 => Ok(PublicKey::X25519(key.to_vec())),
            Kind::MlDsa(bytes) if key.len() == bytes => Ok(PublicKey::MlDsa(key.to_vec())),
            _ => Err(malformed("key of its type's length")),
        }
    }

    fn write_public(&self, public: &PublicKey) -> Result<Vec<u8>, KeyError> {
        let identifier = Kind::of(public).and_then(Kind::identifier);
        let identifier = identifier.ok_or_else(|| malformed("key of a known type"))?;
        let key = match public {
            PublicKey::Ed25519(x) | PublicKey::X25519(x) | PublicKey::MlDsa(x) => x.clone(),
            PublicKey::Ec { x, y } => super::point(x, y),
            PublicKey::Rsa { n, e } => {
                // An INTEGER whose first bit is set would be negative (X.690 8.3).
                let integer = |i: &[u8]| match i.first() {
                    Some(first) if first & 0x80 != 0 => written(2, &[&[0], i]),
                    _ => written(2, &[i]),
                };
                written(0x30, &[&integer(n), &integer(e)])
            }
        };
        Ok(written(0x30, &[&written(0x30, &[identifier]), &written(3, &[&[0], &key])]))
    }
}

/// Out of `RSAPrivateKey` (RFC 8017 A.1.2), as the provider itself writes it.
fn rsa_halves(pair: &RsaKeyPair) -> Result<Halves, KeyError> {
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(failed(UNSTORED))?;
    let numbers = || -> Option<[&[u8]; 9]> {
        let (mut body, _) = element(0x30, private_octets(pkcs8.as_ref())?)?;
        let mut numbers = [&[][..]; 9];
        for number in &mut numbers {
            let (content, rest) = element(2, body)?;
            (*number, body) = (content.strip_prefix(&[0]).unwrap_or(content), rest);
        }
        Some(numbers)
    };
    let [_, n, e, private @ ..] = numbers().ok_or_else(|| malformed("RSAPrivateKey"))?;
    let public = PublicKey::Rsa { n: n.to_vec(), e: e.to_vec() };
    Ok((public, private.into_iter().map(|part| Secret::new(part.to_vec())).collect()))
}

/// The `privateKey` of a PKCS#8 document.
fn private_octets(pkcs8: &[u8]) -> Option<&[u8]> {
    let (body, _) = element(0x30, pkcs8)?;
    let (_, body) = element(2, body)?;
    let (_, body) = element(0x30, body)?;
    element(4, body).map(|(octets, _)| octets)
}

fn ec_halves(curve: Curve, der: &[u8]) -> Result<Halves, KeyError> {
    let alg = super::jwe::name(Exchange::Ec(curve));
    let key = agreement::PrivateKey::from_private_key_der(alg, der).map_err(rejected)?;
    let d: EcPrivateKeyBin<'_> = key.as_be_bytes().map_err(failed(UNSTORED))?;
    Ok((super::jwe::public(Exchange::Ec(curve), &key)?, vec![d.as_ref().to_vec().into()]))
}

fn ed25519_halves(pair: &Ed25519KeyPair) -> Result<Halves, KeyError> {
    let seed = pair.seed().map_err(failed(UNSTORED))?;
    let seed: Curve25519SeedBin<'_> = seed.as_be_bytes().map_err(failed(UNSTORED))?;
    Ok((PublicKey::Ed25519(pair.public_key().as_ref().to_vec()), vec![seed.as_ref().to_vec().into()]))
}

fn x25519_halves(provider: &AwsLc, der: &[u8]) -> Result<Halves, KeyError> {
    let opening = provider.holder(Exchange::X25519, Some(PrivateKey::Stored(der)))?;
    let scalar = crate::provider::der::x25519_scalar(&opening.stored).unwrap_or_default();
    Ok((opening.public, vec![scalar.to_vec().into()]))
}

#[cfg(not(feature = "ml-dsa"))]
fn ml_dsa_halves(_: usize, _: &[u8]) -> Result<Halves, KeyError> {
    Err(KeyError::new("unsupported", "built without ML-DSA"))
}

/// The seed is the content of the context tag 0 (RFC 9881 6).
#[cfg(feature = "ml-dsa")]
fn ml_dsa_halves(public: usize, der: &[u8]) -> Result<Halves, KeyError> {
    let alg = super::ml_dsa::of_length(public).ok_or_else(|| malformed("key of ML-DSA"))?;
    let pair = super::ml_dsa::private(alg, PrivateKey::Stored(der))?;
    let seed = private_octets(&pair.stored).and_then(|octets| element(0x80, octets));
    let (seed, _) = seed.ok_or_else(|| malformed("seed"))?;
    let public = pair.public.ok_or_else(|| malformed("key of ML-DSA"))?;
    Ok((public, vec![seed.to_vec().into()]))
}
