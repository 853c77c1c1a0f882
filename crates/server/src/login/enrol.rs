//! Setting up a second factor within a sign-in that lacks one: the house, a client or a resource demands it,
//! and the account has none. No session exists before it is done.

use super::step::{self, Way};
use crate::account::trouble::Failed;
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::view::page::mail_link::{EnrolOnTheWay, KeepCodes};
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::enrol::{self, totp};
use countersign_issuer::login::Transaction;
use countersign_issuer::login::browser::{self, Turn};
use countersign_issuer::model::{Account, Factor, Secret};
use countersign_issuer::port::At;
use countersign_issuer::{Code, rejected};
use http::StatusCode;
use std::sync::Arc;

/// The page to set one up. `ways`: what would do.
pub(crate) async fn show(
    app: &App,
    browser: &Browser,
    way: &Way<'_>,
    transaction: &Transaction,
    ways: &[Factor],
) -> Result<Response, Fault> {
    if !ways.contains(&Factor::Totp) || transaction.user().is_none() {
        let why = "This asks for a way to prove yourself that you set up on your account page first.";
        return Err(rejected(Code::UnmetAuthenticationRequirements, why).into());
    }
    let At { now, it: account } = account(app, transaction).await?;
    let pending = totp::begin(&app.issuer, &account.subject.user, &browser.visitor.binding, now)?;
    let page = page(app, browser, way, transaction, &pending)?;
    Ok(app.views.show(StatusCode::OK, &page))
}

/// A code of the new app was typed.
pub(crate) async fn confirm(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let (browser, params) = (&form.browser, &form.params);
    let (issuer, flow) = (&app.issuer, browser.visitor.binding.as_str());
    let transaction = opened(&app, &form)?;
    let way = Way::of(&app, browser, params.one("resume")?, Some(&transaction)).await?;
    // Decided anew: what was proven must still lack just this.
    let turn = browser::look(issuer, &transaction, &way.demand, &browser.visitor, &browser.caller).await?;
    if !matches!(&turn, Turn::Enrol(ways) if ways.contains(&Factor::Totp)) {
        return step::proceed(&app, browser, &way, &transaction).await;
    }
    let At { now, it: account } = account(&app, &transaction).await?;
    let user = &account.subject.user;
    let sealed = params.required("sealed")?;
    let code = Secret::new(params.one("code")?.unwrap_or_default());
    let codes = match totp::confirm(issuer, user, flow, sealed, &code, None, &browser.caller).await {
        Ok(codes) => codes,
        Err(failure) => {
            let failed = Failed::of(failure)?;
            let Some(again) = totp::again(issuer, user, flow, sealed, now)? else {
                return Err(Http::Expired.into());
            };
            let mut page = page(&app, browser, &way, &transaction, &again)?;
            page.trouble = Some(failed.trouble());
            return Ok(failed.show(&app, &page));
        }
    };
    let transaction = enrol::on_the_way(issuer, &transaction, Factor::Totp).await?;
    let Some(codes) = codes else { return step::proceed(&app, browser, &way, &transaction).await };
    let page = KeepCodes {
        form_token: browser.form_token(&app),
        transaction: transaction.seal(issuer, flow)?,
        resume: way.resume.map(str::to_owned),
        codes: codes.iter().map(|code| code.expose().to_owned()).collect(),
    };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// The recovery codes are kept: on to where the person was going.
pub(crate) async fn done(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let transaction = opened(&app, &form)?;
    let way = Way::of(&app, &form.browser, form.params.one("resume")?, Some(&transaction)).await?;
    step::proceed(&app, &form.browser, &way, &transaction).await
}

fn opened(app: &App, form: &PageForm) -> Result<Transaction, Fault> {
    let sealed = form.params.required("transaction")?;
    let now = app.issuer.store.cached_now();
    let open = Transaction::open(&app.issuer, &form.browser.visitor.binding, sealed, now);
    Ok(open.ok_or(Http::Expired)?)
}

async fn account(app: &App, transaction: &Transaction) -> Result<At<Account>, Fault> {
    let again = || rejected(Code::InvalidCredentials, "Please sign in again.");
    let user = transaction.user().ok_or_else(again)?;
    let At { now, it } = app.issuer.store.account(user).await.map_err(countersign_issuer::Failure::from)?;
    Ok(At { now, it: it.ok_or_else(again)? })
}

fn page(
    app: &App,
    browser: &Browser,
    way: &Way<'_>,
    transaction: &Transaction,
    pending: &totp::Pending,
) -> Result<EnrolOnTheWay, Fault> {
    Ok(EnrolOnTheWay {
        form_token: browser.form_token(app),
        transaction: transaction.seal(&app.issuer, &browser.visitor.binding)?,
        resume: way.resume.map(str::to_owned),
        client: way.client.as_deref().map(Into::into),
        key: pending.key.expose().to_owned(),
        address: pending.url.expose().to_owned(),
        qr: pending.qr.expose().to_owned(),
        sealed: pending.blob.clone(),
        trouble: None,
    })
}
