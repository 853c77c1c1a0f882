//! The checks of an authorization request, in order; the first that refuses decides.

mod acr_values;
mod client;
mod id_token_hint;
pub(super) mod login_hint;
mod max_age;
mod nonce;
mod pkce;
mod prompt;
mod redirect_uri;
mod repeats;
mod request_object;
mod resource;
mod response_mode;
mod response_type;
mod scope;
mod state;
#[cfg(test)]
mod tests;

use super::request::Request;
use crate::error::Rejected;
use crate::model::Client;
use crate::oauth::params::Params;
use crate::oauth::target::Known;
use countersign_token::IdToken;

/// What checks look at.
pub(super) struct Given<'a> {
    /// As they came.
    pub(super) params: &'a Params,
    /// Registered under the request's `client_id`.
    pub(super) client: &'a Client,
    /// All resources.
    pub(super) known: &'a Known,
    /// Reads an ID token of this issuer.
    pub(super) hint: &'a (dyn Fn(&str) -> Option<IdToken> + Sync),
}

/// Who is told.
pub(super) enum Refused {
    /// The person, on a page.
    Page(Rejected),
    /// The client, at its redirect URI, in the mode and with the state found so far.
    Client(Box<Request>, Rejected),
}

enum Tell {
    Page,
    Client,
}

struct Check {
    name: &'static str,
    tell: Tell,
    run: fn(&Given<'_>, &mut Request) -> Result<(), Rejected>,
}

const CHECKS: &[Check] = &[
    Check { name: "redirect_uri", tell: Tell::Page, run: redirect_uri::check },
    Check { name: "state", tell: Tell::Client, run: state::check },
    Check { name: "response_mode", tell: Tell::Client, run: response_mode::check },
    Check { name: "repeats", tell: Tell::Client, run: repeats::check },
    Check { name: "request_object", tell: Tell::Client, run: request_object::check },
    Check { name: "client", tell: Tell::Client, run: client::check },
    Check { name: "response_type", tell: Tell::Client, run: response_type::check },
    Check { name: "resource", tell: Tell::Client, run: resource::check },
    Check { name: "scope", tell: Tell::Client, run: scope::check },
    Check { name: "nonce", tell: Tell::Client, run: nonce::check },
    Check { name: "pkce", tell: Tell::Client, run: pkce::check },
    Check { name: "prompt", tell: Tell::Client, run: prompt::check },
    Check { name: "max_age", tell: Tell::Client, run: max_age::check },
    Check { name: "acr_values", tell: Tell::Client, run: acr_values::check },
    Check { name: "login_hint", tell: Tell::Client, run: login_hint::check },
    Check { name: "id_token_hint", tell: Tell::Client, run: id_token_hint::check },
];

/// Those of an app that gets its code without a browser: nothing is sent anywhere, so `state` and
/// `response_mode` mean nothing (draft-ietf-oauth-first-party-apps, 4.1), and the redirect URI may be left out.
const OF_FIRST_PARTY: &[Check] = &[
    Check { name: "repeats", tell: Tell::Client, run: repeats::check },
    Check { name: "request_object", tell: Tell::Client, run: request_object::check },
    Check { name: "client", tell: Tell::Client, run: client::check },
    Check { name: "response_type", tell: Tell::Client, run: response_type::check_if_given },
    Check { name: "redirect_uri", tell: Tell::Client, run: redirect_uri::check_if_given },
    Check { name: "resource", tell: Tell::Client, run: resource::check },
    Check { name: "scope", tell: Tell::Client, run: scope::check },
    Check { name: "nonce", tell: Tell::Client, run: nonce::check },
    Check { name: "pkce", tell: Tell::Client, run: pkce::check },
    Check { name: "prompt", tell: Tell::Client, run: prompt::check },
    Check { name: "max_age", tell: Tell::Client, run: max_age::check },
    Check { name: "acr_values", tell: Tell::Client, run: acr_values::check },
    Check { name: "id_token_hint", tell: Tell::Client, run: id_token_hint::check },
];

/// Runs the table.
pub(super) fn run(given: &Given<'_>) -> Result<Request, Refused> {
    run_all(CHECKS, given)
}

/// Runs the table of apps that get their code without a browser.
pub(super) fn run_first_party(given: &Given<'_>) -> Result<Request, Rejected> {
    run_all(OF_FIRST_PARTY, given).map_err(|refused| match refused {
        Refused::Page(refused) | Refused::Client(_, refused) => refused,
    })
}

fn run_all(checks: &[Check], given: &Given<'_>) -> Result<Request, Refused> {
    let mut request = Request::default();
    for check in checks {
        if let Err(refused) = (check.run)(given, &mut request) {
            tracing::debug!(check = check.name, client = %given.client.id, "authorization request refused");
            return Err(match check.tell {
                Tell::Page => Refused::Page(refused),
                Tell::Client => Refused::Client(Box::new(request), refused),
            });
        }
    }
    Ok(request)
}
