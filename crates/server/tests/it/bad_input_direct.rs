//! Bad input at the second step and at signing in without a password.

use crate::bad_input::{OPTIONAL, Row, check_json};
use crate::direct_mfa::{enrolled, partial};
use crate::world::{API, world};
use serde_json::json;

#[tokio::test]
async fn second_step() {
    let world = world().await;
    enrolled(&world).await;
    let token = partial(&world, json!({})).await;
    let rows: [Row<'_>; 3] = [
        ("token", &token, "invalid_request", "invalid_token"),
        ("code", "000000", "invalid_request", ""),
        ("method", "totp", OPTIONAL, "method_unavailable"),
    ];
    check_json(&world, "/auth/mfa/verify", &rows).await;
    let rows: [Row<'_>; 2] = [
        ("token", &token, "invalid_request", "invalid_token"),
        ("method", "totp", "invalid_request", "method_unavailable"),
    ];
    check_json(&world, "/auth/mfa/challenge", &rows).await;
}

#[tokio::test]
async fn passwordless() {
    let world = world().await;
    let rows: [Row<'_>; 4] = [
        ("email", "ada@example.test", "invalid_request", "method_unavailable"),
        ("client_id", "spa", OPTIONAL, "invalid_client"),
        ("scope", "openid", OPTIONAL, "invalid_scope"),
        ("resource", API, OPTIONAL, "invalid_target"),
    ];
    for path in ["/auth/passwordless/request", "/auth/passwordless/code"] {
        check_json(&world, path, &rows).await;
        check_json(&world, path, &[("session", "cookie", OPTIONAL, "invalid_request")]).await;
    }
    let rows: [Row<'_>; 2] = [
        ("email", "ada@example.test", "invalid_request", "invalid_request"),
        ("code", "000000", "invalid_request", ""),
    ];
    check_json(&world, "/auth/passwordless/verify", &rows).await;
    check_json(&world, "/auth/passwordless/verify", &[("flow", "x", OPTIONAL, "code_expired")]).await;
    let token: [Row<'_>; 1] = [("token", "x", "invalid_request", "invalid_request")];
    check_json(&world, "/auth/verify", &token).await;
    check_json(&world, "/auth/verify", &[("flow", "x", OPTIONAL, "code_expired")]).await;
}
