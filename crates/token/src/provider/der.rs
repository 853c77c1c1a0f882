//! The few DER structures (X.690) that keys are kept in, where the provider has no reader or writer.

use super::jwe::Secret;

/// One element of the tag: its content and what follows.
pub(crate) fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, der) = der.split_first()?;
    let (&short, der) = der.split_first()?;
    let (len, der) = if short < 0x80 {
        (usize::from(short), der)
    } else {
        let (long, der) = der.split_at_checked(usize::from(short & 0x7f)).filter(|(l, _)| l.len() <= 3)?;
        (long.iter().fold(0, |len, b| len << 8 | usize::from(*b)), der)
    };
    (first == tag).then_some(())?;
    der.split_at_checked(len)
}

/// `OneAsymmetricKey` of X25519 up to the 32 bytes (RFC 8410 7, version 1).
const X25519_PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20];

/// The scalar in a PKCS#8 document that holds nothing else.
pub(crate) fn x25519_scalar(pkcs8: &[u8]) -> Option<&[u8]> {
    pkcs8.strip_prefix(&X25519_PKCS8).filter(|scalar| scalar.len() == 32)
}

/// The scalar as PKCS#8.
pub(crate) fn x25519_pkcs8(scalar: &[u8]) -> Secret {
    let mut out = Secret::new(Vec::with_capacity(X25519_PKCS8.len() + scalar.len()));
    out.extend_from_slice(&X25519_PKCS8);
    out.extend_from_slice(scalar);
    out
}

/// An element of the tag.
pub(crate) fn written(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let bytes: usize = content.iter().map(|part| part.len()).sum();
    let long = bytes.to_be_bytes();
    let digits: Vec<u8> = long.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match u8::try_from(bytes) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or_default());
            out.extend(digits);
        }
    }
    out.extend(content.iter().copied().flatten());
    out
}
