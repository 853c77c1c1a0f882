//! An ID token of this issuer that comes back as a hint (OIDC Core 3.1.2.1, RP-Initiated Logout 2): keys
//! of the archive count, expiry does not. It proves nothing about who is asking.

use super::bearer::ASYMMETRIC;
use crate::Issuer;
use countersign_token::{IdToken, Policy, TokenType, verify};

/// Reads it; `None` for anything else than an ID token that this issuer signed.
pub(super) fn read(issuer: &Issuer, hint: &str) -> Option<IdToken> {
    let policy = Policy::issuer(issuer.settings.issuer.as_str())
        .any_audience()
        .token_type(TokenType::Id)
        .algorithms(ASYMMETRIC)
        .expired_is_fine();
    let read = verify::<IdToken>(hint, &issuer.keys.hint(), &policy, issuer.store.cached_now());
    read.ok().map(|good| good.claims)
}
