//! What a page is sent with: it runs nothing (scripts of ours on four pages apart), loads nothing from elsewhere, is framed and stored nowhere.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// How far a page must be let.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Guard {
    /// Its forms stay here.
    Own,
    /// Its form ends in a redirect to a client. Chromium applies `form-action` to the whole redirect chain,
    /// so such a page goes without it.
    LeadsToClient,
    /// As [`Self::Own`], with the one script for passkeys, which asks us for a challenge.
    OwnWithPasskeys,
    /// As [`Self::LeadsToClient`], with that script.
    LeadsToClientWithPasskeys,
    /// It posts itself to a client: one script of ours (OAuth 2.0 Form Post Response Mode).
    PostsToClient,
}

impl Guard {
    fn policy(self) -> &'static str {
        match self {
            Self::Own => {
                "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                 frame-ancestors 'none'; base-uri 'none'"
            }
            Self::LeadsToClient => {
                "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; \
                 base-uri 'none'"
            }
            Self::OwnWithPasskeys => {
                "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; \
                 form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            }
            Self::LeadsToClientWithPasskeys => {
                "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; \
                 frame-ancestors 'none'; base-uri 'none'"
            }
            Self::PostsToClient => {
                "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; \
                 frame-ancestors 'none'; base-uri 'none'"
            }
        }
    }
}

/// What our own form tells where it was sent from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Referrer {
    /// Under `no-referrer` browsers send `Origin: null` with our own forms.
    SameOrigin,
    /// The page has no form, or its address may hold a token.
    None,
}

/// Sets them.
pub(crate) fn page(headers: &mut HeaderMap, guard: Guard, referrer: Referrer) {
    let referrer = match referrer {
        Referrer::SameOrigin => "same-origin",
        Referrer::None => "no-referrer",
    };
    let set: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_SECURITY_POLICY, guard.policy()),
        (header::REFERRER_POLICY, referrer),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
