//! Clients, people and resources that unit tests begin with.

use super::target::Known;
use crate::model::client::ClientAuthMethod;
use crate::model::session::Authentication;
use crate::model::{
    BrowserSession, BrowserSessionId, Client, ClientId, ClientSession, ClientSessionId, Digest, Origin,
    Resource, Role, Scopes, Subject, User, UserId, UserState,
};
use countersign_token::Timestamp;
use std::sync::Arc;

pub(crate) const API: &str = "https://api.example/";
pub(crate) const OTHER: &str = "https://other.example/";
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

/// A public third-party client with code and refresh grants and both APIs.
pub(crate) fn client() -> Client {
    let id = ClientId::parse("app").unwrap();
    let mut metadata = crate::direct::built_in::metadata();
    metadata.redirect_uris = vec!["https://app.example/cb".to_owned()];
    metadata.grant_types = vec!["authorization_code".to_owned(), "refresh_token".to_owned()];
    metadata.response_types = vec!["code".to_owned()];
    metadata.scope = scopes("openid profile email offline_access read write admin loose");
    metadata.resources = vec![API.to_owned(), OTHER.to_owned()];
    metadata.first_party = false;
    metadata.refresh_without_offline_access = false;
    Client { id, metadata, secrets: Vec::new(), updated_at: NOW }
}

pub(crate) fn confidential() -> Client {
    let mut client = client();
    client.metadata.token_endpoint_auth_method = ClientAuthMethod::ClientSecretBasic;
    client.secrets = vec![Digest([7; 32])];
    client
}

fn resource(name: &str, of: &str, by_role: &str) -> Arc<Resource> {
    Arc::new(Resource {
        resource: name.to_owned(),
        name: None,
        scopes: scopes(of),
        by_role: scopes(by_role),
        access_token_ttl: None,
        signing_alg: None,
        status_list: false,
        acr: None,
        secret: None,
    })
}

/// `API` with `read write admin` (`admin` by role); `OTHER` with `list`; `far` that no client here has.
pub(crate) fn known() -> Known {
    let all = [
        resource(API, "read write admin", "admin"),
        resource(OTHER, "list", ""),
        resource("urn:far", "far", ""),
    ];
    all.into_iter().map(|r| (r.resource.clone(), r)).collect()
}

pub(crate) fn subject(roles: &[(&str, &str, &str)]) -> Subject {
    let user = User {
        id: UserId::from_stored("u_ada"),
        email: "ada@example.test".to_owned(),
        email_verified: true,
        username: Some("ada".to_owned()),
        name: Some("Ada".to_owned()),
        roles: roles.iter().map(|(name, ..)| (*name).to_owned()).collect(),
        state: UserState::Active,
        credential_version: 1,
        cutoff: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let role = |(name, at, granted): &(&str, &str, &str)| {
        Arc::new(Role {
            name: (*name).to_owned(),
            description: String::new(),
            grants: [((*at).to_owned(), scopes(granted))].into(),
        })
    };
    Subject { user, roles: roles.iter().map(role).collect() }
}

pub(crate) fn authentication(at: Timestamp) -> Authentication {
    Authentication {
        auth_time: at,
        acr: "urn:countersign:1".to_owned(),
        amr: vec!["pwd".to_owned()],
        proven: Vec::new(),
    }
}

pub(crate) fn browser(user: &str, at: Timestamp) -> BrowserSession {
    BrowserSession {
        id: BrowserSessionId::from_stored("b_1"),
        user: UserId::from_stored(user),
        cookie: Digest([1; 32]),
        previous: None,
        authentication: authentication(at),
        created_at: at,
        seen_at: at,
        expires_at: at,
        device: String::new(),
    }
}

pub(crate) fn session(granted: &str, resources: &[&str]) -> ClientSession {
    ClientSession {
        id: ClientSessionId([9; 16]),
        user: UserId::from_stored("u_ada"),
        client: ClientId::parse("app").unwrap(),
        browser: None,
        origin: Origin::Code,
        scopes: scopes(granted),
        resources: resources.iter().map(|r| (*r).to_owned()).collect(),
        authentication: authentication(NOW),
        refresh: None,
        created_at: NOW,
        revoked_at: None,
        device: String::new(),
    }
}
