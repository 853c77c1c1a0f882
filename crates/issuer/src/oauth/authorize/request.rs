//! An authorization request as the checks leave it.

use super::ResponseMode;
use crate::model::{Acr, Scopes, UserId};
use serde::{Deserialize, Serialize};

/// `prompt` (OIDC Core 3.1.2.1, Initiating User Registration 1.0).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Prompt {
    pub(super) none: bool,
    pub(super) login: bool,
    pub(super) consent: bool,
    pub(super) select_account: bool,
    pub(super) create: bool,
}

/// `acr_values` (OIDC Core 3.1.2.1), most wanted first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Levels {
    /// The first one named: what a sign-in on the way is to reach.
    pub(super) wanted: Acr,
    /// The weakest one named: what will do.
    pub(super) enough: Acr,
}

impl Default for Levels {
    fn default() -> Self {
        Self { wanted: Acr::One, enough: Acr::One }
    }
}

/// Filled field by field, each by the check of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Proven: the answer goes there.
    pub(super) redirect_uri: String,
    /// It stood in the request; the token request must then repeat it (RFC 6749 4.1.3).
    pub(super) redirect_given: bool,
    pub(super) state: Option<String>,
    pub(super) mode: ResponseMode,
    pub(super) scopes: Scopes,
    pub(super) resources: Vec<String>,
    pub(super) challenge: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) prompt: Prompt,
    /// Seconds.
    pub(super) max_age: Option<u32>,
    pub(super) login_hint: Option<String>,
    /// The levels asked for.
    pub(super) levels: Levels,
    /// The person `id_token_hint` names.
    pub(super) hinted: Option<UserId>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            redirect_uri: String::new(),
            redirect_given: false,
            state: None,
            mode: ResponseMode::Query,
            scopes: Scopes::default(),
            resources: Vec::new(),
            challenge: None,
            nonce: None,
            prompt: Prompt::default(),
            max_age: None,
            login_hint: None,
            levels: Levels::default(),
            hinted: None,
        }
    }
}
