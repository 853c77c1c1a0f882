//! People, clients, sessions and codes to begin a test with. Each is plain and valid; a test changes the
//! one field it is about.

use crate::ManualClock;
use countersign_issuer::model::client::{ClientAuthMethod, ClientMetadata, Demands};
use countersign_issuer::model::session::Authentication;
use countersign_issuer::model::{
    Actor, AuthorizationCode, BrowserSessionId, Client, ClientId, ClientSession, ClientSessionId, Digest,
    EventDraft, EventKind, Factor, Origin, Proven, Refresh, Resource, Role, Scopes, Secret, UserId,
};
use countersign_issuer::port::browser_session::{SeenDevice, SignIn};
use countersign_issuer::port::{CredentialChange, Entropy, NewUser, Rotation};
use countersign_token::Timestamp;
use serde_json::Map;
use std::time::Duration;

/// How long rules written by tests live.
pub const UNTIL: Duration = Duration::from_secs(3600);
/// Seven days, the default idle life of a refresh token.
pub const IDLE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Thirty days, the default life of a client session.
pub const ABSOLUTE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Life of a code.
pub const CODE_LIFE: Duration = Duration::from_secs(60);
/// Life of a browser session.
pub const BROWSER_LIFE: Duration = Duration::from_secs(12 * 3600);

/// An event of this kind by the system.
pub fn event(kind: EventKind) -> EventDraft {
    EventDraft::new(kind, Actor::System)
}

/// A change of this person's credentials that ends every session.
pub fn credential_change(user: &UserId, kind: EventKind) -> CredentialChange {
    CredentialChange { user: user.clone(), version: None, keep: None, until: UNTIL, event: event(kind) }
}

/// Scopes from text; what cannot be a scope is left out.
pub fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap_or_default()
}

/// A person `name@example.test` with the user name `name` and a stored hash that no password matches.
pub fn new_user(entropy: &dyn Entropy, name: &str) -> NewUser {
    NewUser {
        id: UserId::mint(entropy),
        email: format!("{name}@example.test"),
        email_verified: true,
        username: Some(name.to_owned()),
        name: Some(format!("{name} of the tests")),
        roles: Vec::new(),
        password: Some(Secret::new(format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ${name}"))),
    }
}

/// Metadata of a public client with one redirect URI, code and refresh grants.
pub fn metadata() -> ClientMetadata {
    ClientMetadata {
        redirect_uris: vec!["https://app.example.test/callback".to_owned()],
        post_logout_redirect_uris: vec!["https://app.example.test/".to_owned()],
        token_endpoint_auth_method: ClientAuthMethod::None,
        grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
        response_types: vec!["code".to_owned()],
        scope: scopes("openid profile email offline_access"),
        client_name: Some("Test app".to_owned()),
        client_uri: None,
        logo_uri: None,
        policy_uri: None,
        tos_uri: None,
        application_type: Some("web".to_owned()),
        id_token_signed_response_alg: None,
        default_max_age: None,
        require_auth_time: false,
        more: Map::new(),
        allowed_origins: None,
        resources: Vec::new(),
        introspects: Vec::new(),
        first_party: false,
        require_pkce: true,
        refresh_without_offline_access: false,
        refresh_rotate: false,
        refresh_idle: None,
        refresh_absolute: None,
        refresh_retry_window: None,
        brand: None,
        direct: false,
        demands: Demands::default(),
    }
}

/// A public client.
pub fn client(id: &str) -> Client {
    Client {
        id: ClientId::from_stored(id),
        metadata: metadata(),
        secrets: Vec::new(),
        updated_at: Timestamp::default(),
    }
}

/// A confidential client with the digests of its secrets (see `oauth::client_auth` for how they are made).
pub fn confidential_client(id: &str, secrets: Vec<Digest>) -> Client {
    let mut client = client(id);
    client.metadata.token_endpoint_auth_method = ClientAuthMethod::ClientSecretBasic;
    client.metadata.grant_types.push("client_credentials".to_owned());
    client.secrets = secrets;
    client
}

/// A resource with `read` and `write`.
pub fn resource(id: &str) -> Resource {
    Resource {
        resource: id.to_owned(),
        name: None,
        scopes: scopes("read write"),
        by_role: Scopes::default(),
        access_token_ttl: None,
        signing_alg: None,
        status_list: false,
        acr: None,
        secret: None,
    }
}

/// A role that grants `granted` at `resource`.
pub fn role(name: &str, resource: &str, granted: &str) -> Role {
    Role {
        name: name.to_owned(),
        description: String::new(),
        grants: [(resource.to_owned(), scopes(granted))].into(),
    }
}

/// A password proof at that time.
pub fn authentication(auth_time: Timestamp) -> Authentication {
    let password = Proven { factor: Factor::Password, at: auth_time, hardware: false };
    Authentication {
        auth_time,
        acr: "urn:countersign:1".to_owned(),
        amr: vec!["pwd".to_owned()],
        proven: vec![password],
    }
}

/// A first sign-in of a person whose credentials never changed.
pub fn sign_in(entropy: &dyn Entropy, user: &UserId) -> SignIn {
    SignIn {
        continues: None,
        id: BrowserSessionId::mint(entropy),
        user: user.clone(),
        credential_version: 1,
        cookie: Digest(entropy.bytes()),
        authentication: authentication(ManualClock::default().now()),
        life: BROWSER_LIFE,
        device: "Test browser".to_owned(),
        seen: None,
    }
}

/// As [`sign_in`], on a device of that name.
pub fn sign_in_on(entropy: &dyn Entropy, user: &UserId, device: [u8; 32], name: &str) -> SignIn {
    let seen = Some(SeenDevice { digest: Digest(device), news: None });
    SignIn { device: name.to_owned(), seen, ..sign_in(entropy, user) }
}

/// A code of that sign-in; times are the store's to set.
pub fn code(
    entropy: &dyn Entropy,
    user: &UserId,
    client: &ClientId,
    browser: &BrowserSessionId,
) -> AuthorizationCode {
    AuthorizationCode {
        digest: Digest(entropy.bytes()),
        client: client.clone(),
        user: user.clone(),
        browser: Some(browser.clone()),
        redirect_uri: Some("https://app.example.test/callback".to_owned()),
        challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
        scopes: scopes("openid offline_access"),
        resources: Vec::new(),
        nonce: Some("n-0S6_WzA2Mj".to_owned()),
        authentication: authentication(Timestamp::default()),
        device: "Test browser".to_owned(),
        created_at: Timestamp::default(),
        expires_at: Timestamp::default(),
        spent_for: None,
    }
}

/// The refresh state of a new session of a client that rotates; limits are the store's to set.
pub fn refresh() -> Refresh {
    Refresh {
        n: 1,
        rotated_at: Timestamp::default(),
        replays: 0,
        key_version: 1,
        rotate: true,
        epoch: 1,
        idle_until: Timestamp::default(),
        idle_for: u32::try_from(IDLE.as_secs()).unwrap_or(u32::MAX),
        absolute_until: Timestamp::default(),
    }
}

/// A client session with a rotating refresh token; times are the store's to set.
pub fn client_session(
    entropy: &dyn Entropy,
    user: &UserId,
    client: &ClientId,
    browser: Option<&BrowserSessionId>,
) -> ClientSession {
    ClientSession {
        id: ClientSessionId::mint(entropy),
        user: user.clone(),
        client: client.clone(),
        browser: browser.cloned(),
        origin: if browser.is_some() { Origin::Code } else { Origin::Direct },
        scopes: scopes("openid offline_access"),
        resources: vec!["https://api.example.test/".to_owned()],
        authentication: authentication(Timestamp::default()),
        refresh: Some(refresh()),
        created_at: Timestamp::default(),
        revoked_at: None,
        device: "Test browser".to_owned(),
    }
}

/// Token number `n` of that session, presented by its client under the default retry rules.
pub fn rotation(session: &ClientSession, n: u32) -> Rotation {
    Rotation {
        id: session.id,
        n,
        client: session.client.clone(),
        retry_window: Duration::from_secs(30),
        max_replays: 5,
        epoch: 1,
        key_version: 1,
        until: UNTIL,
    }
}
