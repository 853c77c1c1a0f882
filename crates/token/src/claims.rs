//! The claim sets Countersign issues: RFC 9068 access tokens and OpenID Connect ID tokens.
//!
//! Written and read by hand-rolled serde code: a claim that is there has its type (`null` is not
//! absence), and a claim of the table can never appear a second time among `more`.

use crate::json::Number;
use crate::judge;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// `aud`: one string or an array of strings (RFC 7519 4.1.3). Written as a string when there is one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Audience(pub Vec<String>);

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(s),
            many => many.serialize(s),
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Audience;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }
            fn visit_str<E: de::Error>(self, one: &str) -> Result<Audience, E> {
                Ok(Audience(vec![one.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Audience, A::Error> {
                Strings.visit_seq(seq).map(Audience)
            }
        }
        d.deserialize_any(Form)
    }
}

/// Reads a claim's value; times may have fractions (RFC 7519 2), which are cut.
trait Read: Sized {
    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error>;
}

impl Read for String {
    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
        map.next_value()
    }
}

impl Read for Audience {
    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
        map.next_value()
    }
}

impl Read for Vec<String> {
    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
        map.next_value_seed(Strings)
    }
}

/// An array of strings.
struct Strings;

impl<'de> DeserializeSeed<'de> for Strings {
    type Value = Vec<String>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Vec<String>, D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Strings {
    type Value = Vec<String>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of strings")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
        // Room for the usual handful of roles at once.
        let mut out = Vec::with_capacity(8);
        while let Some(text) = seq.next_element()? {
            out.push(text);
        }
        Ok(out)
    }
}

impl Read for i64 {
    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
        map.next_value_seed(Seconds)
    }
}

impl<T: Read> Read for Option<T> {
    fn read<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Self, A::Error> {
        T::read(map).map(Some)
    }
}

struct Seconds;

impl Seconds {
    fn of<E: de::Error>(number: Number) -> Result<i64, E> {
        judge::date(number).map(crate::Timestamp::seconds).ok_or_else(|| E::custom("time out of range"))
    }
}

impl<'de> DeserializeSeed<'de> for Seconds {
    type Value = i64;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<i64, D::Error> {
        d.deserialize_any(self)
    }
}

impl Visitor<'_> for Seconds {
    type Value = i64;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds")
    }
    fn visit_u64<E: de::Error>(self, n: u64) -> Result<i64, E> {
        Self::of(Number::Unsigned(n))
    }
    fn visit_i64<E: de::Error>(self, n: i64) -> Result<i64, E> {
        Self::of(u64::try_from(n).map_or(Number::Signed(n), Number::Unsigned))
    }
    fn visit_f64<E: de::Error>(self, n: f64) -> Result<i64, E> {
        Self::of(Number::Float(n))
    }
}

/// A member name, borrowed where the format can.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }
            fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
            fn visit_string<E: de::Error>(self, name: String) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name)))
            }
        }
        d.deserialize_identifier(Text)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One row per claim: what must be there, what is left out when it is its type's default.
macro_rules! claim_set {
    ($set:ident: due [$($due:ident),*] optional [$($optional:ident),*]) => {
        impl<'de> Deserialize<'de> for $set {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Claims(PhantomData<$set>);
                impl<'de> Visitor<'de> for Claims {
                    type Value = $set;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a claim set")
                    }
                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$set, A::Error> {
                        $(let mut $due = None;)*
                        $(let mut $optional = None;)*
                        let mut more = Map::new();
                        while let Some(Name(name)) = map.next_key()? {
                            match name.as_ref() {
                                $(stringify!($due) if $due.is_none() => $due = Some(Read::read(&mut map)?),)*
                                $(stringify!($optional) if $optional.is_none() => {
                                    $optional = Some(Read::read(&mut map)?);
                                })*
                                // A claim of the table comes here only when it came before.
                                $(stringify!($due) => return Err(de::Error::duplicate_field(stringify!($due))),)*
                                $(stringify!($optional) => {
                                    return Err(de::Error::duplicate_field(stringify!($optional)));
                                })*
                                _ => {
                                    more.insert(name.into_owned(), map.next_value()?);
                                }
                            }
                        }
                        Ok($set {
                            $($due: $due.ok_or_else(|| de::Error::missing_field(stringify!($due)))?,)*
                            $($optional: $optional.unwrap_or_default(),)*
                            more,
                        })
                    }
                }
                d.deserialize_map(Claims(PhantomData))
            }
        }

        impl Serialize for $set {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                let mut map = s.serialize_map(None)?;
                $(map.serialize_entry(stringify!($due), &self.$due)?;)*
                $(if !is_default(&self.$optional) {
                    map.serialize_entry(stringify!($optional), &self.$optional)?;
                })*
                for (name, value) in &self.more {
                    if matches!(name.as_str(), $(stringify!($due))|* $(| stringify!($optional))*) {
                        return Err(serde::ser::Error::custom(format_args!("claim {name} among `more`")));
                    }
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    };
}

/// Claims of an access token, `typ: at+jwt` (RFC 9068 2.2). Times are whole seconds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AccessToken {
    /// Issuer.
    pub iss: String,
    /// User id (`u_...`) or, for a machine, the client id.
    pub sub: String,
    /// The resources it is for.
    pub aud: Audience,
    /// Expiry.
    pub exp: i64,
    /// Store time at which the subject was read.
    pub iat: i64,
    /// Random.
    pub jti: String,
    /// The client it was issued to.
    pub client_id: String,
    /// Space-separated scopes.
    pub scope: String,
    /// Client session.
    pub sid: Option<String>,
    /// When the person last proved who they are.
    pub auth_time: Option<i64>,
    /// Authentication context class.
    pub acr: Option<String>,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    /// Roles that touch the audience.
    pub roles: Vec<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Everything else (`cnf`, `act`, `mfa_*`).
    pub more: Map<String, Value>,
}

claim_set!(AccessToken:
    due [iss, sub, aud, exp, iat, jti, client_id]
    optional [scope, sid, auth_time, acr, amr, roles, groups]);

/// Claims of an ID token (OpenID Connect Core 2). Times are whole seconds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct IdToken {
    /// Issuer.
    pub iss: String,
    /// Subject.
    pub sub: String,
    /// The client.
    pub aud: Audience,
    /// Expiry.
    pub exp: i64,
    /// Issue time.
    pub iat: i64,
    /// When the person last proved who they are.
    pub auth_time: Option<i64>,
    /// Echo of the request.
    pub nonce: Option<String>,
    /// Authentication context class.
    pub acr: Option<String>,
    /// Authentication methods.
    pub amr: Vec<String>,
    /// Authorized party.
    pub azp: Option<String>,
    /// Client session.
    pub sid: Option<String>,
    /// Left half of the access token's hash (OIDC Core 3.1.3.6).
    pub at_hash: Option<String>,
    /// Claims granted by scope (`email`, `name`, ...).
    pub more: Map<String, Value>,
}

claim_set!(IdToken:
    due [iss, sub, aud, exp, iat]
    optional [auth_time, nonce, acr, amr, azp, sid, at_hash]);
