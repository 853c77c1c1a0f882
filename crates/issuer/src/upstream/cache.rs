//! A document of a provider, kept: one fetch at a time, not again right after the last, and the last good one
//! when the provider is away.

use super::Trouble;
use countersign_token::Timestamp;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A document is fetched again after that.
const FRESH: Duration = Duration::from_secs(600);
/// And used until then while the provider does not answer.
const STALE: Duration = Duration::from_secs(86_400);
/// From one fetch to the next: whoever makes up key ids, or meets a provider that is down, causes no more.
const COOLDOWN: Duration = Duration::from_secs(10);

/// A document, and how often it was fetched when this one was.
#[derive(Clone, Debug)]
pub(super) struct Kept<T> {
    pub(super) it: T,
    pub(super) number: u64,
    at: Timestamp,
}

/// Which one will do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Want {
    /// Not older than [`FRESH`].
    Fresh,
    /// Fetched after that one: it did not hold what was looked for.
    After(u64),
}

struct State<T> {
    kept: Option<Kept<T>>,
    tried_at: Option<Timestamp>,
    trouble: Option<Trouble>,
}

pub(super) struct Cache<T> {
    state: Mutex<State<T>>,
    fetching: futures_util::lock::Mutex<()>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        let state = State { kept: None, tried_at: None, trouble: None };
        Self { state: Mutex::new(state), fetching: futures_util::lock::Mutex::new(()) }
    }
}

impl<T: Clone> Cache<T> {
    fn with<R>(&self, work: impl FnOnce(&mut State<T>) -> R) -> R {
        // A panic while holding it leaves at worst an old document.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn held(&self, want: Want, now: Timestamp) -> Option<Kept<T>> {
        let fits = |kept: &Kept<T>| match want {
            Want::Fresh => now.since(kept.at) < FRESH,
            Want::After(number) => kept.number > number,
        };
        self.with(|state| state.kept.clone().filter(fits))
    }

    /// The document, fetched when the one at hand will not do. Who comes while it is being fetched waits.
    pub(super) async fn get<F: Future<Output = Result<T, Trouble>>>(
        &self,
        want: Want,
        now: Timestamp,
        fetch: impl FnOnce() -> F,
    ) -> Result<Kept<T>, Trouble> {
        if let Some(kept) = self.held(want, now) {
            return Ok(kept);
        }
        let _turn = self.fetching.lock().await;
        if let Some(kept) = self.held(want, now) {
            return Ok(kept);
        }
        let cold = |state: &mut State<T>| state.tried_at.is_none_or(|at| now.since(at) >= COOLDOWN);
        if self.with(cold) {
            self.with(|state| state.tried_at = Some(now));
            let fetched = fetch().await;
            self.with(|state| match fetched {
                Ok(it) => {
                    let number = state.kept.as_ref().map_or(1, |kept| kept.number + 1);
                    state.kept = Some(Kept { it, number, at: now });
                    state.trouble = None;
                }
                Err(trouble) => {
                    tracing::warn!(
                        kind = trouble.kind.name(),
                        detail = trouble.detail,
                        "provider's document"
                    );
                    state.trouble = Some(trouble);
                }
            });
        }
        self.with(|state| match (&state.kept, &state.trouble) {
            (Some(kept), _) if now.since(kept.at) < STALE => Ok(kept.clone()),
            (_, Some(trouble)) => Err(trouble.clone()),
            _ => Err(Trouble::new(super::Kind::Unreachable, "asked a moment ago")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Kind;
    use futures_util::FutureExt;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    #[test]
    fn a_document_is_fetched_when_due_and_kept_while_the_provider_is_away() {
        let (cache, fetched) = (Cache::default(), AtomicU32::new(0));
        let get = |want: Want, now: i64, good: bool| {
            let fetch = || async {
                let n = fetched.fetch_add(1, Ordering::Relaxed);
                if good { Ok(n) } else { Err(Trouble::new(Kind::Unreachable, "away")) }
            };
            cache.get(want, at(now), fetch).now_or_never().unwrap().map(|kept| (kept.it, kept.number))
        };
        let away = Err(Trouble::new(Kind::Unreachable, "away"));
        assert_eq!(get(Want::Fresh, 0, false), away);
        assert_eq!(get(Want::Fresh, 9, true), away, "not asked again so soon");
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
        assert_eq!(get(Want::Fresh, 10, true), Ok((1, 1)));
        assert_eq!(get(Want::Fresh, 609, true), Ok((1, 1)));
        assert_eq!(get(Want::Fresh, 610, true), Ok((2, 2)));
        assert_eq!(get(Want::After(2), 615, true), Ok((2, 2)), "a made-up key id causes no fetch so soon");
        assert_eq!(get(Want::After(2), 620, true), Ok((3, 3)));
        assert_eq!(get(Want::After(2), 620, true), Ok((3, 3)), "somebody fetched it meanwhile");
        assert_eq!(get(Want::Fresh, 5_000, false), Ok((3, 3)), "the last good one");
        assert_eq!(get(Want::Fresh, 5_001, true), Ok((3, 3)));
        assert_eq!(get(Want::Fresh, 87_020, false), away, "not for ever");
    }
}
