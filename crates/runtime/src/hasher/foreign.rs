//! Password hashes that other systems made. They are checked once, as their owner signs in, and replaced by
//! one of ours. Costs are bounded: a hash that asks for more than the limits here is not checked.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::{constant_time, pbkdf2};
use base64_simd::{STANDARD, STANDARD_NO_PAD};
use countersign_issuer::model::Secret;
use scrypt::Params;
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// Highest cost of bcrypt, about 4 s.
const BCRYPT_COST: u32 = 15;
/// Most rounds of PBKDF2.
const PBKDF2_ROUNDS: u32 = 5_000_000;
/// Most memory of scrypt, in bytes: N = 65,536, r = 8.
const SCRYPT_MEMORY: u64 = 64 << 20;
/// Most parallel lanes of scrypt.
const SCRYPT_LANES: u32 = 16;
/// Longest salt or hash, in bytes.
const LONGEST: usize = 128;

/// A hash of another system.
pub(super) enum Foreign {
    Bcrypt(Secret),
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        rounds: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Scrypt {
        params: Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    /// Firebase: scrypt makes a key, which encrypts the project's own.
    Firebase {
        params: Params,
        salt: Vec<u8>,
        signer: Zeroizing<Vec<u8>>,
        hash: Vec<u8>,
    },
}

impl Foreign {
    /// Reads `$2b$..` (also `2a`, `2x` not, `2y`), `$pbkdf2-sha256$..` (also `sha1`, `sha512`; rounds plain or as
    /// `i=`), `pbkdf2_sha256$..` (Django), `$scrypt$ln=..,r=..,p=..$..`, `$fbscrypt$v=1,n=..,r=..,p=..,ss=..,sk=..$..`
    /// (Firebase, as supabase/auth writes it).
    pub(super) fn read(stored: &Secret) -> Option<Self> {
        let text = stored.expose();
        if ["$2a$", "$2b$", "$2y$"].iter().any(|p| text.starts_with(p)) {
            let parts: bcrypt::HashParts = text.parse().ok()?;
            return (parts.get_cost() <= BCRYPT_COST).then(|| Self::Bcrypt(stored.clone()));
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_") {
            let mut parts = rest.split('$');
            let (name, rounds) = (parts.next()?, parts.next()?);
            // Django: the salt is used as it stands.
            let salt = parts.next()?.as_bytes().to_vec();
            return Self::pbkdf2(name, rounds, salt, only(&mut parts)?);
        }
        let mut parts = text.strip_prefix('$')?.split('$');
        let (name, settings, salt) = (parts.next()?, parts.next()?, bytes(parts.next()?)?);
        let hash = only(&mut parts)?;
        match name {
            "scrypt" => Some(Self::Scrypt { params: params(settings, "ln")?, salt, hash: bytes(hash)? }),
            "fbscrypt" => Self::firebase(settings, salt, bytes(hash)?),
            _ => {
                let name = name.strip_prefix("pbkdf2-")?;
                let rounds = setting(settings, "i").unwrap_or(settings);
                Self::pbkdf2(name, rounds, salt, hash)
            }
        }
    }

    fn pbkdf2(name: &str, rounds: &str, salt: Vec<u8>, hash: &str) -> Option<Self> {
        let (algorithm, most) = match name {
            "sha1" => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            "sha256" => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            "sha512" => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
            _ => return None,
        };
        let rounds: NonZeroU32 = rounds.parse().ok()?;
        let hash = bytes(hash)?;
        let fits = rounds.get() <= PBKDF2_ROUNDS && (16..=most).contains(&hash.len());
        fits.then_some(Self::Pbkdf2 { algorithm, rounds, salt, hash })
    }

    fn firebase(settings: &str, mut salt: Vec<u8>, hash: Vec<u8>) -> Option<Self> {
        salt.extend(bytes(setting(settings, "ss")?)?);
        let signer = Zeroizing::new(bytes(setting(settings, "sk")?)?);
        let fits = signer.len() == hash.len() && setting(settings, "v") == Some("1");
        fits.then_some(Self::Firebase { params: params(settings, "n")?, salt, signer, hash })
    }

    /// More than a few KiB beside those of the thread?
    pub(super) fn takes_memory(&self) -> bool {
        matches!(self, Self::Scrypt { .. } | Self::Firebase { .. })
    }

    /// Is it this password's? `None`: the library refuses.
    pub(super) fn verify(&self, password: &Secret) -> Option<bool> {
        let typed = password.expose().as_bytes();
        match self {
            Self::Bcrypt(stored) => bcrypt::verify(typed, stored.expose()).ok(),
            Self::Pbkdf2 { algorithm, rounds, salt, hash } => {
                Some(pbkdf2::verify(*algorithm, *rounds, salt, typed, hash).is_ok())
            }
            Self::Scrypt { params, salt, hash } => {
                let mut made = Zeroizing::new(vec![0; hash.len()]);
                scrypt::scrypt(typed, salt, params, &mut made).ok()?;
                Some(constant_time::verify_slices_are_equal(&made, hash).is_ok())
            }
            Self::Firebase { params, salt, signer, hash } => {
                let mut key = Zeroizing::new([0; 32]);
                scrypt::scrypt(typed, salt, params, key.as_mut_slice()).ok()?;
                let key = UnboundCipherKey::new(&AES_256, key.as_slice()).ok()?;
                let mut made = signer.clone();
                let zero = EncryptionContext::Iv128([0; 16].into());
                EncryptingKey::ctr(key).ok()?.less_safe_encrypt(&mut made, zero).ok()?;
                Some(constant_time::verify_slices_are_equal(&made, hash).is_ok())
            }
        }
    }
}

/// The last part.
fn only<'a>(parts: &mut impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = parts.next()?;
    parts.next().is_none().then_some(last)
}

fn setting<'a>(settings: &'a str, name: &str) -> Option<&'a str> {
    settings.split(',').find_map(|one| one.strip_prefix(name)?.strip_prefix('='))
}

fn params(settings: &str, log_n: &str) -> Option<Params> {
    let number = |name| setting(settings, name)?.parse::<u32>().ok();
    let (log_n, r, p) = (number(log_n)?, number("r")?, number("p")?);
    let memory = 1_u64.checked_shl(log_n)?.checked_mul(128)?.checked_mul(r.into())?;
    let fits = (1..=SCRYPT_MEMORY).contains(&memory) && (1..=SCRYPT_LANES).contains(&p) && log_n < 32;
    if !fits {
        return None;
    }
    Params::new(u8::try_from(log_n).ok()?, r, p).ok()
}

/// Base64, with padding or without, `.` for `+` as passlib writes it.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let text = text.replace('.', "+");
    let read = if text.ends_with('=') {
        STANDARD.decode_to_vec(&text).ok()
    } else {
        STANDARD_NO_PAD.decode_to_vec(&text).ok()
    };
    read.filter(|b| (1..=LONGEST).contains(&b.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stored: &str, password: &str) -> Option<bool> {
        Foreign::read(&Secret::new(stored))?.verify(&Secret::new(password))
    }

    /// Sources: OpenBSD's bcrypt tests (as in jBCrypt), passlib's documentation for scrypt, Python's
    /// `hashlib` for PBKDF2, the README of firebase/scrypt.
    const KNOWN: &[(&str, &str)] = &[
        ("$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", ""),
        ("$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abc"),
        (
            "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$lEjTD4tvq5SOB5ctjdSxvnbzU5PQEfMComvCIxNEqq8",
            "password",
        ),
        (
            "$pbkdf2-sha512$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$20MTVzg/n3H4pkjP7rPbs9uXGvJYlRG4j32EBHiNeegrbijWGjc63LMIJzA0jtIUGL4tJ0FCjR9uzA3gQvH7WA==",
            "p\u{e4}ssword",
        ),
        ("pbkdf2_sha256$20000$seasalt2$9sgTIw4KyLNfVO2VO0LAm47O2EB1JqBr7D14g8H73/8=", "correct horse"),
        (
            "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
            "password",
        ),
        (
            "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
            "user1password",
        ),
    ];

    #[test]
    fn hashes_of_other_systems_are_right_for_their_password_only() {
        for (stored, password) in KNOWN {
            assert_eq!(check(stored, password), Some(true), "{stored}");
            assert_eq!(check(stored, &format!("{password}x")), Some(false), "{stored}");
        }
    }

    #[test]
    fn what_costs_too_much_or_makes_no_sense_is_not_checked() {
        for stored in [
            "",
            "plain",
            "$1$saltsalt$hash",
            "$2x$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.",
            "$2b$31$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
            "$pbkdf2-sha256$0$N2YMIWQsBWBMae09x1jrPQ$lEjTD4tvq5SOB5ctjdSxvnbzU5PQEfMComvCIxNEqq8",
            "$pbkdf2-sha256$4000000000$N2YMIWQsBWBMae09x1jrPQ$lEjTD4tvq5SOB5ctjdSxvnbzU5PQEfMComvCIxNEqq8",
            "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$lEjT",
            "$pbkdf2-md5$29000$N2YMIWQsBWBMae09x1jrPQ$lEjTD4tvq5SOB5ctjdSxvnbzU5PQEfMComvCIxNEqq8",
            "$scrypt$ln=20,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
            "$scrypt$ln=70,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
            "$scrypt$ln=16,r=8,p=100$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
            "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E$more",
            "$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RY=$42xEC+ixf3L2lw==$lSrfV15cpx8=",
        ] {
            assert_eq!(check(stored, ""), None, "{stored}");
        }
    }
}
