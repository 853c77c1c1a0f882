//! A store with a hand-moved clock, and short ways to put people, clients and sessions into it.

use crate::fixture::{self, event};
use crate::{ManualClock, SeededEntropy};
use countersign_issuer::model::{
    BrowserSession, Client, ClientSession, Event, EventKind, Resource, Role, User,
};
use countersign_issuer::port::browser_session::{SignIn, SignedIn};
use countersign_issuer::port::{CreateUser, Store};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Barrier;

/// Where a store keeps what it keeps. Opened twice, it is one store seen by two processes.
pub trait Place: Send + Sync + 'static {
    /// Opens a store there that lives by this clock.
    fn open(&self, clock: &ManualClock) -> Arc<dyn Store>;
}

impl<F: Fn(&ManualClock) -> Arc<dyn Store> + Send + Sync + 'static> Place for F {
    fn open(&self, clock: &ManualClock) -> Arc<dyn Store> {
        self(clock)
    }
}

/// What a case plays on.
pub struct Stage {
    /// Where.
    pub place: Box<dyn Place>,
    /// The store's clock.
    pub clock: ManualClock,
    /// For ids.
    pub entropy: SeededEntropy,
    /// The store.
    pub store: Arc<dyn Store>,
}

impl Stage {
    /// An open store at that place.
    pub fn new(place: impl Place) -> Self {
        let clock = ManualClock::default();
        let store = place.open(&clock);
        Self { place: Box::new(place), clock, entropy: SeededEntropy::default(), store }
    }

    /// The same store once more, as another process has it.
    pub fn another(&self) -> Arc<dyn Store> {
        self.place.open(&self.clock)
    }

    /// Closes the store and opens it again.
    #[must_use]
    pub fn restarted(self) -> Self {
        let Self { place, clock, entropy, store } = self;
        assert_eq!(Arc::strong_count(&store), 1, "somebody else still holds the store");
        drop(store);
        let store = place.open(&clock);
        Self { place, clock, entropy, store }
    }

    /// Adds a person.
    pub async fn user(&self, name: &str) -> User {
        let new = fixture::new_user(&self.entropy, name);
        match self.store.create_user(new, event(EventKind::UserCreated)).await.unwrap() {
            CreateUser::Created(user) => user,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// Adds a public client.
    pub async fn client(&self, id: &str) -> Client {
        let client = fixture::client(id);
        self.apply(client.clone()).await;
        self.store.client(&client.id).await.unwrap().unwrap()
    }

    /// Adds or changes a client.
    pub async fn apply(&self, client: Client) {
        let events = vec![event(EventKind::ClientApplied).client(&client.id)];
        self.store.apply_clients(vec![client], events).await.unwrap();
    }

    /// Adds or changes a role.
    pub async fn role(&self, role: Role) {
        self.store.apply_role(role, event(EventKind::RoleApplied)).await.unwrap();
    }

    /// Adds or changes a resource.
    pub async fn resource(&self, resource: Resource) {
        self.store.apply_resources(vec![resource], vec![event(EventKind::ResourceApplied)]).await.unwrap();
    }

    /// Signs the person in.
    pub async fn browser(&self, user: &User) -> BrowserSession {
        self.browser_by(user, fixture::sign_in(&self.entropy, &user.id)).await
    }

    /// The same on this device of that name.
    pub async fn browser_on(&self, user: &User, device: [u8; 32], name: &str) -> BrowserSession {
        self.browser_by(user, fixture::sign_in_on(&self.entropy, &user.id, device, name)).await
    }

    async fn browser_by(&self, user: &User, mut sign_in: SignIn) -> BrowserSession {
        sign_in.credential_version = user.credential_version;
        let signed_in = self
            .store
            .sign_in(sign_in, None, fixture::UNTIL, event(EventKind::LoginSucceeded))
            .await
            .unwrap();
        match signed_in {
            SignedIn::Done(browser, _) => *browser,
            SignedIn::Refused => panic!("{} may not sign in", user.email),
        }
    }

    /// Begins a client session with a rotating refresh token.
    pub async fn session(
        &self,
        user: &User,
        client: &Client,
        browser: Option<&BrowserSession>,
    ) -> ClientSession {
        let new = fixture::client_session(&self.entropy, &user.id, &client.id, browser.map(|b| &b.id));
        self.start(new, user).await
    }

    /// Begins this client session.
    pub async fn start(&self, new: ClientSession, user: &User) -> ClientSession {
        let started = event(EventKind::ClientSessionStarted);
        let version = user.credential_version;
        let id = new.id;
        self.store.start_session(new, version, fixture::ABSOLUTE, started).await.unwrap().unwrap();
        self.store.client_session(id).await.unwrap().it.unwrap().0
    }

    /// Where the event log ends.
    pub async fn mark(&self) -> i64 {
        self.store.last_event().await.unwrap()
    }

    /// Events since then.
    pub async fn events(&self, mark: i64) -> Vec<Event> {
        self.store.events_after(mark, 1000).await.unwrap().it
    }

    /// Kinds of events since then.
    pub async fn kinds(&self, mark: i64) -> Vec<EventKind> {
        self.events(mark).await.into_iter().map(|e| e.what.kind).collect()
    }
}

/// Runs it `count` times at once, all let go at the same moment.
pub async fn at_once<T, F>(count: usize, mut make: impl FnMut(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let gate = Arc::new(Barrier::new(count));
    let tasks: Vec<_> = (0..count)
        .map(|i| {
            let (gate, call) = (Arc::clone(&gate), make(i));
            tokio::spawn(async move {
                gate.wait().await;
                call.await
            })
        })
        .collect();
    let mut out = Vec::with_capacity(count);
    for task in tasks {
        out.push(task.await.unwrap());
    }
    out
}
