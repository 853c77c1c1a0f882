//! aws-lc-rs behind the provider trait: JWE.

use super::{AwsLc, failed, point, rejected, rsa_of, rsa_public};
use crate::KeyError;
use crate::algorithm::Curve;
use crate::jwe::{ContentEncryption, Exchange};
use crate::provider::der;
use crate::provider::jwe::{Cipher, Holder, Opening, Peer, Sealed, Secret, Unwrap, Wrap};
use crate::provider::{PrivateKey, PublicKey};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ParsedPublicKey, UnparsedPublicKey};
use aws_lc_rs::cipher::{
    DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, Pkcs8V1Der};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap};
use aws_lc_rs::rsa::{
    KeyPair as RsaKeyPair, KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{KeyPair, RsaPublicKeyComponents};
use aws_lc_rs::{cipher, hmac, rand};
use std::sync::Arc;

const NO_FIT: &str = "the key does not fit its algorithm";

fn no_fit() -> KeyError {
    KeyError::new("wrong_algorithm", NO_FIT)
}

impl Cipher for AwsLc {
    fn random(&self, room: &mut [u8]) -> Result<(), KeyError> {
        rand::fill(room).map_err(failed("no randomness"))
    }

    fn wrap(&self, key: &PublicKey) -> Result<Arc<dyn Wrap>, KeyError> {
        let PublicKey::Rsa { n, e } = key else { return Err(no_fit()) };
        let key: PublicEncryptingKey = RsaPublicKeyComponents { n, e }.try_into().map_err(rejected)?;
        Ok(Arc::new(OaepPublicEncryptingKey::new(key).map_err(rejected)?))
    }

    fn unwrap(&self, key: Option<PrivateKey<'_>>) -> Result<Opening<dyn Unwrap>, KeyError> {
        let stored = |pair: RsaKeyPair| -> Result<Secret, KeyError> {
            Ok(pair.as_der().map_err(failed("the key cannot be stored"))?.as_ref().to_vec().into())
        };
        let stored: Secret = match key {
            None => stored(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed("no RSA key"))?)?,
            Some(PrivateKey::Stored(pkcs8)) => pkcs8.to_vec().into(),
            Some(PrivateKey::Rsa(PublicKey::Rsa { n, e }, parts)) => stored(rsa_of(n, e, parts)?)?,
            Some(_) => return Err(no_fit()),
        };
        let pair = RsaKeyPair::from_pkcs8(&stored).map_err(rejected)?;
        let public = rsa_public(pair.public_key().as_ref())
            .ok_or_else(|| KeyError::new("provider", "the public key is not an RSAPublicKey"))?;
        let key = PrivateDecryptingKey::from_pkcs8(&stored).map_err(rejected)?;
        Ok(Opening { key: Arc::new(OaepPrivateDecryptingKey::new(key).map_err(rejected)?), stored, public })
    }

    fn peer(&self, curve: Exchange, key: &PublicKey) -> Result<Arc<dyn Peer>, KeyError> {
        let bytes = raw(curve, key).ok_or_else(no_fit)?;
        let parsed =
            ParsedPublicKey::try_from(UnparsedPublicKey::new(name(curve), bytes)).map_err(rejected)?;
        Ok(Arc::new(Recipient(curve, parsed)))
    }

    fn holder(&self, curve: Exchange, key: Option<PrivateKey<'_>>) -> Result<Opening<dyn Holder>, KeyError> {
        let alg = name(curve);
        let (key, due) = match key {
            None => (agreement::PrivateKey::generate(alg).map_err(failed("no key for agreements"))?, None),
            Some(PrivateKey::Scalar(public, d)) => {
                (agreement::PrivateKey::from_private_key(alg, d).map_err(rejected)?, Some(public))
            }
            Some(PrivateKey::Stored(pkcs8)) if curve == Exchange::X25519 => {
                let d = der::x25519_scalar(pkcs8).ok_or_else(no_fit)?;
                (agreement::PrivateKey::from_private_key(alg, d).map_err(rejected)?, None)
            }
            Some(PrivateKey::Stored(pkcs8)) => {
                (agreement::PrivateKey::from_private_key_der(alg, pkcs8).map_err(rejected)?, None)
            }
            Some(PrivateKey::Rsa(..)) => return Err(no_fit()),
        };
        let public = public(curve, &key)?;
        if due.is_some_and(|due| *due != public) {
            return Err(KeyError::new("bad_key", "the private half is not that of the public one"));
        }
        let unstored = "the key cannot be stored";
        let stored: Secret = match curve {
            Exchange::X25519 => {
                let d: Curve25519SeedBin<'_> = key.as_be_bytes().map_err(failed(unstored))?;
                der::x25519_pkcs8(d.as_ref())
            }
            Exchange::Ec(_) => {
                let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(failed(unstored))?;
                pkcs8.as_ref().to_vec().into()
            }
        };
        Ok(Opening { key: Arc::new(Own(curve, key)), stored, public })
    }

    fn derive(&self, secret: &[u8], info: &[u8], bytes: usize) -> Result<Secret, KeyError> {
        let sha256 = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256)
            .ok_or_else(|| KeyError::new("provider", "no key derivation by SHA-256"))?;
        let mut out = Secret::new(vec![0; bytes]);
        sskdf_digest(sha256, secret, info, &mut out).map_err(failed("key derivation failed"))?;
        Ok(out)
    }

    fn wrap_aes(&self, by: &[u8], key: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut out = vec![0; key.len() + 8];
        let kek = AesKek::new(&AES_256, by).map_err(failed("not a key for AES-256"))?;
        kek.wrap(key, &mut out).map_err(failed("key wrap failed"))?;
        Ok(out)
    }

    fn unwrap_aes(&self, by: &[u8], wrapped: &[u8]) -> Option<Secret> {
        let mut out = Secret::new(vec![0; wrapped.len().checked_sub(8)?]);
        AesKek::new(&AES_256, by).ok()?.unwrap(wrapped, &mut out).ok()?;
        Some(out)
    }

    fn encrypt(
        &self,
        enc: ContentEncryption,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        text: &[u8],
    ) -> Result<Sealed, KeyError> {
        match enc {
            ContentEncryption::A256Gcm => gcm(&AES_256_GCM, key, iv, aad, text),
            ContentEncryption::A128Gcm => gcm(&AES_128_GCM, key, iv, aad, text),
            ContentEncryption::A128CbcHs256 => cbc_hmac(key, iv, aad, text),
        }
        .ok_or_else(|| KeyError::new("provider", "encryption failed"))
    }

    fn decrypt(
        &self,
        enc: ContentEncryption,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        sealed: (&[u8], &[u8]),
    ) -> Option<Secret> {
        match enc {
            ContentEncryption::A256Gcm => open_gcm(&AES_256_GCM, key, iv, aad, sealed),
            ContentEncryption::A128Gcm => open_gcm(&AES_128_GCM, key, iv, aad, sealed),
            ContentEncryption::A128CbcHs256 => open_cbc_hmac(key, iv, aad, sealed),
        }
    }
}

impl Wrap for OaepPublicEncryptingKey {
    fn wrap(&self, key: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut out = vec![0; self.ciphertext_size()];
        self.encrypt(&OAEP_SHA256_MGF1SHA256, key, &mut out, None).map_err(failed("key wrap failed"))?;
        Ok(out)
    }
}

impl Unwrap for OaepPrivateDecryptingKey {
    fn unwrap(&self, wrapped: &[u8]) -> Option<Secret> {
        if wrapped.len() != self.key_size_bytes() {
            return None;
        }
        let mut room = Secret::new(vec![0; self.min_output_size()]);
        let bytes = self.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut room, None).ok()?.len();
        room.truncate(bytes);
        Some(room)
    }
}

pub(super) fn name(curve: Exchange) -> &'static agreement::Algorithm {
    match curve {
        Exchange::Ec(Curve::P256) => &agreement::ECDH_P256,
        Exchange::Ec(Curve::P384) => &agreement::ECDH_P384,
        Exchange::Ec(Curve::P521) => &agreement::ECDH_P521,
        Exchange::X25519 => &agreement::X25519,
    }
}

/// The form the provider reads: SEC 1 uncompressed, or the 32 bytes.
fn raw(curve: Exchange, key: &PublicKey) -> Option<Vec<u8>> {
    match (curve, key) {
        (Exchange::Ec(curve), PublicKey::Ec { x, y })
            if [x.len(), y.len()] == [curve.coordinate_bytes(); 2] =>
        {
            Some(point(x, y))
        }
        (Exchange::X25519, PublicKey::X25519(x)) if x.len() == 32 => Some(x.clone()),
        _ => None,
    }
}

pub(super) fn public(curve: Exchange, key: &agreement::PrivateKey) -> Result<PublicKey, KeyError> {
    let public = key.compute_public_key().map_err(failed("no public half"))?;
    match curve {
        Exchange::X25519 => Ok(PublicKey::X25519(public.as_ref().to_vec())),
        Exchange::Ec(curve) => public
            .as_ref()
            .get(1..)
            .and_then(|xy| xy.split_at_checked(curve.coordinate_bytes()))
            .map(|(x, y)| PublicKey::Ec { x: x.to_vec(), y: y.to_vec() })
            .ok_or_else(|| KeyError::new("provider", "the public key is not an uncompressed point")),
    }
}

struct Recipient(Exchange, ParsedPublicKey);

impl Peer for Recipient {
    fn agree(&self) -> Result<(PublicKey, Secret), KeyError> {
        let own = agreement::PrivateKey::generate(name(self.0)).map_err(failed("no key for agreements"))?;
        let secret = agreement::agree(&own, self.1.clone(), (), |secret| Ok(secret.to_vec().into()));
        Ok((public(self.0, &own)?, secret.map_err(failed("agreement failed"))?))
    }
}

struct Own(Exchange, agreement::PrivateKey);

impl Holder for Own {
    fn agree(&self, sender: &PublicKey) -> Option<Secret> {
        let sender = UnparsedPublicKey::new(name(self.0), raw(self.0, sender)?);
        agreement::agree(&self.1, sender, (), |secret| Ok(secret.to_vec().into())).ok()
    }
}

fn gcm(alg: &'static Algorithm, key: &[u8], iv: &[u8], aad: &[u8], text: &[u8]) -> Option<Sealed> {
    let key = LessSafeKey::new(UnboundKey::new(alg, key).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(iv).ok()?;
    let mut text = text.to_vec();
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut text).ok()?;
    Some((text, tag.as_ref().try_into().ok()?))
}

fn open_gcm(
    alg: &'static Algorithm,
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    (text, tag): (&[u8], &[u8]),
) -> Option<Secret> {
    let key = LessSafeKey::new(UnboundKey::new(alg, key).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(iv).ok()?;
    let mut out = Secret::new(vec![0; text.len()]);
    key.open_separate_gather(nonce, Aad::from(aad), text, tag, &mut out).ok()?;
    Some(out)
}

/// RFC 7518 5.2.2.1: the first half of the key is the MAC's, the second the cipher's.
fn halves(key: &[u8]) -> Option<(hmac::Key, UnboundCipherKey)> {
    let (mac, cipher) = key.split_at_checked(16)?;
    Some((hmac::Key::new(hmac::HMAC_SHA256, mac), UnboundCipherKey::new(&cipher::AES_128, cipher).ok()?))
}

/// RFC 7518 5.2.2.1, step 5 and 6: over associated data, IV, ciphertext and the bits of the first.
fn cbc_tag(key: &hmac::Key, iv: &[u8], aad: &[u8], text: &[u8]) -> Option<[u8; 16]> {
    let bits = u64::try_from(aad.len()).ok()?.checked_mul(8)?;
    let mut mac = hmac::Context::with_key(key);
    for part in [aad, iv, text, &bits.to_be_bytes()] {
        mac.update(part);
    }
    mac.sign().as_ref().first_chunk().copied()
}

fn cbc_hmac(key: &[u8], iv: &[u8], aad: &[u8], text: &[u8]) -> Option<Sealed> {
    let (mac, key) = halves(key)?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).ok()?;
    let mut text = text.to_vec();
    let context = EncryptionContext::Iv128(FixedLength::from(<&[u8; 16]>::try_from(iv).ok()?));
    key.less_safe_encrypt(&mut text, context).ok()?;
    let tag = cbc_tag(&mac, iv, aad, &text)?;
    Some((text, tag))
}

fn open_cbc_hmac(key: &[u8], iv: &[u8], aad: &[u8], (text, tag): (&[u8], &[u8])) -> Option<Secret> {
    let (mac, key) = halves(key)?;
    verify_slices_are_equal(&cbc_tag(&mac, iv, aad, text)?, tag).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let context = DecryptionContext::Iv128(FixedLength::from(<&[u8; 16]>::try_from(iv).ok()?));
    let mut room = Secret::new(text.to_vec());
    let bytes = key.decrypt(&mut room, context).ok()?.len();
    room.truncate(bytes);
    Some(room)
}
