//! Messages to people: queued with the event they tell of, taken and handed over by whoever runs a turn
//! ([`take`], [`hand_over`]). Intent is exactly once, delivery at least once: a job goes when the courier
//! took it over, and a second delivery carries the same id.

use crate::Issuer;
use crate::error::{Failure, Result};
use crate::model::message::{About, Notice, Noticed, SentCode, To, Way};
use crate::model::{Actor, AskedFrom, EventDraft, EventKind, Job, JobId, Message, Secret, User};
use crate::port::{Parcel, TakenJob, Undelivered};
use countersign_token::Timestamp;
use std::time::Duration;

/// Language of messages to people whose language is not known.
pub const FALLBACK_LANG: &str = "en";
/// How long a taken job is nobody else's: longer than a courier may take over it.
pub const LEASE: Duration = Duration::from_secs(60);
/// Before the second try.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// Between two tries at most, chance counted in.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// Chance adds up to this part of the wait, so that what failed together does not come back together.
const SPREAD: u32 = 4;
/// A message is tried that long, if it does not lose its sense before.
const GIVE_UP: Duration = Duration::from_secs(24 * 60 * 60);
/// Why a message that still makes sense to nobody is not sent.
const OVER: &str = "its code or link is no longer good";
/// Longest reason kept, in characters.
const LONGEST_REASON: usize = 300;

/// A message, sealed and ready to travel with an event ([`EventDraft::telling`]). `None`: there is no way
/// to send it.
pub fn job(issuer: &Issuer, message: &Message) -> Result<Option<Job>> {
    let way = message.to.way();
    if !issuer.courier.takes(way) {
        return Ok(None);
    }
    let id = JobId::mint(&*issuer.entropy);
    let plain = serde_json::to_vec(message).map_err(|e| Failure::Bug(e.to_string()))?;
    Ok(Some(Job { id, way, message: issuer.sealer.seal(&identity(id), &plain, &*issuer.entropy)? }))
}

/// A notice to a person's address, in their language. `None` as for [`job`].
pub async fn notice(
    issuer: &Issuer,
    user: &User,
    what: Noticed,
    at: Timestamp,
    from: Option<AskedFrom>,
    detail: Option<String>,
) -> Result<Option<Job>> {
    let lang = issuer.store.locale(&user.id).await?;
    let message = Message {
        to: To::Mail(user.email.clone()),
        lang: lang.unwrap_or_else(|| FALLBACK_LANG.to_owned()),
        name: user.name.clone(),
        client: None,
        about: About::Notice(Notice { what, at, from, detail }),
    };
    job(issuer, &message)
}

/// Reads what a job says. `None`: it was sealed under another master key, or is not of this version.
pub fn open(issuer: &Issuer, job: &Job) -> Option<Message> {
    serde_json::from_slice(&issuer.sealer.open(&identity(job.id), &job.message)?).ok()
}

/// Takes up to `room` messages of that way that are due. Each must go through [`hand_over`] within [`LEASE`],
/// or it comes back.
pub async fn take(issuer: &Issuer, way: Way, room: u16) -> Result<Vec<TakenJob>> {
    Ok(issuer.store.take_jobs(way, room, LEASE).await?.it)
}

/// Hands one over and notes what came of it. `true`: it went.
pub async fn hand_over(issuer: &Issuer, taken: &TakenJob) -> Result<bool> {
    let told = match open(issuer, &taken.job) {
        None => {
            Err(Undelivered { for_good: true, detail: "it cannot be opened with this master key".into() })
        }
        Some(message) => tell(issuer, taken, message).await,
    };
    let Err(why) = told else {
        // `false`: the lease ran out and somebody else sends it too; that copy has the same id.
        issuer.store.job_done(taken).await?;
        return Ok(true);
    };
    let life = open(issuer, &taken.job).and_then(|m| m.about.life());
    let now = taken.taken_at;
    let (trying, age) = (now.since(taken.since), now.since(taken.created_at));
    let tried = Tried { tries: taken.tries, trying, age, life };
    let detail: String = why.detail.chars().take(LONGEST_REASON).collect();
    let id = taken.job.id;
    match next_try(&tried, why.for_good, chance(issuer)) {
        Next::Again(wait) => {
            tracing::warn!(%id, way = taken.job.way.name(), tries = taken.tries + 1, why = detail,
                again_in = wait.as_secs(), "a message was not delivered");
            issuer.store.job_failed(taken, wait, &detail).await?;
        }
        Next::Dead(reason) => {
            let detail = reason.map_or(detail.clone(), |reason| format!("{reason}: {detail}"));
            tracing::error!(%id, way = taken.job.way.name(), tries = taken.tries + 1, why = detail,
                "a message is given up");
            let event = EventDraft::new(EventKind::MessageDead, Actor::System)
                .with("message", id.to_string())
                .with("way", taken.job.way.name())
                .with("why", detail.as_str());
            issuer.store.job_dead(taken, &detail, event).await?;
        }
    }
    Ok(false)
}

async fn tell(
    issuer: &Issuer,
    taken: &TakenJob,
    mut message: Message,
) -> std::result::Result<(), Undelivered> {
    let age = taken.taken_at.since(taken.created_at);
    if message.about.life().is_some_and(|life| age >= life) {
        return Err(Undelivered { for_good: true, detail: OVER.to_owned() });
    }
    message.about.grown(age);
    let client = match &message.client {
        // Without its look rather than not at all.
        Some(id) => issuer.directory.client(id).await.ok().flatten(),
        None => None,
    };
    let parcel = Parcel { id: taken.job.id, queued_at: taken.created_at, message: &message, client };
    issuer.courier.deliver(parcel).await
}

/// A try that came to nothing.
#[derive(Clone, Copy, Debug)]
struct Tried {
    /// Tries before it.
    tries: u16,
    /// Since trying began.
    trying: Duration,
    /// Since it was queued.
    age: Duration,
    /// After that from queueing it says nothing true any more.
    life: Option<Duration>,
}

/// What comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Next {
    /// Another try.
    Again(Duration),
    /// None, and why, if not for what the courier said alone.
    Dead(Option<&'static str>),
}

/// Decides. `chance`: any number.
fn next_try(tried: &Tried, for_good: bool, chance: u32) -> Next {
    if for_good {
        return Next::Dead(None);
    }
    let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(tried.tries.into())).min(LONGEST_WAIT);
    let more = (doubled / SPREAD).mul_f64(f64::from(chance) / f64::from(u32::MAX));
    let wait = (doubled + more).min(LONGEST_WAIT);
    if tried.life.is_some_and(|life| tried.age + wait >= life) {
        return Next::Dead(Some(OVER));
    }
    if tried.trying + wait > GIVE_UP {
        return Next::Dead(Some("tried for a day"));
    }
    Next::Again(wait)
}

fn chance(issuer: &Issuer) -> u32 {
    u32::from_be_bytes(issuer.entropy.bytes())
}

fn identity(id: JobId) -> String {
    format!("outbox/{id}")
}

impl To {
    /// The address or number.
    pub fn address(&self) -> &str {
        match self {
            Self::Mail(address) => address,
            Self::Sms(number) => number,
        }
    }
    /// By which way it goes.
    pub fn way(&self) -> Way {
        match self {
            Self::Mail(_) => Way::Mail,
            Self::Sms(_) => Way::Sms,
        }
    }
}

impl About {
    /// The code in it, alone or beside a link.
    pub fn code(&self) -> Option<&SentCode> {
        match self {
            Self::SignInCode(code) | Self::VerifyPhone(code) => Some(code),
            Self::SignInLink(sent) | Self::SignUp(sent) | Self::VerifyEmail(sent) | Self::Recover(sent) => {
                Some(&sent.code)
            }
            Self::NoAccount(_) | Self::AlreadySignedUp(_) | Self::Notice(_) => None,
        }
    }

    /// The link in it.
    pub fn link(&self) -> Option<&Secret> {
        match self {
            Self::SignInLink(sent) | Self::SignUp(sent) | Self::VerifyEmail(sent) | Self::Recover(sent) => {
                Some(&sent.link)
            }
            _ => None,
        }
    }

    /// How long after queueing it is worth sending.
    pub fn life(&self) -> Option<Duration> {
        self.code().map(|code| Duration::from_secs(u64::from(code.minutes) * 60))
    }

    /// What is told of the code's life is what is left of it.
    fn grown(&mut self, age: Duration) {
        let code = match self {
            Self::SignInCode(code) | Self::VerifyPhone(code) => code,
            Self::SignInLink(sent) | Self::SignUp(sent) | Self::VerifyEmail(sent) | Self::Recover(sent) => {
                &mut sent.code
            }
            Self::NoAccount(_) | Self::AlreadySignedUp(_) | Self::Notice(_) => return,
        };
        let minutes = u32::try_from(age.as_secs() / 60).unwrap_or(u32::MAX);
        code.minutes = code.minutes.saturating_sub(minutes).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn tried(tries: u16, trying: Duration) -> Tried {
        Tried { tries, trying, age: trying, life: None }
    }

    #[test]
    fn waits_double_up_to_an_hour() {
        let secs = |tries, chance| match next_try(&tried(tries, Duration::ZERO), false, chance) {
            Next::Again(wait) => wait.as_secs_f64(),
            dead => panic!("{dead:?}"),
        };
        let least: Vec<f64> = (0..12).map(|n| secs(n, 0)).collect();
        let due = [5., 10., 20., 40., 80., 160., 320., 640., 1280., 2560., 3600., 3600.];
        assert_eq!(least, due);
        assert!((secs(0, u32::MAX) - 6.25).abs() < 0.001, "a quarter more by chance");
        assert!((secs(9, u32::MAX) - 3200.).abs() < 0.001);
        assert!((secs(11, u32::MAX) - 3600.).abs() < 0.001, "never more than an hour");
        assert!((secs(u16::MAX, 7) - 3600.).abs() < 0.001);
    }

    #[test]
    fn it_is_given_up_after_a_day_or_for_good() {
        let day = 24 * HOUR;
        assert_eq!(next_try(&tried(30, day - HOUR), false, 0), Next::Again(HOUR));
        let late = tried(30, day - HOUR + Duration::from_millis(1));
        assert_eq!(next_try(&late, false, 0), Next::Dead(Some("tried for a day")));
        assert_eq!(next_try(&tried(0, Duration::ZERO), true, 0), Next::Dead(None));
    }

    #[test]
    fn a_code_is_not_sent_after_its_end() {
        let life = Some(Duration::from_secs(600));
        let of = |age: u64| Tried { age: Duration::from_secs(age), life, ..tried(0, Duration::ZERO) };
        assert_eq!(next_try(&of(594), false, 0), Next::Again(FIRST_WAIT));
        assert_eq!(next_try(&of(595), false, 0), Next::Dead(Some(OVER)));
    }
}
