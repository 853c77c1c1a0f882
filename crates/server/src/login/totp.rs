//! `/login/totp`: a code of the authenticator app as a further step. The recovery codes' form is alike.

use super::Failed;
use super::step::{self, Shown, Way};
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::csrf::PageForm;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::Failure;
use countersign_issuer::login::{Proof, Transaction, recovery_code, totp};
use countersign_issuer::model::{Account, Factor, Secret};
use std::sync::Arc;

/// A code was typed.
pub(crate) async fn post(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    take(&app, &form, Factor::Totp).await
}

/// Takes a code of that factor of whoever this sign-in, or the session it strengthens, is of.
pub(super) async fn take(app: &App, form: &PageForm, factor: Factor) -> Result<Response, Fault> {
    let (browser, params) = (&form.browser, &form.params);
    let (resume, carried) = (params.one("resume")?, params.one("transaction")?);
    let binding = &browser.visitor.binding;
    let now = app.issuer.store.cached_now();
    let transaction = Transaction::open(&app.issuer, binding, carried.unwrap_or_default(), now);
    let transaction = transaction.ok_or(Http::Expired)?;
    let signed_in = browser.visitor.session.as_ref().map(|live| &live.subject.user.id);
    let who = transaction.user().or(signed_in).ok_or(Http::Expired)?;
    // Before the code: a request that leads nowhere asks for none.
    let way = Way::of(app, browser, resume, Some(&transaction)).await?;
    let account = app.issuer.store.account(who).await.map_err(Failure::from)?.it.ok_or(Http::Expired)?;
    let code = Secret::new(params.one("code")?.unwrap_or_default());
    match prove(app, form, factor, &account, &transaction, &code).await {
        Ok(proof) => {
            let transaction = Transaction::joined(&app.issuer, binding, carried, proof)?;
            step::proceed(app, browser, &way, &transaction).await
        }
        Err(failure) => {
            let failed = Some(Failed::of(failure)?.because("typed"));
            let shown = Shown { failed, sent: None, tried: Some(factor) };
            step::go(app, browser, &way, &transaction, shown).await
        }
    }
}

async fn prove(
    app: &App,
    form: &PageForm,
    factor: Factor,
    account: &Account,
    transaction: &Transaction,
    code: &Secret,
) -> Result<Proof, Failure> {
    let (purpose, flow, caller) = (transaction.purpose(), transaction.flow(), &form.browser.caller);
    match factor {
        Factor::RecoveryCode => recovery_code::prove(&app.issuer, account, code, purpose, flow, caller).await,
        _ => totp::prove(&app.issuer, account, code, purpose, flow, caller).await,
    }
}
