//! Password hashing on a bounded pool with admission (crates/runtime).

use crate::error::Unavailable;
use crate::model::Secret;
use async_trait::async_trait;

/// One job for the pool. Every verification costs one job of the current parameters, known user or not.
#[derive(Debug)]
pub enum HashJob {
    /// Makes a PHC string with the current parameters and a fresh salt.
    Hash(Secret),
    /// Checks against a stored PHC string; `None`: against a decoy of the current parameters, answer no.
    Verify {
        /// What was typed.
        password: Secret,
        /// What is stored.
        stored: Option<Secret>,
    },
}

/// Who made a stored hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HashOrigin {
    /// This system, or another that uses Argon2 as this one does.
    Ours,
    /// Another system: of the password exactly as it was typed.
    Foreign,
}

/// What a job came to.
#[derive(Debug)]
pub enum HashDone {
    /// The PHC string.
    Hashed(Secret),
    /// The password is right; `stale`: hash it again, the parameters are older than today's.
    Right {
        /// Renew the stored hash.
        stale: bool,
    },
    /// The password is wrong (or there was none to be right).
    Wrong,
}

/// The pool: min(cores, memory budget / m) workers, a bounded queue, a 2 s deadline.
#[async_trait]
pub trait Hasher: Send + Sync {
    /// Runs the job. [`Unavailable`] with `retry_after` when the queue is full or the deadline passed.
    async fn run(&self, job: HashJob) -> Result<HashDone, Unavailable>;
    /// As [`Self::run`], refused already when a quarter of the queue is taken: for strangers while guesses
    /// come from everywhere.
    async fn run_if_quiet(&self, job: HashJob) -> Result<HashDone, Unavailable>;
    /// Where this stored hash is from. Its form and its cost are looked at, nothing is computed. `None`: it
    /// cannot be checked.
    fn origin(&self, stored: &Secret) -> Option<HashOrigin>;
}
