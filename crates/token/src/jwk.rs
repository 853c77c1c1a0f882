//! JSON Web Keys (RFC 7517, 7518 6, 8037, 9964) and their thumbprints (RFC 7638).

use crate::algorithm::{Algorithm, Curve, KeyType};
use crate::provider::{Provider, PublicKey};
use crate::{KeyError, base64url};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// A public JSON Web Key. Private members are refused on reading, except by [`crate::SigningKey`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Members")]
pub struct Jwk {
    /// Key type: `OKP`, `EC`, `RSA`, `AKP`, `oct`.
    pub kty: String,
    /// Key id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The one algorithm of this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// `sig` or `enc`.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    /// What the key may do (RFC 7517 4.3); `verify` must be among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    /// Curve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// X coordinate or public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Y coordinate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// RSA modulus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA exponent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Public key of an `AKP`, whose `alg` must be there too (RFC 9964 3).
    #[serde(rename = "pub", skip_serializing_if = "Option::is_none")]
    pub pub_: Option<String>,
}

/// A private member, decoded.
type Secret = zeroize::Zeroizing<Vec<u8>>;

/// Every member as it is read: a member that is there must have its type (`null` is not absence).
#[derive(Deserialize)]
pub(crate) struct Members {
    kty: String,
    #[serde(default, deserialize_with = "there")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "there")]
    alg: Option<String>,
    #[serde(default, deserialize_with = "there", rename = "use")]
    use_: Option<String>,
    #[serde(default, deserialize_with = "there")]
    key_ops: Option<Vec<String>>,
    #[serde(default, deserialize_with = "there")]
    crv: Option<String>,
    #[serde(default, deserialize_with = "there")]
    x: Option<String>,
    #[serde(default, deserialize_with = "there")]
    y: Option<String>,
    #[serde(default, deserialize_with = "there")]
    n: Option<String>,
    #[serde(default, deserialize_with = "there")]
    e: Option<String>,
    #[serde(default, deserialize_with = "there")]
    d: Option<String>,
    #[serde(default, deserialize_with = "there")]
    p: Option<String>,
    #[serde(default, deserialize_with = "there")]
    q: Option<String>,
    #[serde(default, deserialize_with = "there")]
    dp: Option<String>,
    #[serde(default, deserialize_with = "there")]
    dq: Option<String>,
    #[serde(default, deserialize_with = "there")]
    qi: Option<String>,
    #[serde(default, deserialize_with = "there")]
    oth: Option<serde_json::Value>,
    #[serde(default, deserialize_with = "there")]
    k: Option<String>,
    #[serde(default, deserialize_with = "there", rename = "pub")]
    pub_: Option<String>,
    #[serde(default, deserialize_with = "there", rename = "priv")]
    priv_: Option<String>,
}

fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// Names of members that only a private or shared key has (RFC 7518 6.2.2, 6.3.2, 6.4;
/// RFC 9964 3).
pub(crate) const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

impl TryFrom<Members> for Jwk {
    type Error = KeyError;

    fn try_from(m: Members) -> Result<Self, KeyError> {
        if m.is_private() {
            return Err(KeyError::new("private_key", "private members in a public key"));
        }
        Ok(m.public())
    }
}

impl Members {
    /// Whether it has any private member.
    pub(crate) fn is_private(&self) -> bool {
        let secrets = [&self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.k, &self.priv_];
        secrets.into_iter().any(Option::is_some) || self.oth.is_some()
    }

    fn public(self) -> Jwk {
        let Self { kty, kid, alg, use_, key_ops, crv, x, y, n, e, pub_, .. } = self;
        Jwk { kty, kid, alg, use_, key_ops, crv, x, y, n, e, pub_ }
    }

    /// The public half and the private members, decoded: `k`; or `d`; or `d p q dp dq qi`;
    /// or `priv`.
    pub(crate) fn private(mut self) -> Result<(Jwk, Vec<Secret>), KeyError> {
        if self.oth.is_some() {
            return Err(KeyError::new("unsupported", "RSA keys of more than two primes"));
        }
        let named = match self.kty.as_str() {
            "oct" => vec![("k", self.k.take())],
            "AKP" => vec![("priv", self.priv_.take())],
            "RSA" => vec![
                ("d", self.d.take()),
                ("p", self.p.take()),
                ("q", self.q.take()),
                ("dp", self.dp.take()),
                ("dq", self.dq.take()),
                ("qi", self.qi.take()),
            ],
            _ => vec![("d", self.d.take())],
        };
        let mut parts = Vec::with_capacity(named.len());
        for (name, value) in named {
            parts.push(decoded(name, value.map(zeroize::Zeroizing::new).as_deref())?.into());
        }
        Ok((self.public(), parts))
    }
}

fn decoded(name: &'static str, value: Option<&String>) -> Result<Vec<u8>, KeyError> {
    let value = value.ok_or_else(|| KeyError::new("malformed", format!("{name} is missing")))?;
    base64url::decode(value).ok_or_else(|| KeyError::new("malformed", format!("{name} is not base64url")))
}

/// Big-endian without leading zeros (RFC 7518 2, Base64urlUInt).
fn integer(name: &'static str, value: Option<&String>) -> Result<Vec<u8>, KeyError> {
    let bytes = decoded(name, value)?;
    match bytes.first() {
        None | Some(0) => Err(KeyError::new("malformed", format!("{name} is empty or has leading zeros"))),
        Some(_) => Ok(bytes),
    }
}

fn exactly(name: &'static str, value: Option<&String>, len: usize) -> Result<Vec<u8>, KeyError> {
    let bytes = decoded(name, value)?;
    match bytes.len() == len {
        true => Ok(bytes),
        false => Err(KeyError::new("malformed", format!("{name}: {len} bytes due, {} came", bytes.len()))),
    }
}

/// Bits of the modulus: below, factoring is within reach (RFC 7518 3.3); above, checking is a way to
/// keep a server busy.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Refuses moduli of the wrong size or even, and exponents that are even, 1, or over 32 bits.
pub(crate) fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let unused = n.first().map_or(0, |b| b.leading_zeros() as usize);
    let bits = n.len() * 8 - unused;
    if !RSA_BITS.contains(&bits) {
        return Err(KeyError::new("weak_key", format!("RSA of {bits} bits; 2048 to 8192 due")));
    }
    let odd = |i: &[u8]| i.last().is_some_and(|b| b & 1 == 1);
    if !odd(n) || !odd(e) || e == [1] || e.len() > 4 {
        return Err(KeyError::new("bad_key", "RSA modulus and exponent must be odd, the exponent 3 to 2^32"));
    }
    Ok(())
}

impl Jwk {
    /// RFC 7638 SHA-256 thumbprint, base64url. `None` when a member it is made of is missing or has
    /// characters that no such member has.
    pub fn thumbprint(&self) -> Option<String> {
        let crv = self.crv.as_deref();
        let (x, y, n, e) = (self.x.as_deref(), self.y.as_deref(), self.n.as_deref(), self.e.as_deref());
        let members = match self.kty.as_str() {
            "EC" => vec![("crv", crv?), ("kty", "EC"), ("x", x?), ("y", y?)],
            "OKP" => vec![("crv", crv?), ("kty", "OKP"), ("x", x?)],
            "RSA" => vec![("e", e?), ("kty", "RSA"), ("n", n?)],
            // RFC 9964 6: the algorithm is part of the key.
            "AKP" => vec![("alg", self.alg.as_deref()?), ("kty", "AKP"), ("pub", self.pub_.as_deref()?)],
            _ => return None,
        };
        let plain = |v: &str| v.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        members.iter().all(|(_, value)| plain(value)).then_some(())?;
        let body: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        let text = format!("{{{}}}", body.join(","));
        Some(base64url::encode(crate::provider::DEFAULT.sha256(text.as_bytes())))
    }

    /// The thumbprint as a URI (RFC 9278 3).
    pub fn thumbprint_uri(&self) -> Option<String> {
        self.thumbprint().map(|print| format!("urn:ietf:params:oauth:jwk-thumbprint:sha-256:{print}"))
    }

    /// Whether type and curve are these; the length of a secret is not judged.
    pub(crate) fn is_of(&self, key_type: KeyType) -> bool {
        let crv = self.crv.as_deref();
        match key_type {
            KeyType::Okp => self.kty == "OKP" && crv == Some("Ed25519"),
            KeyType::X25519 => self.kty == "OKP" && crv == Some("X25519"),
            KeyType::Ec(curve) => self.kty == "EC" && crv == Some(curve.name()),
            KeyType::Rsa => self.kty == "RSA",
            KeyType::Oct(_) => self.kty == "oct",
            KeyType::Akp { .. } => self.kty == "AKP",
        }
    }

    /// The one algorithm of this key: its `alg`, else `fallback`, else the only one its curve allows.
    pub(crate) fn algorithm(&self, fallback: Option<Algorithm>) -> Result<Algorithm, KeyError> {
        let crv = self.crv.as_deref();
        let fits = |alg: &Algorithm| self.is_of(alg.key_type());
        let named = match &self.alg {
            Some(name) => Some(Algorithm::parse(name).ok_or_else(|| {
                KeyError::new("unsupported", format!("algorithm {}", crate::text::shown(name, 24)))
            })?),
            None if self.kty == "AKP" => return Err(KeyError::new("malformed", "alg is missing")),
            None => fallback,
        };
        if let Some(alg) = named {
            return Some(alg).filter(fits).ok_or_else(|| {
                KeyError::new("wrong_algorithm", format!("{alg} does not fit the key's type or curve"))
            });
        }
        let mut fitting = Algorithm::ALL.iter().copied().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                Err(KeyError::new("wrong_algorithm", "the key does not name its algorithm"))
            }
            (None, _) => {
                let (kty, crv) =
                    (crate::text::shown(&self.kty, 16), crate::text::shown(crv.unwrap_or(""), 16));
                Err(KeyError::new("unsupported", format!("key type {kty} {crv}")))
            }
        }
    }

    /// Whether the key may be used so: `use` (RFC 7517 4.2) absent or that one, and if it lists
    /// operations (4.3), one of these among them.
    pub(crate) fn check_use(&self, due: &str, operations: &[&str]) -> Result<(), KeyError> {
        let ops = self.key_ops.as_deref();
        let barred = ops.is_some_and(|ops| !ops.iter().any(|op| operations.contains(&op.as_str())));
        match self.use_.as_deref() {
            None if !barred => Ok(()),
            Some(came) if came == due && !barred => Ok(()),
            _ if due == "sig" => Err(KeyError::new("wrong_use", "the key is not for signatures")),
            _ => Err(KeyError::new("wrong_use", "the key is not for encryption")),
        }
    }

    /// Key material of that type, checked for presence, encoding, length and strength.
    pub(crate) fn material(&self, key_type: KeyType) -> Result<PublicKey, KeyError> {
        let (x, y) = (self.x.as_ref(), self.y.as_ref());
        match key_type {
            KeyType::Okp => Ok(PublicKey::Ed25519(exactly("x", x, 32)?)),
            KeyType::X25519 => Ok(PublicKey::X25519(exactly("x", x, 32)?)),
            KeyType::Ec(curve) => {
                let len = curve.coordinate_bytes();
                Ok(PublicKey::Ec { x: exactly("x", x, len)?, y: exactly("y", y, len)? })
            }
            KeyType::Rsa => {
                let (n, e) = (integer("n", self.n.as_ref())?, integer("e", self.e.as_ref())?);
                check_rsa(&n, &e)?;
                Ok(PublicKey::Rsa { n, e })
            }
            KeyType::Akp { public, .. } => Ok(PublicKey::MlDsa(exactly("pub", self.pub_.as_ref(), public)?)),
            KeyType::Oct(_) => Err(KeyError::new("symmetric_key", "a secret is not a public key")),
        }
    }

    /// The key as a JWK, with `alg` and `use: sig`.
    pub(crate) fn of(alg: Algorithm, key: &PublicKey) -> Self {
        let base = Self::bare(key);
        Self { alg: Some(alg.name().to_owned()), use_: Some("sig".to_owned()), ..base }
    }

    /// The key's own members and no others; an `AKP` lacks its `alg`.
    pub(crate) fn bare(key: &PublicKey) -> Self {
        let text = |bytes: &[u8]| Some(base64url::encode(bytes));
        let base = |kty: &str, crv: Option<&str>| Self {
            kty: kty.to_owned(),
            crv: crv.map(str::to_owned),
            ..Self::default()
        };
        match key {
            PublicKey::Ed25519(x) => Self { x: text(x), ..base("OKP", Some("Ed25519")) },
            PublicKey::X25519(x) => Self { x: text(x), ..base("OKP", Some("X25519")) },
            PublicKey::Ec { x, y } => {
                let curve = Curve::ALL.into_iter().find(|curve| curve.coordinate_bytes() == x.len());
                Self { x: text(x), y: text(y), ..base("EC", curve.map(Curve::name)) }
            }
            PublicKey::Rsa { n, e } => Self { n: text(n), e: text(e), ..base("RSA", None) },
            PublicKey::MlDsa(key) => Self { pub_: text(key), ..base("AKP", None) },
        }
    }
}

/// A private key as it is written: the public half, then what is secret. `None` when there are not as many
/// private members as the type has.
pub(crate) fn private_jwk(jwk: &Jwk, private: &[Secret]) -> Option<Secret> {
    #[derive(Serialize)]
    struct Written<'a> {
        #[serde(flatten)]
        jwk: &'a Jwk,
        #[serde(flatten)]
        private: BTreeMap<&'a str, &'a str>,
    }
    let names: &[&str] = match jwk.kty.as_str() {
        "oct" => &["k"],
        "RSA" => &["d", "p", "q", "dp", "dq", "qi"],
        "AKP" => &["priv"],
        _ => &["d"],
    };
    let texts: Vec<_> =
        private.iter().map(|part| zeroize::Zeroizing::new(base64url::encode(part.as_slice()))).collect();
    if names.len() != texts.len() {
        return None;
    }
    let private = names.iter().copied().zip(texts.iter().map(|text| text.as_str())).collect();
    // Room for RSA of 8192 bits, so that growing leaves no copy behind.
    let mut out = Secret::new(Vec::with_capacity(10 * 1024));
    serde_json::to_writer(&mut *out, &Written { jwk, private }).ok().map(|()| out)
}

/// A JWK Set document (RFC 7517 5).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys, in the order they are to be tried.
    pub keys: Vec<Jwk>,
}
