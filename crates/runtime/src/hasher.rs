//! Password hashing: Argon2id on a pool of its own (design: `login.md`, Hashing).
//!
//! Every verification costs one hash of today's parameters or of the stored ones, whether the person
//! exists or not. Each thread keeps its memory between jobs (fresh pages cost more than the hash saves)
//! and gives it back when nobody signs in for a while. Imported hashes that take memory beyond that take turns.

mod foreign;

use crate::config::{PasswordSettings, Span};
use crate::entropy::SystemEntropy;
use crate::pool::{Pool, Shape, Worker};
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use async_trait::async_trait;
use countersign_issuer::Unavailable;
use countersign_issuer::model::Secret;
use countersign_issuer::port::hasher::HashDone;
use countersign_issuer::port::{Entropy, HashJob, HashOrigin, Hasher};
use foreign::Foreign;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Memory of one hash, in KiB (OWASP's first choice for Argon2id: m=19456, t=2, p=1).
const MEMORY_KIB: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Bytes of the result.
const OUTPUT: usize = 32;
/// Address space of a thread's memory, in KiB. glibc returns a block to the system on release only if it is
/// at least 32 MiB; smaller ones stay as holes that the next job may not fit. What is not used costs nothing.
const ROOM_KIB: usize = 33 * 1024;
/// Stored hashes that ask for more than this are not ours.
const MOST_KIB: u32 = 256 * 1024;
/// Passes above this are not ours either.
const MOST_PASSES: u32 = 16;
/// Jobs that may wait for each thread: about as many as one gets through before the deadline.
const QUEUE_PER_WORKER: usize = 64;

/// Bytes that one hash takes.
pub(crate) const MEMORY_PER_HASH: u64 = MEMORY_KIB as u64 * 1024;
/// A job that did not begin by then is answered "try again".
pub(crate) const DEADLINE: Span = Span::seconds(2);

/// The pool.
pub(crate) struct Argon2Pool(Pool<Bench>);

impl Argon2Pool {
    /// Starts the threads; they take memory when the first job comes.
    pub(crate) fn start(settings: &PasswordSettings) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let room = usize::try_from(settings.memory / MEMORY_PER_HASH).unwrap_or(usize::MAX);
        let workers = settings.workers.unwrap_or(cores).min(room).max(1);
        let shape = Shape {
            name: "hasher",
            workers,
            capacity: workers * QUEUE_PER_WORKER,
            deadline: settings.deadline.0,
            background: true,
        };
        let turn = Arc::default();
        Ok(Self(Pool::start(shape, move || Bench::new(Arc::clone(&turn)))?))
    }
}

#[async_trait]
impl Hasher for Argon2Pool {
    async fn run(&self, job: HashJob) -> Result<HashDone, Unavailable> {
        self.0.run(job).await?
    }
    async fn run_if_quiet(&self, job: HashJob) -> Result<HashDone, Unavailable> {
        self.0.run_if_quiet(job).await?
    }

    fn origin(&self, stored: &Secret) -> Option<HashOrigin> {
        let ours = Stored::read(stored).map(|_| HashOrigin::Ours);
        ours.or_else(|| Foreign::read(stored).map(|_| HashOrigin::Foreign))
    }
}

/// One thread's place: its memory and its source of salts.
struct Bench {
    memory: Vec<Block>,
    entropy: SystemEntropy,
    /// Held by the one thread that may take more memory than a hash of ours does, of all threads of the pool.
    turn: Arc<Mutex<()>>,
}

impl Worker for Bench {
    type Ask = HashJob;
    type Answer = Result<HashDone, Unavailable>;

    fn work(&mut self, job: HashJob) -> Self::Answer {
        let done = match job {
            HashJob::Hash(password) => self.hash(&password).map(HashDone::Hashed),
            HashJob::Verify { password, stored } => self.verify(&password, stored.as_ref()),
        };
        done.map_err(|e| Unavailable {
            what: "hasher",
            detail: e.to_string(),
            retry_after: std::time::Duration::from_secs(1),
        })
    }

    fn rest(&mut self) {
        self.memory = Vec::new();
    }
}

impl Bench {
    fn new(turn: Arc<Mutex<()>>) -> Self {
        Self { memory: Vec::new(), entropy: SystemEntropy::default(), turn }
    }

    fn hash(&mut self, password: &Secret) -> argon2::Result<Secret> {
        let entropy: &dyn Entropy = &self.entropy;
        let salt = entropy.bytes::<16>();
        let params = today()?;
        let output = self.fill(&params, Algorithm::Argon2id, password, &salt, OUTPUT)?;
        let phc = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(|_| argon2::Error::OutputTooLong)?,
            salt: Some(Salt::new(&salt).map_err(|_| argon2::Error::SaltTooShort)?),
            hash: Some(output),
        };
        Ok(Secret::new(phc.to_string()))
    }

    fn verify(&mut self, password: &Secret, stored: Option<&Secret>) -> argon2::Result<HashDone> {
        let Some(stored) = stored else { return self.decoy(password) };
        let turn = Arc::clone(&self.turn);
        if let Some(foreign) = Foreign::read(stored) {
            let _turn = foreign.takes_memory().then(|| wait(&turn));
            return Ok(match foreign.verify(password) {
                Some(true) => HashDone::Right { stale: true },
                Some(false) | None => HashDone::Wrong,
            });
        }
        let Some(stored) = Stored::read(stored) else {
            tracing::error!("a stored password hash cannot be read; the sign-in is refused");
            return self.decoy(password);
        };
        let _turn = stored.takes_memory().then(|| wait(&turn));
        let output =
            self.fill(&stored.params, stored.algorithm, password, &stored.salt, stored.hash.len())?;
        // `Output` compares in constant time.
        if output == stored.hash {
            Ok(HashDone::Right { stale: stored.is_stale() })
        } else {
            Ok(HashDone::Wrong)
        }
    }

    /// Nobody to check against: the same work, and no.
    fn decoy(&mut self, password: &Secret) -> argon2::Result<HashDone> {
        self.fill(&today()?, Algorithm::Argon2id, password, &[0; 16], OUTPUT)?;
        Ok(HashDone::Wrong)
    }

    fn fill(
        &mut self,
        params: &Params,
        algorithm: Algorithm,
        password: &Secret,
        salt: &[u8],
        length: usize,
    ) -> argon2::Result<Output> {
        let today = usize::try_from(MEMORY_KIB).unwrap_or(usize::MAX);
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            // A block is 1 KiB.
            self.memory.reserve_exact(blocks.max(ROOM_KIB).saturating_sub(self.memory.len()));
            self.memory.resize(blocks.max(today), Block::default());
        }
        let argon2 = Argon2::new(algorithm, Version::V0x13, params.clone());
        let password = password.expose().as_bytes();
        let mut out = zeroize::Zeroizing::new(vec![0; length]);
        let filled =
            argon2.hash_password_into_with_memory(password, salt, &mut out, self.memory.as_mut_slice());
        if self.memory.len() > today {
            // An older, dearer hash was checked: back to what every job takes.
            self.memory.truncate(today);
            self.memory.shrink_to(ROOM_KIB);
        }
        filled?;
        Output::new(&out).map_err(|_| argon2::Error::OutputTooLong)
    }
}

fn wait(turn: &Mutex<()>) -> MutexGuard<'_, ()> {
    // A job that panicked has given its memory back too.
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

fn today() -> argon2::Result<Params> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT))
}

/// A PHC string of the Argon2 family, within bounds.
struct Stored {
    algorithm: Algorithm,
    params: Params,
    salt: Salt,
    hash: Output,
}

impl Stored {
    fn read(phc: &Secret) -> Option<Self> {
        let phc = PasswordHash::new(phc.expose()).ok()?;
        let algorithm = Algorithm::try_from(phc.algorithm.as_str()).ok()?;
        let params = Params::try_from(&phc).ok()?;
        let ours = phc.version == Some(Version::V0x13.into())
            && params.m_cost() <= MOST_KIB
            && params.t_cost() <= MOST_PASSES;
        ours.then_some(Self { algorithm, params, salt: phc.salt?, hash: phc.hash? })
    }

    /// More than a hash of ours?
    fn takes_memory(&self) -> bool {
        self.params.m_cost() > MEMORY_KIB
    }

    /// Weaker than what a new password gets today.
    fn is_stale(&self) -> bool {
        self.algorithm != Algorithm::Argon2id
            || self.params.m_cost() < MEMORY_KIB
            || self.params.t_cost() < PASSES
            || self.hash.len() < OUTPUT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BreachedList;

    fn pool() -> Argon2Pool {
        let memory = MEMORY_PER_HASH;
        Argon2Pool::start(&PasswordSettings {
            memory,
            workers: None,
            deadline: DEADLINE,
            breached: BreachedList::Off,
        })
        .unwrap()
    }

    async fn verify(pool: &Argon2Pool, password: &str, stored: Option<&str>) -> HashDone {
        let (password, stored) = (Secret::new(password), stored.map(Secret::new));
        pool.run(HashJob::Verify { password, stored }).await.unwrap()
    }

    #[tokio::test]
    async fn a_hash_made_here_is_right_for_its_password_only() {
        let pool = pool();
        let HashDone::Hashed(phc) = pool.run(HashJob::Hash(Secret::new("correct horse"))).await.unwrap()
        else {
            panic!("not hashed")
        };
        let phc = phc.expose();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(matches!(verify(&pool, "correct horse", Some(phc)).await, HashDone::Right { stale: false }));
        assert!(matches!(verify(&pool, "correct horsf", Some(phc)).await, HashDone::Wrong));
        assert!(matches!(verify(&pool, "correct horse", None).await, HashDone::Wrong));
        let HashDone::Hashed(again) = pool.run(HashJob::Hash(Secret::new("correct horse"))).await.unwrap()
        else {
            panic!("not hashed")
        };
        assert_ne!(again.expose(), phc, "the salt is fresh");
    }

    /// Vector of the reference implementation (phc-winner-argon2, `test.c`, version 0x13, Argon2id).
    #[tokio::test]
    async fn the_reference_vector_verifies_and_is_stale() {
        let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let pool = pool();
        assert!(matches!(verify(&pool, "password", Some(phc)).await, HashDone::Right { stale: true }));
        assert!(matches!(verify(&pool, "passwore", Some(phc)).await, HashDone::Wrong));
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_wrong_not_an_error() {
        let pool = pool();
        for phc in [
            "",
            "secret",
            "$2b$12$abcdefghijklmnopqrstuuu",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
        ] {
            assert!(matches!(verify(&pool, "password", Some(phc)).await, HashDone::Wrong), "{phc}");
        }
    }

    #[test]
    fn memory_is_reused_and_given_back() {
        let mut bench = Bench::new(Arc::default());
        assert_eq!(bench.memory.capacity(), 0, "no memory before the first job");
        bench.decoy(&Secret::new("a")).unwrap();
        let (at, held) = (bench.memory.as_ptr(), bench.memory.capacity());
        bench.decoy(&Secret::new("b")).unwrap();
        assert_eq!((bench.memory.as_ptr(), bench.memory.capacity()), (at, held));
        assert_eq!(u64::try_from(bench.memory.len()).unwrap() * 1024, MEMORY_PER_HASH);
        bench.rest();
        assert_eq!(bench.memory.capacity(), 0);
    }

    /// Imported hashes may ask for more than `password.memory` counts with: one at a time, whatever the threads.
    #[test]
    fn hashes_that_take_more_memory_take_turns() {
        let dear = [
            "$argon2id$v=19$m=19457,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$scrypt$ln=4,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
            "$fbscrypt$v=1,n=4,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycQ==$42xEC+ixf3L2lw==$lSrfV15cpx95/g==",
        ];
        let ours = [
            "$argon2id$v=19$m=19456,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$2b$04$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
        ];
        let takes_memory = |stored: &str| Stored::read(&Secret::new(stored)).unwrap().takes_memory();
        assert!(takes_memory(dear[0]) && !takes_memory(ours[0]));
        let turn: Arc<Mutex<()>> = Arc::default();
        let (done, seen) = std::sync::mpsc::channel();
        let held = turn.lock().unwrap();
        let threads = dear.iter().chain(&ours).map(|stored| {
            let (turn, done, stored) = (Arc::clone(&turn), done.clone(), (*stored).to_owned());
            std::thread::spawn(move || {
                assert!(
                    Foreign::read(&Secret::new(&*stored)).is_some()
                        || Stored::read(&Secret::new(&*stored)).is_some()
                );
                let checked = Bench::new(turn).verify(&Secret::new("x"), Some(&Secret::new(&*stored)));
                assert!(matches!(checked, Ok(HashDone::Wrong)), "{stored}");
                done.send(stored).unwrap();
            })
        });
        let threads: Vec<_> = threads.collect();
        let mut first = [seen.recv().unwrap(), seen.recv().unwrap()];
        first.sort();
        let mut due = ours;
        due.sort();
        assert_eq!(first, due, "these wait for nobody");
        // Whoever did not wait would have ended long before two hashes of ours.
        assert!(seen.try_recv().is_err(), "the others wait");
        drop(held);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(seen.try_iter().count(), dear.len());
    }

    /// Resident memory of this process, in bytes.
    #[cfg(target_os = "linux")]
    fn resident() -> u64 {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_given_back_goes_back_to_the_system() {
        let mut bench = Bench::new(Arc::default());
        let before = resident();
        let mut kept = Vec::new();
        for _ in 0..4 {
            bench.decoy(&Secret::new("a")).unwrap();
            // Lands behind the memory or in its hole, as a server's many small things do.
            kept.push(vec![1_u8; 4096]);
            bench.rest();
            kept.push(vec![1_u8; 4096]);
        }
        let grown = resident().saturating_sub(before);
        assert!(grown < MEMORY_PER_HASH / 2, "{grown} bytes after {} allocations", kept.len());
    }
}
