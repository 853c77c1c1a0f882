//! `countersign-direct`: the client of the direct API where none is configured. Public and first-party.

use crate::Issuer;
use crate::error::Result;
use crate::model::client::{ClientAuthMethod, Demands};
use crate::model::{Actor, Client, ClientId, ClientMetadata, EventDraft, EventKind, Scopes};
use crate::settings::Settings;
use countersign_token::Timestamp;
use serde_json::Map;
use std::sync::Arc;

/// Its id.
pub(crate) const BUILT_IN: &str = "countersign-direct";

/// The built-in client, if that is its id and no other is configured.
pub(crate) fn built_in(settings: &Settings, id: &ClientId) -> Option<Arc<Client>> {
    (id.as_str() == BUILT_IN && settings.direct_clients.is_empty()).then(|| {
        Arc::new(Client {
            id: id.clone(),
            metadata: metadata(),
            secrets: Vec::new(),
            updated_at: Timestamp::default(),
        })
    })
}

pub(crate) fn metadata() -> ClientMetadata {
    ClientMetadata {
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        token_endpoint_auth_method: ClientAuthMethod::None,
        grant_types: vec!["refresh_token".to_owned()],
        response_types: Vec::new(),
        scope: Scopes::from_iter(["openid", "profile", "email"]),
        client_name: Some("Direct sign-in".to_owned()),
        client_uri: None,
        logo_uri: None,
        policy_uri: None,
        tos_uri: None,
        application_type: None,
        id_token_signed_response_alg: None,
        default_max_age: None,
        require_auth_time: false,
        more: Map::new(),
        allowed_origins: None,
        resources: Vec::new(),
        introspects: Vec::new(),
        first_party: true,
        require_pkce: true,
        refresh_without_offline_access: true,
        refresh_rotate: true,
        refresh_idle: None,
        refresh_absolute: None,
        refresh_retry_window: None,
        brand: None,
        direct: true,
        demands: Demands::default(),
    }
}

/// Sessions hang on a client's row: the built-in client gets one with its first sign-in.
pub(super) async fn ensure_row(issuer: &Issuer, client: &Client) -> Result<()> {
    if client.id.as_str() != BUILT_IN || issuer.directory.client(&client.id).await?.is_some() {
        return Ok(());
    }
    let event = EventDraft::new(EventKind::ClientApplied, Actor::System).client(&client.id);
    Ok(issuer.store.apply_clients(vec![client.clone()], vec![event]).await?)
}
