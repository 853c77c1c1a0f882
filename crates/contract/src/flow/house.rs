//! An issuer on the stage's store, with everything a flow test begins with.

use super::counting::CountingStore;
use super::post::{self, NoEgress, Postbox};
use super::{ISSUER, OnTheSpot};
use crate::{SeededEntropy, Stage};
use async_trait::async_trait;
use countersign_issuer::admin::users;
use countersign_issuer::login::{Caller, Devices, browser};
use countersign_issuer::model::message::{About, Noticed, Way};
use countersign_issuer::model::{Digest, Message, Secret, User};
use countersign_issuer::oauth::authorize::Visitor;
use countersign_issuer::outbox;
use countersign_issuer::port::hasher::HashDone;
use countersign_issuer::port::{Courier, Egress, HashJob, HashOrigin, Hasher, Store};
use countersign_issuer::seal::Sealer;
use countersign_issuer::{Code, Failure, Issuer, Parts, Rejected, Result, Settings, Unavailable};
use countersign_token::base64url;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use super::PASSWORD;

/// The first byte of the master key that flow tests use.
pub const MASTER: u8 = 7;

/// Salted SHA-256 instead of Argon2id, and a list of the jobs done. `$test$<parameters>$<salt>$<digest>`.
#[derive(Default)]
pub struct TestHasher {
    jobs: Mutex<Vec<&'static str>>,
    /// Today's parameters; a stored hash of others is stale.
    pub parameters: AtomicU64,
    /// The queue is full.
    pub full: AtomicBool,
}

impl TestHasher {
    /// The jobs since the last time: `as a stranger` before one of those; `hash`, or `verify`, which costs the same with a stored hash and with
    /// the decoy.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.jobs.lock().unwrap())
    }
}

fn digest(salt: &str, password: &Secret) -> String {
    base64url::encode(Digest::of(format!("{salt} {}", password.expose())).0)
}

#[async_trait]
impl Hasher for TestHasher {
    async fn run_if_quiet(&self, job: HashJob) -> Result<HashDone, Unavailable> {
        self.jobs.lock().unwrap().push("as a stranger");
        self.run(job).await
    }

    fn origin(&self, stored: &Secret) -> Option<HashOrigin> {
        (!stored.expose().is_empty()).then_some(HashOrigin::Ours)
    }

    async fn run(&self, job: HashJob) -> Result<HashDone, Unavailable> {
        if self.full.load(Ordering::SeqCst) {
            let (what, detail) = ("password hashing", "queue full".to_owned());
            return Err(Unavailable { what, detail, retry_after: Duration::from_secs(2) });
        }
        let today = self.parameters.load(Ordering::SeqCst).to_string();
        let name = if matches!(job, HashJob::Hash(_)) { "hash" } else { "verify" };
        self.jobs.lock().unwrap().push(name);
        Ok(match job {
            HashJob::Hash(password) => {
                HashDone::Hashed(Secret::new(format!("$test${today}$salt${}", digest("salt", &password))))
            }
            HashJob::Verify { stored: None, .. } => HashDone::Wrong,
            HashJob::Verify { password, stored: Some(stored) } => {
                let parts: Vec<&str> = stored.expose().split('$').collect();
                match parts.as_slice() {
                    ["", "test", parameters, salt, due] if *due == digest(salt, &password) => {
                        HashDone::Right { stale: *parameters != today }
                    }
                    _ => HashDone::Wrong,
                }
            }
        })
    }
}

/// An issuer and what it stands on.
pub struct House {
    /// Clock and store.
    pub stage: Stage,
    /// The issuer.
    pub issuer: Arc<Issuer>,
    /// Its hashing, and that of every other node.
    pub hasher: Arc<TestHasher>,
    /// Its store, which notes what is called.
    pub store: Arc<CountingStore>,
    /// Where its messages end, and those of every other node.
    pub post: Arc<Postbox>,
    nodes: AtomicU64,
}

impl House {
    /// With the default settings.
    pub async fn new(stage: Stage) -> Self {
        Self::with(stage, Settings::new(ISSUER)).await
    }

    /// With these settings.
    pub async fn with(stage: Stage, settings: Settings) -> Self {
        Self::reaching(stage, settings, Arc::new(NoEgress)).await
    }

    /// With these settings, and servers that it can call.
    pub async fn reaching(stage: Stage, settings: Settings, egress: Arc<dyn Egress>) -> Self {
        let store = Arc::new(CountingStore::new(Arc::clone(&stage.store)));
        let hasher = Arc::new(TestHasher::default());
        let post = Arc::new(Postbox::default());
        let parts = parts(Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&hasher), MASTER, 1);
        let parts = Parts { egress, courier: Arc::clone(&post) as Arc<dyn Courier>, ..parts };
        let issuer = Issuer::start(settings, parts).await.unwrap();
        store.take();
        Self { stage, issuer, hasher, store, post, nodes: AtomicU64::new(1) }
    }

    /// Another node, or a command, on the same store.
    pub async fn node(&self) -> Arc<Issuer> {
        self.node_with(MASTER).await.unwrap()
    }

    /// Another process, which opened the same store for itself.
    pub async fn process(&self) -> Arc<Issuer> {
        self.start(self.stage.another(), MASTER).await.unwrap()
    }

    /// Another node with that master key.
    pub async fn node_with(&self, master: u8) -> Result<Arc<Issuer>> {
        self.start(Arc::clone(&self.stage.store), master).await
    }

    async fn start(&self, store: Arc<dyn Store>, master: u8) -> Result<Arc<Issuer>> {
        let n = self.nodes.fetch_add(1, Ordering::SeqCst) + 1;
        let parts = parts(store, Arc::clone(&self.hasher), master, n);
        let parts = Parts { courier: Arc::clone(&self.post) as Arc<dyn Courier>, ..parts };
        Issuer::start(self.issuer.settings.clone(), parts).await
    }

    /// Adds a person with [`PASSWORD`].
    pub async fn person(&self, name: &str) -> User {
        let add = users::Add {
            email: format!("{name}@example.test"),
            email_verified: true,
            username: Some(name.to_owned()),
            password: Some(Secret::new(PASSWORD)),
            ..users::Add::default()
        };
        users::add(&self.issuer, add).await.unwrap()
    }

    /// What was sent since the last time, oldest first.
    pub async fn mails(&self) -> Vec<Message> {
        let mut mails = Vec::new();
        for taken in outbox::take(&self.issuer, Way::Mail, 100).await.unwrap() {
            mails.push(outbox::open(&self.issuer, &taken.job).unwrap());
            assert!(self.stage.store.job_done(&taken).await.unwrap());
        }
        self.store.take();
        mails
    }

    /// What people were told of changes since the last time, oldest first: what, and about what.
    pub async fn told(&self) -> Vec<(Noticed, Option<String>)> {
        let notice = |mail: Message| match mail.about {
            About::Notice(notice) => Some((notice.what, notice.detail)),
            _ => None,
        };
        self.mails().await.into_iter().filter_map(notice).collect()
    }

    /// The secret of the link in a mail.
    pub fn token(&self, mail: &Message) -> String {
        let link = post::link(mail).unwrap_or_else(|| panic!("no link in {mail:?}"));
        link.split_once("token=").unwrap().1.to_owned()
    }

    /// Signs that person in with [`PASSWORD`] in a browser.
    pub async fn sign_in(&self, name: &str, visitor: &Visitor) -> Result<browser::Fresh> {
        use countersign_issuer::login::{Purpose, password};
        let password = Secret::new(PASSWORD);
        let (flow, caller) = (visitor.binding.as_str(), caller(1));
        let proof = password::prove(&self.issuer, name, password, Purpose::Browser, flow, &caller).await?;
        browser::complete(&self.issuer, proof, visitor, &caller).await
    }

    /// That person's browser, signed in.
    pub async fn visitor(&self, name: &str) -> Visitor {
        let fresh = self.sign_in(name, &browser("flow")).await.unwrap();
        self.back(fresh.cookie.expose()).await
    }

    /// The browser with that cookie.
    pub async fn back(&self, cookie: &str) -> Visitor {
        Visitor { session: browser::session(&self.issuer, cookie).await.unwrap(), ..browser("flow") }
    }
}

fn parts(store: Arc<dyn Store>, hasher: Arc<TestHasher>, master: u8, node: u64) -> Parts {
    Parts {
        store,
        hasher,
        sign_pool: Arc::new(OnTheSpot),
        courier: Arc::new(Postbox::default()),
        egress: Arc::new(NoEgress),
        breached: None,
        entropy: Arc::new(SeededEntropy::new(1000 + node)),
        sealer: Sealer::new(zeroize::Zeroizing::new([master; 32])),
        node: format!("node-{node}"),
    }
}

/// Somebody at the `n`th address.
pub fn caller(n: u8) -> Caller {
    Caller {
        ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)),
        device: "Test browser".to_owned(),
        devices: Devices::default(),
    }
}

/// A browser that nobody is signed in with.
pub fn browser(binding: &str) -> Visitor {
    Visitor { session: None, binding: binding.to_owned(), device: "Test browser".to_owned() }
}

/// The refusal.
pub fn refused<T>(result: Result<T>) -> Rejected {
    match result {
        Err(Failure::Rejected(r)) => r,
        Err(other) => panic!("not a refusal: {other}"),
        Ok(_) => panic!("not refused"),
    }
}

/// The refusal's code.
pub fn code<T>(result: Result<T>) -> Code {
    refused(result).code
}
