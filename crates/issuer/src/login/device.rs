//! Devices that signed a person in before: the cookie that says so, and who takes its word.
//!
//! The cookie names up to five people and, for each, a random id of the device and a tag over both. It opens
//! nothing: whoever has it may try passwords of that person while others fill the account's bucket, and a
//! policy may spare the device a second factor. It is given after a complete sign-in, and void when the
//! person's devices are forgotten (a password reset).

use super::Caller;
use crate::Issuer;
use crate::error::Result;
use crate::model::message::Noticed;
use crate::model::{Acr, Actor, Digest, EventDraft, EventKind, Secret, User, UserId};
use crate::outbox;
use crate::port::browser_session::SeenDevice;
use crate::seal::Mark;
use countersign_token::{Timestamp, base64url};

/// People of one device.
const MOST: usize = 5;
/// Longest value looked at, in bytes.
const LONGEST: usize = 1024;

#[derive(Clone, Debug)]
struct Named {
    user: UserId,
    id: [u8; 16],
}

/// What a device's cookie names, tags checked; the one signed in last comes first.
#[derive(Clone, Default, Debug)]
pub struct Devices(Vec<Named>);

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
        let own = Named { user: user.clone(), id };
        let others = self.0.iter().filter(|known| known.user != *user);
        let all: Vec<String> =
            std::iter::once(&own).chain(others).take(MOST).map(|k| write(issuer, k)).collect();
        Secret::new(all.join("~"))
    }
}

fn read(issuer: &Issuer, entry: &str) -> Option<Named> {
    let mut parts = entry.split('.');
    let (user, id, tag) = (parts.next()?, parts.next()?, parts.next()?);
    let id = <[u8; 16]>::try_from(base64url::decode(id)?).ok()?;
    let tag = base64url::decode(tag)?;
    let ours = parts.next().is_none() && issuer.sealer.device_tag_matches(user, &id, &tag);
    ours.then(|| Named { user: UserId::from_stored(user), id })
}

fn write(issuer: &Issuer, known: &Named) -> String {
    let tag = issuer.sealer.device_tag(known.user.as_str(), &known.id);
    format!("{}.{}.{}", known.user, base64url::encode(known.id), base64url::encode(tag))
}

/// A device the store remembers for a person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    id: [u8; 16],
    /// The strongest sign-in it came from.
    level: Acr,
}

/// The device of that cookie, if it signed this person in and the store remembers. Without a cookie that names
/// the person, nothing is read.
pub(crate) async fn known(issuer: &Issuer, devices: &Devices, user: &UserId) -> Result<Option<Known>> {
    let Some(id) = devices.of(user) else { return Ok(None) };
    let level = issuer.store.known_device(user, &Digest::of(id).0).await?;
    Ok(level.map(|level| Known { id, level }))
}

impl Known {
    /// It signed the person in with two factors, and may be spared the second one.
    pub(crate) fn vouches(&self) -> bool {
        self.level >= Acr::Two
    }
}

/// For the limiter: the device and its person.
pub(crate) fn mark(issuer: &Issuer, user: &UserId, known: &Known) -> Mark {
    issuer.sealer.mark("device", &format!("{user} {}", base64url::encode(known.id)))
}

/// What a complete sign-in of this person leaves: the cookie's value, and what the store is to note. An id
/// that the store does not remember is never taken up again.
pub(crate) async fn seen(
    issuer: &Issuer,
    user: &User,
    known: Option<&Known>,
    caller: &Caller,
    now: Timestamp,
) -> Result<(Secret, SeenDevice)> {
    let id = known.map_or_else(|| issuer.entropy.bytes(), |known| known.id);
    let news = match known {
        Some(_) => None,
        None => {
            let from = Some(caller.asked_from());
            let notice = outbox::notice(issuer, user, Noticed::NewDevice, now, from, None).await?;
            let event = EventDraft::new(EventKind::NewDevice, Actor::User(user.id.clone()))
                .user(&user.id)
                .with("ip", caller.ip.to_string())
                .with("device", caller.device.as_str());
            Some(event.telling(notice))
        }
    };
    Ok((caller.devices.with(issuer, &user.id, id), SeenDevice { digest: Digest::of(id), news }))
}
