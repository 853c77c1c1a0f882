//! Sealing under the master key: rows at rest (envelope), blobs handed to browsers, form tokens.
//!
//! One purpose, one derived key. Everything sealed begins with a format version, so that a later format can
//! be read beside this one.

use crate::error::{Failure, Result};
use crate::model::{Digest, EventLink, Sealed, Secret};
use crate::port::Entropy;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use countersign_token::{Timestamp, base64url};
use std::fmt;
use zeroize::Zeroizing;

/// The one format so far, of rows and of blobs.
const FORMAT: u8 = 1;
/// A wrapped row key: 32 bytes and the tag.
const WRAPPED: usize = 32 + 16;
/// Random bytes a blob's own key is derived from; the nonce follows.
const BLOB_SALT: usize = 16;
/// Longest text of a blob that is looked at, in bytes.
const BLOB_MAX: usize = 64 * 1024;

type Key = Zeroizing<[u8; 32]>;

/// Holds the master key. One purpose, one derived key (HKDF-SHA-256).
#[derive(Clone)]
pub struct Sealer {
    /// HKDF's pseudo-random key.
    prk: hmac::Key,
    /// Wraps row keys.
    row: Key,
    form: hmac::Key,
    client: hmac::Key,
    mark: hmac::Key,
    code: hmac::Key,
    device: hmac::Key,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

/// Links the event log: the store has it, and can link what it writes. Whoever can write the store's file but
/// has no master key can link nothing.
#[derive(Clone)]
pub struct LogKey(hmac::Key);

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogKey(..)")
    }
}

impl LogKey {
    /// The link of an event after the one of link `before` (`None`: the first). HMAC-SHA-256 over `before`,
    /// position, time and fields, each with its length, so that no two logs read the same.
    pub fn link(
        &self,
        before: Option<&EventLink>,
        seq: i64,
        at: Timestamp,
        fields: [Option<&[u8]>; 7],
    ) -> EventLink {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(before.map_or(&[0; 32], |link| &link.0));
        context.update(&seq.to_be_bytes());
        context.update(&at.millis().to_be_bytes());
        for field in fields {
            match field {
                None => context.update(&[0]),
                Some(bytes) => {
                    context.update(&[1]);
                    context.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
                    context.update(bytes);
                }
            }
        }
        let mut out = [0; 32];
        out.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        EventLink(out)
    }
}

/// The store or the limiter sees this instead of what somebody typed; without the master key it cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark(pub(crate) [u8; 16]);

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mark(..)")
    }
}

impl Sealer {
    /// From the 32 bytes of the master key.
    pub fn new(master: Zeroizing<[u8; 32]>) -> Self {
        // RFC 5869 2.2: extract, with a salt of our own.
        let salt = hmac::Key::new(hmac::HMAC_SHA256, b"countersign master key 1");
        let prk = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&salt, master.as_slice()).as_ref());
        let mac = |purpose| hmac::Key::new(hmac::HMAC_SHA256, expand(&prk, &[purpose]).as_slice());
        Self {
            row: expand(&prk, &[b"row"]),
            form: mac(b"form token"),
            client: mac(b"client secret"),
            mark: mac(b"mark"),
            code: mac(b"one-time code"),
            device: mac(b"known device"),
            prk,
        }
    }

    /// What links the event log.
    pub fn log_key(&self) -> LogKey {
        LogKey(hmac::Key::new(hmac::HMAC_SHA256, expand(&self.prk, &[b"event log"]).as_slice()))
    }

    /// Seals a row's secret: AES-256-GCM under a row key wrapped by the master key; `identity` (table and
    /// row id) is additional data, so a sealed value cannot be moved to another row.
    pub fn seal(&self, identity: &str, plain: &[u8], entropy: &dyn Entropy) -> Result<Sealed> {
        let row: Key = Zeroizing::new(entropy.bytes());
        let seal = || -> Result<Vec<u8>, Unspecified> {
            let mut out = vec![FORMAT];
            for (key, text) in [(&self.row, row.as_slice()), (&row, plain)] {
                let nonce: [u8; NONCE_LEN] = entropy.bytes();
                out.extend_from_slice(&nonce);
                out.append(&mut encrypt(key, nonce, identity.as_bytes(), text.to_vec())?);
            }
            Ok(out)
        };
        match seal() {
            Ok(bytes) => Ok(Sealed(bytes)),
            Err(Unspecified) => Err(Failure::Bug(format!("sealing {identity} failed"))),
        }
    }

    /// Opens it; `None`: another master key, another row, or altered.
    pub fn open(&self, identity: &str, sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        let rest = sealed.0.strip_prefix(&[FORMAT])?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        let (wrapped, rest) = rest.split_first_chunk::<WRAPPED>()?;
        let row = decrypt(&self.row, *nonce, identity.as_bytes(), wrapped)?;
        let row: Key = Zeroizing::new(row.as_slice().try_into().ok()?);
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
        decrypt(&row, *nonce, identity.as_bytes(), text)
    }

    /// Seals a typed blob for a browser, bound to `binding` (the flow cookie's value), base64url.
    ///
    /// Every blob has a key of its own, derived from 16 random bytes in it, so that the number of blobs is
    /// not limited by the collision bound of random nonces under one key.
    pub fn blob(
        &self,
        purpose: &'static str,
        binding: &str,
        made_at: Timestamp,
        plain: &[u8],
        entropy: &dyn Entropy,
    ) -> String {
        let salt: [u8; BLOB_SALT] = entropy.bytes();
        let nonce: [u8; NONCE_LEN] = entropy.bytes();
        let mut text = made_at.millis().to_be_bytes().to_vec();
        text.extend_from_slice(plain);
        let key = self.blob_key(purpose, &salt);
        // Encryption fails for texts beyond 64 GiB only; an empty blob opens nowhere.
        let Ok(mut sealed) = encrypt(&key, nonce, binding.as_bytes(), text) else {
            return String::new();
        };
        let mut out = vec![FORMAT];
        out.extend_from_slice(&salt);
        out.extend_from_slice(&nonce);
        out.append(&mut sealed);
        base64url::encode(out)
    }

    /// Opens a blob of that purpose and binding; answers when it was made, for the caller to judge its age.
    pub fn open_blob(
        &self,
        purpose: &'static str,
        binding: &str,
        blob: &str,
    ) -> Option<(Timestamp, Zeroizing<Vec<u8>>)> {
        if blob.len() > BLOB_MAX {
            return None;
        }
        let bytes = base64url::decode(blob)?;
        let rest = bytes.strip_prefix(&[FORMAT])?;
        let (salt, rest) = rest.split_first_chunk::<BLOB_SALT>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        let text = decrypt(&self.blob_key(purpose, salt), *nonce, binding.as_bytes(), rest)?;
        let (made_at, plain) = text.split_first_chunk::<8>()?;
        let made_at = Timestamp::from_millis(i64::from_be_bytes(*made_at));
        Some((made_at, Zeroizing::new(plain.to_vec())))
    }

    /// The anti-forgery token of a browser's forms: HMAC over the cookie value it is bound to.
    pub fn form_token(&self, binding: &str) -> String {
        base64url::encode(hmac::sign(&self.form, binding.as_bytes()))
    }

    /// Is it that browser's? Constant time.
    pub fn form_token_matches(&self, binding: &str, token: &str) -> bool {
        base64url::decode(token).is_some_and(|tag| hmac::verify(&self.form, binding.as_bytes(), &tag).is_ok())
    }

    /// Keyed digest of a client secret or API key (a stolen store cannot be guessed against).
    pub fn client_secret(&self, client: &str, secret: &Secret) -> Digest {
        Digest(keyed(&self.client, client, secret.expose()))
    }

    /// Keyed digest of a short code (six digits, a recovery code) of that use: a stolen store cannot be
    /// guessed against, and no code is good in another place.
    pub fn code(&self, of: &str, code: &Secret) -> Digest {
        Digest(keyed(&self.code, of, code.expose()))
    }

    /// Tag of a device that signed this person in; both have the one form each that ids have.
    pub(crate) fn device_tag(&self, user: &str, device: &[u8; 16]) -> [u8; 32] {
        keyed(&self.device, user, &base64url::encode(device))
    }

    /// Is it that person's and that device's? Constant time.
    pub(crate) fn device_tag_matches(&self, user: &str, device: &[u8; 16], tag: &[u8]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.device_tag(user, device), tag).is_ok()
    }

    /// Keyed digest of something typed (`of`: what it is), for the limiter.
    pub fn mark(&self, of: &'static str, typed: &str) -> Mark {
        let digest = keyed(&self.mark, of, typed);
        let mut out = [0; 16];
        out.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Mark(out)
    }

    fn blob_key(&self, purpose: &'static str, salt: &[u8; BLOB_SALT]) -> Key {
        expand(&self.prk, &[b"blob ", purpose.as_bytes(), b" ", salt])
    }
}

/// RFC 5869 2.3 for 32 bytes, which is its first block: T(1) = HMAC(PRK, info || 0x01).
fn expand(prk: &hmac::Key, info: &[&[u8]]) -> Key {
    let mut context = hmac::Context::with_key(prk);
    info.iter().for_each(|part| context.update(part));
    context.update(&[1]);
    let mut out: Key = Zeroizing::new([0; 32]);
    out.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
    out
}

/// HMAC over two texts, the first with its length, so that no pair looks like another.
fn keyed(key: &hmac::Key, first: &str, second: &str) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    context.update(&(first.len() as u64).to_be_bytes());
    context.update(first.as_bytes());
    context.update(second.as_bytes());
    let mut out = [0; 32];
    out.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
    out
}

fn encrypt(key: &Key, nonce: [u8; NONCE_LEN], aad: &[u8], text: Vec<u8>) -> Result<Vec<u8>, Unspecified> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice())?);
    // In place, so that no second copy of the plain text is left behind.
    let mut text = text;
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text)?;
    Ok(text)
}

fn decrypt(key: &Key, nonce: [u8; NONCE_LEN], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice()).ok()?);
    let mut text = Zeroizing::new(sealed.to_vec());
    let len = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text).ok()?.len();
    text.truncate(len);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::hkdf;
    use std::sync::atomic::{AtomicU8, Ordering};

    #[derive(Default)]
    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.iter_mut().for_each(|b| *b = self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn derivation_is_hkdf() {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"countersign master key 1").extract(&[7; 32]);
        let mut due = [0; 32];
        prk.expand(&[b"row"], hkdf::HKDF_SHA256).unwrap().fill(&mut due).unwrap();
        assert_eq!(*sealer(7).row, due);
    }

    #[test]
    fn rows_open_under_their_key_and_identity_only() {
        let entropy = Counting::default();
        let sealed = sealer(1).seal("key/a", b"private", &entropy).unwrap();
        assert_eq!(sealer(1).open("key/a", &sealed).unwrap().as_slice(), b"private");
        assert!(sealer(2).open("key/a", &sealed).is_none());
        assert!(sealer(1).open("key/b", &sealed).is_none());
        for at in 0..sealed.0.len() {
            let mut altered = sealed.clone();
            altered.0[at] ^= 1;
            assert!(sealer(1).open("key/a", &altered).is_none(), "byte {at}");
            assert!(sealer(1).open("key/a", &Sealed(sealed.0[..at].to_vec())).is_none(), "cut at {at}");
        }
        let again = sealer(1).seal("key/a", b"private", &entropy).unwrap();
        assert_ne!(again, sealed, "sealed twice under fresh row keys");
    }

    #[test]
    fn blobs_open_for_their_purpose_and_browser_only() {
        let (entropy, at) = (Counting::default(), Timestamp::from_millis(1_234));
        let blob = sealer(1).blob("authorize", "cookie", at, b"request", &entropy);
        let (made_at, plain) = sealer(1).open_blob("authorize", "cookie", &blob).unwrap();
        assert_eq!((made_at, plain.as_slice()), (at, b"request".as_slice()));
        assert!(sealer(1).open_blob("logout", "cookie", &blob).is_none());
        assert!(sealer(1).open_blob("authorize", "other", &blob).is_none());
        assert!(sealer(2).open_blob("authorize", "cookie", &blob).is_none());
        assert!(sealer(1).open_blob("authorize", "cookie", &format!("{blob}A")).is_none());
        assert!(sealer(1).open_blob("authorize", "cookie", "").is_none());
    }

    #[test]
    fn links_of_two_logs_do_not_run_together() {
        let (at, key) = (Timestamp::from_millis(7), sealer(1).log_key());
        let fields = |kind: &'static [u8], actor: Option<&'static [u8]>| {
            [Some(kind), actor, None, None, None, None, None]
        };
        let first = key.link(None, 1, at, fields(b"ab", Some(b"c")));
        // Independent: the documented bytes under the documented key.
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"countersign master key 1").extract(&[1; 32]);
        let mut raw = [0; 32];
        prk.expand(&[b"event log"], hkdf::HKDF_SHA256).unwrap().fill(&mut raw).unwrap();
        let mut bytes = vec![0; 32];
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
        bytes.extend(b"\x01\0\0\0\0\0\0\0\x02ab\x01\0\0\0\0\0\0\0\x01c\0\0\0\0\0");
        let due = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &raw), &bytes);
        assert_eq!(first.0, due.as_ref());
        let others = [
            key.link(None, 2, at, fields(b"ab", Some(b"c"))),
            key.link(None, 1, Timestamp::from_millis(8), fields(b"ab", Some(b"c"))),
            key.link(None, 1, at, fields(b"a", Some(b"bc"))),
            key.link(None, 1, at, fields(b"ab", None)),
            key.link(None, 1, at, fields(b"ab", Some(b""))),
            key.link(Some(&first), 1, at, fields(b"ab", Some(b"c"))),
            sealer(2).log_key().link(None, 1, at, fields(b"ab", Some(b"c"))),
        ];
        assert!(others.iter().all(|other| *other != first));
    }

    #[test]
    fn form_tokens_belong_to_one_browser() {
        let token = sealer(1).form_token("cookie");
        assert!(sealer(1).form_token_matches("cookie", &token));
        assert!(!sealer(1).form_token_matches("other", &token));
        assert!(!sealer(2).form_token_matches("cookie", &token));
        assert!(!sealer(1).form_token_matches("cookie", ""));
        assert!(!sealer(1).form_token_matches("cookie", &token[..20]));
    }

    #[test]
    fn digests_of_two_texts_do_not_run_together() {
        let s = sealer(1);
        let of = |client: &str, secret: &str| s.client_secret(client, &Secret::new(secret));
        assert_eq!(of("ab", "c"), of("ab", "c"));
        assert_ne!(of("ab", "c"), of("a", "bc"));
        assert_ne!(of("ab", "c"), sealer(2).client_secret("ab", &Secret::new("c")));
        assert_ne!(s.mark("login", "x"), s.mark("client", "x"));
    }
}
