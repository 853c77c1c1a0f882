//! A store that notes which of its methods were called, for tests of "the same work, whoever asks".

use async_trait::async_trait;
use countersign_feed::head::FeedId;
use countersign_feed::{Chain, Salt};
use countersign_issuer::login::Purpose;
use countersign_issuer::model::message::Way;
use countersign_issuer::model::session::Authentication;
use countersign_issuer::model::status::StatusEntry;
use countersign_issuer::model::*;
use countersign_issuer::port::account::KnownDevice;
use countersign_issuer::port::browser_session::{LiveBrowser, SignIn, SignedIn};
use countersign_issuer::port::challenge::Kind;
use countersign_issuer::port::feed::{Acknowledged, FeedState, Finer, Load};
use countersign_issuer::port::status_list::{StatusMember, StatusPage, StatusScan};
use countersign_issuer::port::user::Found;
use countersign_issuer::port::*;
use countersign_issuer::seal::LogKey;
use countersign_token::Timestamp;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Passes everything on and notes the method's name.
pub struct CountingStore {
    inner: Arc<dyn Store>,
    calls: Mutex<Vec<&'static str>>,
}

impl CountingStore {
    /// In front of that store.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, calls: Mutex::default() }
    }
    /// What was called since the last time, in order.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

macro_rules! noted {
    ($($port:ident { $(fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)+ })+) => {
        $(#[async_trait]
        impl $port for CountingStore {
            $(async fn $name(&self, $($arg: $ty),*) -> $ret {
                self.calls.lock().unwrap().push(stringify!($name));
                self.inner.$name($($arg),*).await
            })+
        })+
    };
}

noted! {
    Users {
        fn create_user(new: NewUser, event: EventDraft) -> StoreResult<CreateUser>;
        fn subject(id: &UserId) -> StoreResult<At<Option<Subject>>>;
        fn find_login(login: &str) -> StoreResult<At<Option<Found>>>;
        fn list_users(page: Page) -> StoreResult<Vec<User>>;
        fn change_user(id: &UserId, change: UserChange, event: EventDraft) -> StoreResult<ChangedUser>;
        fn set_password(change: CredentialChange, password: Secret) -> StoreResult<Option<Vec<Rule>>>;
        fn renew_hash(id: &UserId, old: &Secret, new: Secret, event: EventDraft) -> StoreResult<bool>;
        fn disable_user(id: &UserId, until: Duration, event: EventDraft) -> StoreResult<Option<Vec<Rule>>>;
        fn enable_user(id: &UserId, event: EventDraft) -> StoreResult<bool>;
        fn remove_user(id: &UserId, until: Duration, event: EventDraft) -> StoreResult<Option<Vec<Rule>>>;
        fn sign_out_user(id: &UserId, until: Duration, event: EventDraft) -> StoreResult<Option<(Cutoff, Vec<Rule>)>>;
    }
    Accounts {
        fn account(id: &UserId) -> StoreResult<At<Option<Account>>>;
        fn find_account(login: &str) -> StoreResult<At<Option<Account>>>;
        fn change_email(change: CredentialChange, email: &str) -> StoreResult<ChangedEmail>;
        fn verify_email(id: &UserId, email: &str, event: EventDraft) -> StoreResult<bool>;
        fn claim_email(change: CredentialChange, email: &str) -> StoreResult<Option<Claimed>>;
        fn reset_password(change: CredentialChange, password: Secret) -> StoreResult<Option<Vec<Rule>>>;
        fn reset_factors(change: CredentialChange) -> StoreResult<Option<Vec<Rule>>>;
        fn remove_password(change: CredentialChange) -> StoreResult<Option<Vec<Rule>>>;
        fn set_locale(id: &UserId, locale: &str) -> StoreResult<()>;
        fn locale(id: &UserId) -> StoreResult<Option<String>>;
        fn count_stranded(usable: &[Factor]) -> StoreResult<u64>;
        fn known_device(user: &UserId, device: &[u8; 32]) -> StoreResult<Option<Acr>>;
        fn forget_devices(user: &UserId, only: Option<&Digest>, event: EventDraft) -> StoreResult<u64>;
        fn list_devices(user: &UserId) -> StoreResult<Vec<KnownDevice>>;
    }
    Challenges {
        fn ask(new: NewChallenge, event: EventDraft) -> StoreResult<()>;
        fn pending(kind: &Kind, flow: Option<&Digest>) -> StoreResult<At<Option<Challenge>>>;
        fn try_code(id: ChallengeId, code: &Digest, wrong: EventDraft) -> StoreResult<Tried>;
        fn link(link: &Digest) -> StoreResult<At<Option<Challenge>>>;
        fn spend_link(link: &Digest, flow: &Digest) -> StoreResult<At<Option<Challenge>>>;
        fn void_challenge(id: ChallengeId, event: EventDraft) -> StoreResult<bool>;
        fn void_challenges(user: &UserId, purpose: Purpose) -> StoreResult<()>;
    }
    Totps {
        fn put_totp(change: CredentialChange, secret: Sealed, step: i64) -> StoreResult<Option<Vec<Rule>>>;
        fn totp(user: &UserId) -> StoreResult<At<Option<(Sealed, i64)>>>;
        fn use_totp(user: &UserId, step: i64) -> StoreResult<bool>;
        fn remove_totp(change: CredentialChange) -> StoreResult<Option<Vec<Rule>>>;
    }
    Phones {
        fn put_phone(change: CredentialChange, number: &str) -> StoreResult<Option<Vec<Rule>>>;
        fn remove_phone(change: CredentialChange) -> StoreResult<Option<Vec<Rule>>>;
    }
    RecoveryCodes {
        fn put_recovery_codes(change: CredentialChange, codes: Vec<Digest>) -> StoreResult<Option<Vec<Rule>>>;
        fn use_recovery_code(user: &UserId, code: &Digest, event: EventDraft) -> StoreResult<At<Option<u16>>>;
    }
    Passkeys {
        fn add_passkey(change: CredentialChange, passkey: Passkey, answered: Answered) -> StoreResult<AddedPasskey>;
        fn list_passkeys(user: &UserId) -> StoreResult<At<Vec<Passkey>>>;
        fn passkey(credential_id: &[u8]) -> StoreResult<At<Option<Passkey>>>;
        fn use_passkey(used: UsedPasskey) -> StoreResult<bool>;
        fn suspect_passkey(answered: Answered, event: EventDraft) -> StoreResult<bool>;
        fn rename_passkey(user: &UserId, id: PasskeyId, name: &str, event: EventDraft) -> StoreResult<bool>;
        fn remove_passkey(change: CredentialChange, id: PasskeyId) -> StoreResult<Option<Vec<Rule>>>;
    }
    Upstreams {
        fn upstream_link(provider: &str, subject: &str) -> StoreResult<At<Option<UpstreamLink>>>;
        fn list_upstreams(user: &UserId) -> StoreResult<Vec<UpstreamLink>>;
        fn add_upstream(change: CredentialChange, provider: &str, subject: &str, email: Option<&str>) -> StoreResult<LinkedUpstream>;
        fn remove_upstream(change: CredentialChange, provider: &str, subject: &str) -> StoreResult<Option<Vec<Rule>>>;
        fn join_upstream(new: NewUser, provider: &str, subject: &str, event: EventDraft) -> StoreResult<JoinedUpstream>;
    }
    Outbox {
        fn job_queued(way: Way) -> ();
        fn take_jobs(way: Way, limit: u16, lease: Duration) -> StoreResult<At<Vec<TakenJob>>>;
        fn job_done(taken: &TakenJob) -> StoreResult<bool>;
        fn job_failed(taken: &TakenJob, wait: Duration, error: &str) -> StoreResult<bool>;
        fn job_dead(taken: &TakenJob, error: &str, event: EventDraft) -> StoreResult<bool>;
        fn list_jobs(way: Option<Way>, limit: u16) -> StoreResult<At<Vec<WaitingJob>>>;
        fn find_job(id: JobId) -> StoreResult<Option<WaitingJob>>;
        fn retry_job(id: JobId) -> StoreResult<bool>;
        fn remove_job(id: JobId) -> StoreResult<bool>;
        fn count_jobs(way: Option<Way>) -> StoreResult<(u64, u64)>;
    }
    Roles {
        fn apply_role(role: Role, event: EventDraft) -> StoreResult<()>;
        fn list_roles() -> StoreResult<Vec<Role>>;
        fn remove_role(name: &str, event: EventDraft) -> StoreResult<bool>;
    }
    Clients {
        fn apply_clients(clients: Vec<Client>, events: Vec<EventDraft>) -> StoreResult<()>;
        fn client(id: &ClientId) -> StoreResult<Option<Client>>;
        fn list_clients(page: Page) -> StoreResult<Vec<Client>>;
        fn remove_client(id: &ClientId, until: Duration, event: EventDraft) -> StoreResult<Option<Vec<Rule>>>;
        fn all_origins() -> StoreResult<Vec<String>>;
    }
    Resources {
        fn apply_resources(resources: Vec<Resource>, events: Vec<EventDraft>) -> StoreResult<()>;
        fn list_resources() -> StoreResult<Vec<Resource>>;
        fn remove_resource(resource: &str, event: EventDraft) -> StoreResult<bool>;
    }
    Consents {
        fn grant_consent(consent: Consent, event: EventDraft) -> StoreResult<()>;
        fn consent(user: &UserId, client: &ClientId) -> StoreResult<Option<Consent>>;
        fn list_consents(user: &UserId) -> StoreResult<Vec<Consent>>;
        fn withdraw_consent(user: &UserId, client: &ClientId, until: Duration, event: EventDraft) -> StoreResult<Option<Vec<Rule>>>;
    }
    BrowserSessions {
        fn sign_in(sign_in: SignIn, ends: Option<BrowserSessionId>, until: Duration, event: EventDraft) -> StoreResult<SignedIn>;
        fn live_browser(cookie: &Digest) -> StoreResult<At<Option<LiveBrowser>>>;
        fn touch_browser(id: &BrowserSessionId, seen_at: Timestamp) -> StoreResult<()>;
        fn list_browsers(user: &UserId) -> StoreResult<Vec<BrowserSession>>;
        fn end_browser(user: &UserId, id: &BrowserSessionId, until: Duration, event: EventDraft) -> StoreResult<Option<Vec<Rule>>>;
        fn end_other_browsers(user: &UserId, keep: &BrowserSessionId, until: Duration, event: EventDraft) -> StoreResult<Vec<Rule>>;
        fn browser_authentication(id: &BrowserSessionId) -> StoreResult<Option<Authentication>>;
    }
    Codes {
        fn create_code(code: AuthorizationCode, life: Duration) -> StoreResult<bool>;
        fn create_code_of_proofs(code: AuthorizationCode, credential_version: u32, life: Duration, event: EventDraft) -> StoreResult<bool>;
        fn code(digest: &Digest) -> StoreResult<At<Option<AuthorizationCode>>>;
        fn redeem_code(digest: &Digest, session: ClientSession, absolute_for: Duration, until: Duration, event: EventDraft) -> StoreResult<Redeemed>;
        fn code_replayed(digest: &Digest, until: Duration, event: EventDraft) -> StoreResult<Vec<Rule>>;
    }
    ClientSessions {
        fn start_session(session: ClientSession, credential_version: u32, absolute_for: Duration, event: EventDraft) -> StoreResult<Option<At<Subject>>>;
        fn rotate_refresh(rotation: Rotation, theft: EventDraft) -> StoreResult<RotateOutcome>;
        fn client_session(id: ClientSessionId) -> StoreResult<At<Option<(ClientSession, Subject)>>>;
        fn list_client_sessions(user: &UserId) -> StoreResult<Vec<ClientSession>>;
        fn sessions_under(browser: &BrowserSessionId) -> StoreResult<Vec<ClientSession>>;
        fn end_session(id: ClientSessionId, client: Option<&ClientId>, user: Option<&UserId>, until: Duration, event: EventDraft) -> StoreResult<Option<Vec<Rule>>>;
    }
    Keys {
        fn load_keys() -> StoreResult<At<(Vec<KeyRecord>, i64)>>;
        fn init_keys(keys: Vec<KeyRecord>, refresh: RefreshKeyRecord, event: EventDraft) -> StoreResult<bool>;
        fn add_key(key: KeyRecord, seen: i64, event: EventDraft) -> StoreResult<bool>;
        fn move_keys(moves: Vec<(String, KeyState, KeyState)>, seen: i64, event: EventDraft) -> StoreResult<bool>;
        fn withdraw_key(kid: &str, replacement: Option<KeyRecord>, until: Duration, event: EventDraft) -> StoreResult<Option<Vec<Rule>>>;
        fn load_refresh_keys() -> StoreResult<Vec<RefreshKeyRecord>>;
        fn add_refresh_key(key: RefreshKeyRecord, event: EventDraft) -> StoreResult<bool>;
        fn reseal(all: Resealed) -> StoreResult<bool>;
    }
    Revocations {
        fn revoke_token(jti: &str, sub: Option<&str>, until: Timestamp, event: EventDraft) -> StoreResult<Rule>;
        fn revoke_before_now(kind: RuleKind, id: &str, until: Duration, event: EventDraft) -> StoreResult<Rule>;
        fn rules_after(after: i64, limit: u32) -> StoreResult<At<(Vec<Rule>, i64)>>;
        fn rules_of(kind: RuleKind, id: &str) -> StoreResult<At<Vec<Written>>>;
    }
    Feeds {
        fn feed() -> StoreResult<At<Option<FeedState>>>;
        fn begin_feed(id: FeedId, salt: Salt, genesis: Chain) -> StoreResult<bool>;
        fn waiting(limit: u32) -> StoreResult<At<Option<Load>>>;
        fn append(append: Append) -> StoreResult<bool>;
        fn finer_rules(after: i64, limit: u32) -> StoreResult<Vec<Finer>>;
        fn coarsen(append: Append, buckets: Vec<Rule>, covered: i64) -> StoreResult<bool>;
        fn log_after(epoch: u64, after: u64, most: usize) -> StoreResult<Option<countersign_feed::Page>>;
        fn block(epoch: u64, block: u64) -> StoreResult<Option<countersign_feed::Page>>;
        fn save_snapshot(epoch: u64, seq: u64, sha256: Chain, body: Vec<u8>) -> StoreResult<bool>;
        fn snapshot(epoch: u64, seq: u64) -> StoreResult<Option<Arc<[u8]>>>;
        fn begin_epoch(seen: Position, epoch: u64, genesis: Chain, everything: Option<(String, Duration)>, event: EventDraft) -> StoreResult<bool>;
        fn acknowledge(all: Vec<Acknowledged>) -> StoreResult<()>;
        fn verifiers(since: Timestamp) -> StoreResult<At<Vec<Acknowledged>>>;
        fn token_life(life: Duration, lower: bool) -> StoreResult<()>;
    }
    StatusLists {
        fn status_lists() -> StoreResult<At<Vec<u32>>>;
        fn lease_status(client: Option<&ClientId>, since: i64, until: Timestamp, pick: u32) -> StoreResult<StatusEntry>;
        fn session_status(sid: ClientSessionId) -> StoreResult<Option<(StatusEntry, i64)>>;
        fn assign_status(member: StatusMember, entry: StatusEntry, before: Option<StatusEntry>) -> StoreResult<StatusEntry>;
        fn status_hits(from: StatusScan, limit: u32) -> StoreResult<StatusPage>;
        fn sweep_status(limit: u32) -> StoreResult<u64>;
    }
    Events {
        fn events_after(seq: i64, limit: u32) -> StoreResult<At<Vec<Event>>>;
        fn last_event() -> StoreResult<i64>;
        fn events_of(user: &UserId, limit: u32) -> StoreResult<Vec<Event>>;
        fn find_events(filter: &EventFilter, limit: u32) -> StoreResult<Vec<Event>>;
        fn note(event: EventDraft) -> StoreResult<()>;
        fn link_with(key: LogKey) -> StoreResult<()>;
        fn kept_events(after: i64, limit: u32) -> StoreResult<Vec<KeptEvent>>;
    }
}

#[async_trait]
impl Node for CountingStore {
    fn cached_now(&self) -> Timestamp {
        self.inner.cached_now()
    }
    async fn ping(&self) -> StoreResult<Timestamp> {
        self.inner.ping().await
    }
    async fn epoch(&self) -> StoreResult<u32> {
        self.inner.epoch().await
    }
    async fn heartbeat(&self, node: &str, key_version: i64) -> StoreResult<()> {
        self.inner.heartbeat(node, key_version).await
    }
    async fn keys_seen_by_all(&self) -> StoreResult<Option<i64>> {
        self.inner.keys_seen_by_all().await
    }
    async fn sweep(&self, limit: u32) -> StoreResult<u64> {
        self.inner.sweep(limit).await
    }
}
