//! `/account/consents`: what applications may do, and taking it back.

use super::gate::{Gate, to_act, to_see};
use super::{done, frame};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::Query;
use crate::view::page::account::{ConsentEntry, Consents};
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::consents::{self, Given};
use countersign_issuer::{Code, Failure};
use http::StatusCode;
use std::sync::Arc;

const PAGE: &str = "/account/consents";

/// The list.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    let me = match to_see(&app, &browser)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let given = consents::list(&app.issuer, me).await?;
    let page = Consents {
        frame: frame(&app, &browser, me, params.one("done")?),
        consents: given.iter().map(entry).collect(),
    };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// Takes one back.
pub(crate) async fn withdraw(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_act(&app, &form)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let client = form.params.required("client")?;
    match consents::withdraw(&app.issuer, me, client, &form.browser.caller).await {
        Ok(()) => done(&app, PAGE, "withdrawn"),
        Err(Failure::Rejected(r)) if r.code == Code::NotFound => done(&app, PAGE, "none_there"),
        Err(failure) => Err(failure.into()),
    }
}

fn entry(given: &Given) -> ConsentEntry {
    ConsentEntry {
        client: given.consent.client.to_string(),
        name: given.name().to_owned(),
        scopes: given.consent.scopes.iter().map(str::to_owned).collect(),
        resources: given.consent.resources.clone(),
        granted_at: given.consent.granted_at.millis(),
    }
}
