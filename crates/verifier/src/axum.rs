//! axum: [`Identity`] as an extractor, behind a [`Guard`](crate::Guard) used as layer.

use crate::identity::Identity;
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = StatusCode;

    /// The identity the guard in front found. Without a guard the route fails closed with 500: a handler
    /// that asks who is calling must not run for anybody.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!(
                path = parts.uri.path(),
                "no guard in front of a route that extracts an Identity"
            );
            StatusCode::INTERNAL_SERVER_ERROR
        })
    }
}
