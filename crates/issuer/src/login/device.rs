//! Devices that signed a person in before: the cookie that says so, and who takes its word.
//!
//! The cookie names up to five people and, for each, a random id of the device and a tag over both. It opens
//! nothing: whoever has it may try passwords of that person while others fill the account's bucket, and a
//! policy may spare the device a second factor. It is given after a complete sign-in, and void when the
//! person's devices are forgotten (a password reset).

use super::Caller;
use crate::Issuer;
use crate::error::Result;
use crate::model::{Digest, Secret, UserId};
use crate::seal::Mark;
use countersign_token::base64url;

/// People of one device.
const MOST: usize = 5;
/// Longest value looked at, in bytes.
const LONGEST: usize = 1024;

#[derive(Clone, Debug)]
struct Known {
    user: UserId,
    id: [u8; 16],
}

/// What a device's cookie names, tags checked; the one signed in last comes first.
#[derive(Clone, Default, Debug)]
pub struct Devices(Vec<Known>);

impl Devices {
    /// Reads a cookie's value. What was not made here is not there.
    pub fn read(issuer: &Issuer, cookie: &str) -> Self {
        if cookie.len() > LONGEST {
            return Self::default();
        }
        Self(cookie.split('~').take(MOST).filter_map(|entry| read(issuer, entry)).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The device's id for this person.
    pub(crate) fn of(&self, user: &UserId) -> Option<[u8; 16]> {
        self.0.iter().find(|known| known.user == *user).map(|known| known.id)
    }

    /// The cookie's value once this person signed in with the device under that id.
    pub(crate) fn with(&self, issuer: &Issuer, user: &UserId, id: [u8; 16]) -> Secret {
        let own = Known { user: user.clone(), id };
        let others = self.0.iter().filter(|known| known.user != *user);
        let all: Vec<String> =
            std::iter::once(&own).chain(others).take(MOST).map(|k| write(issuer, k)).collect();
        Secret::new(all.join("~"))
    }
}

fn read(issuer: &Issuer, entry: &str) -> Option<Known> {
    let mut parts = entry.split('.');
    let (user, id, tag) = (parts.next()?, parts.next()?, parts.next()?);
    let id = <[u8; 16]>::try_from(base64url::decode(id)?).ok()?;
    let tag = base64url::decode(tag)?;
    let ours = parts.next().is_none() && issuer.sealer.device_tag_matches(user, &id, &tag);
    ours.then(|| Known { user: UserId::from_stored(user), id })
}

fn write(issuer: &Issuer, known: &Known) -> String {
    let tag = issuer.sealer.device_tag(known.user.as_str(), &known.id);
    format!("{}.{}.{}", known.user, base64url::encode(known.id), base64url::encode(tag))
}

/// What the store and the limiter know a device by.
pub(crate) fn digest(id: [u8; 16]) -> Digest {
    Digest::of(id)
}

/// The id under which the caller's device signed this person in, if the store remembers. Without a cookie
/// that names the person, nothing is read.
pub(crate) async fn known(issuer: &Issuer, caller: &Caller, user: &UserId) -> Result<Option<[u8; 16]>> {
    let Some(id) = caller.devices.of(user) else { return Ok(None) };
    Ok(issuer.store.known_device(user, &digest(id).0).await?.then_some(id))
}

/// For the limiter: the device and its person.
pub(crate) fn mark(issuer: &Issuer, user: &UserId, id: [u8; 16]) -> Mark {
    issuer.sealer.mark("device", &format!("{user} {}", base64url::encode(id)))
}
