//! Key files: a JWK, a JWK Set or PEM, and what a command makes of them.

use crate::failure::Usage;
use crate::input;
use anyhow::{Context, Result, anyhow, bail};
use countersign_runtime::engine::jwe::{DecryptionKey, EncryptionKey, KeyManagement};
use countersign_runtime::engine::material::Material;
use countersign_runtime::engine::{Algorithm, Jwk, KeySet, SigningKey, VerifyingKey};
use std::path::Path;

/// A signature algorithm by its name.
pub(crate) fn algorithm(name: &str) -> Result<Algorithm> {
    Ok(Algorithm::parse(name)
        .ok_or_else(|| Usage(format!("--alg {name}: no signature algorithm of that name")))?)
}

/// A key management algorithm by its name.
pub(crate) fn key_management(name: &str) -> Result<KeyManagement> {
    Ok(KeyManagement::parse(name)
        .ok_or_else(|| Usage(format!("--alg {name}: no encryption algorithm of that name")))?)
}

/// One key, JWK or PEM.
pub(crate) fn material(path: &Path) -> Result<Material> {
    let text = countersign_runtime::issuer::model::Secret::new(input::text(path)?);
    Material::read(text.expose()).with_context(|| input::shown(path))
}

/// A key that signs. `alg` where the file does not say.
pub(crate) fn signing(path: &Path, alg: Option<&str>) -> Result<SigningKey> {
    let alg = alg.map(algorithm).transpose()?;
    let key = material(path)?;
    // An RSA key of a PEM file says nothing of its algorithm; RS256 is what OpenID Connect takes for granted.
    let alg = alg.or((key.jwk().kty == "RSA").then_some(Algorithm::Rs256));
    let key = key.signing_key(alg).with_context(|| input::shown(path))?;
    Ok(key)
}

/// A key that opens messages. `alg` where the file does not say.
pub(crate) fn opening(path: &Path, alg: Option<&str>) -> Result<DecryptionKey> {
    let key = material(path)?;
    let alg = alg.map(key_management).transpose()?.or_else(|| usual(key.jwk()));
    key.decryption_key(alg).with_context(|| input::shown(path))
}

/// A recipient's key: its public half, or a secret.
pub(crate) fn recipient(path: &Path, alg: Option<&str>) -> Result<EncryptionKey> {
    let key = material(path)?;
    if key.is_secret() {
        return Ok(key.decryption_key(None).with_context(|| input::shown(path))?.encryption_key()?);
    }
    let alg = alg.map(key_management).transpose()?.or_else(|| usual(key.jwk()));
    // A private key's own operations are not the sender's.
    let jwk = Jwk { key_ops: key.jwk().key_ops.clone().filter(|_| !key.is_private()), ..key.jwk().clone() };
    EncryptionKey::from_jwk(&jwk, alg).with_context(|| input::shown(path))
}

/// What an RSA key is for when it says nothing: there is one such algorithm here.
fn usual(jwk: &Jwk) -> Option<KeyManagement> {
    (jwk.kty == "RSA").then_some(KeyManagement::RsaOaep256)
}

/// Keys that verify: a JWK Set, or one key, public or private.
pub(crate) fn verifying(path: &Path, alg: Option<&str>) -> Result<KeySet> {
    let text = countersign_runtime::issuer::model::Secret::new(input::text(path)?);
    let alg = alg.map(algorithm).transpose()?;
    let named = || input::shown(path);
    let is_set = serde_json::from_str::<serde_json::Value>(text.expose())
        .is_ok_and(|document| document.get("keys").is_some());
    if is_set {
        let (keys, left_out) = KeySet::from_jwks(text.expose().as_bytes()).with_context(named)?;
        if keys.is_empty() {
            let why = left_out.first().map_or("it is empty".to_owned(), ToString::to_string);
            bail!("no_key: {} has no key that verifies: {why}", named());
        }
        return Ok(keys);
    }
    let key = Material::read(text.expose()).with_context(named)?;
    let rsa = (key.jwk().kty == "RSA").then_some(Algorithm::Rs256);
    let key = if key.is_private() {
        key.signing_key(alg.or(rsa)).with_context(named)?.verifying_key()?
    } else {
        VerifyingKey::from_jwk(key.jwk(), alg.or(rsa)).with_context(named)?
    };
    Ok(KeySet::new([key]))
}

/// The algorithms of a set's keys.
pub(crate) fn algorithms(keys: &KeySet) -> Result<Vec<Algorithm>> {
    let mut all: Vec<_> = keys.iter().map(VerifyingKey::algorithm).collect();
    all.dedup();
    if all.is_empty() { Err(anyhow!("no_key: no key to verify with")) } else { Ok(all) }
}
