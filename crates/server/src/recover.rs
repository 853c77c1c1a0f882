//! `/recover`: a new password for who lost theirs. The answer is "check your mail", whoever asks; after
//! the link come the account's other factors, and only then a new password.

use crate::account::trouble::Failed;
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::Query;
use crate::login::step::{self, Shown, Way};
use crate::mail_link::{self, Topic};
use crate::signup::{client, still_wanted};
use crate::view::page::mail_link::{MailSent, NewPassword, Recover};
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::Failure;
use countersign_issuer::account::recover::{self, Turn};
use countersign_issuer::login::{Proof, Transaction};
use countersign_issuer::model::{Client, Secret};
use http::StatusCode;
use std::sync::Arc;

/// The form.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    let resume = params.one("resume")?;
    let client = client(&app, &browser, resume).await?;
    Ok(app.views.show(StatusCode::OK, &page(&app, &browser, resume, client.as_deref())))
}

/// The form was sent.
pub(crate) async fn request(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let (browser, params) = (&form.browser, &form.params);
    let resume = params.one("resume")?;
    let client = client(&app, browser, resume).await?;
    let email = params.one("email")?.unwrap_or_default().trim();
    let look = browser.look(client.as_deref());
    match recover::request(&app.issuer, email, &browser.visitor.binding, &look, resume, &browser.caller).await
    {
        Ok(()) => Ok(app.views.show(StatusCode::OK, &sent(&app, browser, email, resume))),
        Err(failure) => {
            let failed = Failed::of(failure)?;
            let mut page = page(&app, browser, resume, client.as_deref());
            email.clone_into(&mut page.email);
            page.trouble = Some(failed.trouble());
            Ok(failed.show(&app, &page))
        }
    }
}

/// What a link leads to; nothing changes.
pub(crate) async fn link(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    mail_link::show(&app, &browser, Topic::Recover, params.one("token")?).await
}

/// The link's button was pressed, or its code typed.
pub(crate) async fn confirm(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let (browser, params) = (&form.browser, &form.params);
    let (issuer, flow, caller) = (&app.issuer, browser.visitor.binding.as_str(), &browser.caller);
    let email = params.one("email")?.unwrap_or_default();
    let proven: Result<(Proof, Option<String>), Failure> = match params.one("token")? {
        Some(token) => recover::open(issuer, token, flow, caller).await,
        None => {
            let code = Secret::new(params.one("code")?.unwrap_or_default());
            recover::answer(issuer, email, &code, flow, caller).await
        }
    };
    match proven {
        Ok((proof, resume)) => {
            go_on(&app, browser, &Transaction::of(proof), resume.as_deref(), Shown::default()).await
        }
        Err(failure) => {
            let failed = Failed::of(failure)?;
            let mut page = sent(&app, browser, email, params.one("resume")?);
            page.trouble = Some(failed.trouble());
            Ok(failed.show(&app, &page))
        }
    }
}

/// The next page of a recovery under way: one more factor, or the new password.
pub(crate) async fn go_on(
    app: &App,
    browser: &Browser,
    transaction: &Transaction,
    resume: Option<&str>,
    shown: Shown,
) -> Result<Response, Fault> {
    match recover::turn(&app.issuer, transaction, &browser.visitor.binding).await? {
        Turn::NeedFactor(due) => {
            let way = Way::of(app, browser, resume, Some(transaction)).await?;
            step::draw(app, browser, &way, transaction, due, shown)
        }
        Turn::Choose(username) => {
            let page = choose(app, browser, transaction, resume, username)?;
            Ok(app.views.show(StatusCode::OK, &page))
        }
    }
}

/// The new password.
pub(crate) async fn choose_password(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let (browser, params) = (&form.browser, &form.params);
    let flow = browser.visitor.binding.as_str();
    let now = app.issuer.store.cached_now();
    let sealed = params.required("transaction")?;
    let Some(transaction) = Transaction::open(&app.issuer, flow, sealed, now) else {
        return Err(crate::error::Http::Expired.into());
    };
    let resume = params.one("resume")?;
    let new = Secret::new(params.one("password")?.unwrap_or_default());
    let failed = match recover::set(&app.issuer, &transaction, flow, new, &browser.caller).await {
        Ok(transaction) => return sign_in(&app, browser, &transaction, resume).await,
        Err(failure) => Failed::of(failure)?,
    };
    match recover::turn(&app.issuer, &transaction, flow).await? {
        Turn::Choose(username) => {
            let mut page = choose(&app, browser, &transaction, resume, username)?;
            page.trouble = Some(failed.trouble());
            Ok(failed.show(&app, &page))
        }
        Turn::NeedFactor(_) => go_on(&app, browser, &transaction, resume, Shown::default()).await,
    }
}

/// What was proven for the recovery is a sign-in, where the house takes it as one.
async fn sign_in(
    app: &App,
    browser: &Browser,
    transaction: &Transaction,
    resume: Option<&str>,
) -> Result<Response, Fault> {
    let resume = still_wanted(app, browser, resume).await;
    let way = Way::of(app, browser, resume, Some(transaction)).await?;
    step::proceed(app, browser, &way, transaction).await
}

fn choose(
    app: &App,
    browser: &Browser,
    transaction: &Transaction,
    resume: Option<&str>,
    username: String,
) -> Result<NewPassword, Fault> {
    Ok(NewPassword {
        form_token: browser.form_token(app),
        resume: resume.map(str::to_owned),
        transaction: transaction.seal(&app.issuer, &browser.visitor.binding)?,
        username,
        trouble: None,
    })
}

fn page(app: &App, browser: &Browser, resume: Option<&str>, client: Option<&Client>) -> Recover {
    Recover {
        form_token: browser.form_token(app),
        resume: resume.map(str::to_owned),
        client: client.map(Into::into),
        email: String::new(),
        trouble: None,
    }
}

fn sent(app: &App, browser: &Browser, to: &str, resume: Option<&str>) -> MailSent {
    MailSent {
        form_token: browser.form_token(app),
        action: recover::PAGE,
        start: "/recover",
        to: to.to_owned(),
        resume: resume.map(str::to_owned),
        trouble: None,
    }
}
