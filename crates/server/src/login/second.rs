//! Codes that are sent as a further step: a form without a code asks for one, a form with a code proves it.
//! Nothing is sent for a GET.

use super::Failed;
use super::step::{self, Shown, Way};
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::csrf::PageForm;
use crate::view::page::Sent;
use axum::response::Response;
use countersign_issuer::account::enrol::phone;
use countersign_issuer::error::rejected;
use countersign_issuer::login::{Look, Transaction, email_code, sms_code};
use countersign_issuer::model::{Account, Factor, Secret};
use countersign_issuer::{Code, Failure};

/// Sends a code by that way, or checks one.
pub(super) async fn post(app: &App, form: &PageForm, factor: Factor) -> Result<Response, Fault> {
    let (browser, params) = (&form.browser, &form.params);
    let resume = params.one("resume")?;
    let binding = browser.visitor.binding.as_str();
    let now = app.issuer.store.cached_now();
    let sealed = params.required("transaction")?;
    let transaction = Transaction::open(&app.issuer, binding, sealed, now).ok_or(Http::Expired)?;
    let signed_in = browser.visitor.session.as_ref().map(|live| &live.subject.user.id);
    let who = transaction.user().or(signed_in).ok_or(Http::Expired)?;
    let account = app.issuer.store.account(who).await.map_err(Failure::from)?.it.ok_or(Http::Expired)?;
    // A code by mail also opens the set-up of another factor; whether it counts is for the sign-in to decide.
    if factor != Factor::EmailCode && !app.issuer.settings.login.second.contains(&factor) {
        return Err(rejected(Code::MethodUnavailable, "This service does not offer that.").into());
    }
    let way = Way::of(app, browser, resume, Some(&transaction)).await?;
    let sent = || Some(Sent { method: factor.name(), to: place(&account, factor) });
    let again = params.one("again")?.is_some();
    let done = match params.one("code")?.filter(|c| !c.is_empty() && !again) {
        None => {
            let look = browser.look(way.client.as_deref());
            send(app, form, factor, &account, &transaction, &look).await.map(|()| transaction.clone())
        }
        Some(code) => prove(app, form, factor, &account, &transaction, &Secret::new(code)).await,
    };
    let (transaction, failed) = match done {
        Ok(transaction) => (transaction, None),
        Err(failure) => (transaction, Some(Failed::of(failure)?)),
    };
    step::go(app, browser, &way, &transaction, Shown { failed, sent: sent(), tried: Some(factor) }).await
}

async fn send(
    app: &App,
    form: &PageForm,
    factor: Factor,
    account: &Account,
    transaction: &Transaction,
    look: &Look,
) -> Result<(), Failure> {
    let (purpose, flow, caller) = (transaction.purpose(), transaction.flow(), &form.browser.caller);
    match factor {
        Factor::SmsCode => sms_code::send(&app.issuer, account, purpose, flow, look, caller).await,
        _ => email_code::send(&app.issuer, account, purpose, flow, look, caller).await,
    }
}

async fn prove(
    app: &App,
    form: &PageForm,
    factor: Factor,
    account: &Account,
    transaction: &Transaction,
    code: &Secret,
) -> Result<Transaction, Failure> {
    let (purpose, flow, caller) = (transaction.purpose(), transaction.flow(), &form.browser.caller);
    let proof = match factor {
        Factor::SmsCode => sms_code::prove(&app.issuer, account, code, purpose, flow, caller).await,
        _ => email_code::prove_further(&app.issuer, account, code, purpose, flow, caller).await,
    };
    let binding = &form.browser.visitor.binding;
    let sealed = form.params.one("transaction")?;
    Transaction::joined(&app.issuer, binding, sealed, proof?)
}

/// Where the code goes, with most of it left out: whoever has the first factor alone learns no more.
fn place(account: &Account, factor: Factor) -> String {
    match factor {
        Factor::SmsCode => account.enrolled.phone.as_deref().map(phone::masked).unwrap_or_default(),
        _ => masked(&account.subject.user.email),
    }
}

/// The first letter of an address, and its domain.
fn masked(address: &str) -> String {
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    format!("{first}***@{domain}")
}
