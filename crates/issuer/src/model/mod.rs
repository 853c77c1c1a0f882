//! What the issuer knows about: one file an aggregate. States are enums, ids are typed, secrets redact.

pub mod client;
pub mod code;
pub mod consent;
pub mod event;
pub mod id;
pub mod key;
pub mod resource;
pub mod revocation;
pub mod role;
pub mod scope;
pub mod secret;
pub mod session;
pub mod status;
pub mod user;

pub use client::{Client, ClientMetadata};
pub use code::AuthorizationCode;
pub use consent::Consent;
pub use event::{Actor, Event, EventDraft, EventKind};
pub use id::{BrowserSessionId, ClientId, ClientSessionId, UserId};
pub use key::{KeyRecord, KeyState, KeyUse, RefreshKeyRecord};
pub use resource::Resource;
pub use revocation::{Cutoff, Rule, RuleKind};
pub use role::Role;
pub use scope::Scopes;
pub use secret::{Digest, Sealed, Secret};
pub use session::{BrowserSession, ClientSession, Origin, Refresh};
pub use user::{Subject, User, UserState};
