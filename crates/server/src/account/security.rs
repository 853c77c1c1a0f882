//! `/account/security`: how do I sign in, and where is that changed.

use super::frame;
use super::gate::{Gate, to_see};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::form::Query;
use crate::login::upstream::buttons;
use crate::view::page::account::Security;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account;
use countersign_issuer::account::enrol::phone;
use http::StatusCode;
use std::sync::Arc;

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    let me = match to_see(&app, &browser)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let account = account::load(&app.issuer, me).await?.it;
    let two_steps = account.enrolled.two_steps();
    let enrolled = account.enrolled;
    let page = Security {
        frame: frame(&app, &browser, me, params.one("done")?),
        password: enrolled.password,
        passkeys: enrolled.passkeys.saturating_add(enrolled.security_keys),
        totp: enrolled.totp,
        phone: enrolled.phone.as_deref().map(phone::masked),
        sms: app.issuer.settings.login.sms,
        recovery_codes: enrolled.recovery_codes,
        two_steps,
        providers: !enrolled.upstreams.is_empty() || !buttons(&app).is_empty(),
        upstreams: enrolled.upstreams,
    };
    Ok(app.views.show(StatusCode::OK, &page))
}
