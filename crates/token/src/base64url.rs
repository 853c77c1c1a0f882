//! base64url without padding, strict: canonical, no padding, no whitespace (RFC 7515 2, RFC 4648 3.5).

use base64_simd::{AsOut, URL_SAFE_NO_PAD};

/// Encodes.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// Encodes to the end of a text.
pub(crate) fn append(bytes: &[u8], text: &mut String) {
    URL_SAFE_NO_PAD.encode_append(bytes, text);
}

/// Decodes; `None` when padded, non-canonical or outside the alphabet.
pub fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}

/// Decodes into the front of `room`; `None` also when it does not suffice.
pub(crate) fn decode_into<'r>(text: &str, room: &'r mut [u8]) -> Option<&'r [u8]> {
    if text.len() / 4 * 3 + 3 > room.len() {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text.as_bytes(), room.as_out()).ok().map(|bytes| &*bytes)
}
