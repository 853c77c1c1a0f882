//! `/account/devices/*`: forgetting devices that signed in before, which the first page lists.

use super::done;
use super::gate::{Gate, to_act};
use crate::app::App;
use crate::error::Fault;
use crate::extract::csrf::PageForm;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::devices;
use countersign_issuer::{Code, Failure};
use std::sync::Arc;

/// One of them.
pub(crate) async fn forget(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_act(&app, &form)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    match devices::forget(&app.issuer, me, form.params.required("id")?, &form.browser.caller).await {
        Ok(()) => done(&app, "/account", "device_forgotten"),
        Err(Failure::Rejected(r)) if r.code == Code::NotFound => done(&app, "/account", "device_gone"),
        Err(failure) => Err(failure.into()),
    }
}

/// All of them.
pub(crate) async fn forget_all(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_act(&app, &form)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    devices::forget_all(&app.issuer, me, &form.browser.caller).await?;
    done(&app, "/account", "devices_forgotten")
}
