//! Randomness for made-up secrets, PKCE and sessions of the sample services.

use anyhow::{Result, anyhow};
use countersign_token::base64url;

/// Random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow!("no randomness"))?;
    Ok(bytes)
}

/// A secret of 256 bits, in base64url.
pub(crate) fn secret() -> Result<String> {
    Ok(base64url::encode(bytes::<32>()?))
}

/// A short name that was never used before: lower-case letters and digits.
pub(crate) fn name() -> Result<String> {
    Ok(bytes::<5>()?.iter().map(|b| format!("{b:02x}")).collect())
}

/// A password a person can read off the page and type.
pub(crate) fn password() -> Result<String> {
    let name = name()?;
    let (left, right) = name.split_at(5);
    Ok(format!("lantern-{left}-quarry-{right}"))
}

/// A PKCE pair (RFC 7636 4.1, 4.2): verifier and S256 challenge.
pub(crate) fn pkce() -> Result<(String, String)> {
    let verifier = secret()?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    let challenge = base64url::encode(digest);
    Ok((verifier, challenge))
}
