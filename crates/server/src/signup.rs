//! `/signup`: making an account by oneself. The answer is "check your mail", whoever asks.

use crate::account::trouble::Failed;
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::Query;
use crate::login::step::{self, Way};
use crate::mail_link::{self, Topic};
use crate::oauth::authorize::still_good;
use crate::view::page::mail_link::{MailSent, SignUp};
use crate::view::see_other;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::signup::{self, Form, Made};
use countersign_issuer::error::{Reason, Rejected};
use countersign_issuer::login::Transaction;
use countersign_issuer::model::{Client, Secret};
use countersign_issuer::{Code, Failure};
use http::StatusCode;
use std::sync::Arc;

/// The form. Who is signed in has an account.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    if !app.issuer.settings.sign_up.enabled {
        let closed = "Accounts are not made here by oneself. Ask whoever runs this service.";
        return Err(Rejected::of(Reason::SignUpOff, closed).into());
    }
    if browser.visitor.session.is_some() {
        return see_other(&app.url("/account"));
    }
    let resume = params.one("resume")?;
    let client = client(&app, &browser, resume).await?;
    Ok(app.views.show(StatusCode::OK, &page(&app, &browser, resume, client.as_deref())))
}

/// The form was sent.
pub(crate) async fn request(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let (browser, params) = (&form.browser, &form.params);
    let resume = params.one("resume")?;
    let client = client(&app, browser, resume).await?;
    let typed = Form {
        email: params.one("email")?.unwrap_or_default().to_owned(),
        name: params.one("name")?.map(str::to_owned),
        password: params.one("password")?.map(Secret::new),
        resume: resume.map(str::to_owned),
    };
    let (email, name) = (typed.email.trim().to_owned(), typed.name.clone().unwrap_or_default());
    let look = browser.look(client.as_deref());
    match signup::request(&app.issuer, typed, &browser.visitor.binding, &look, &browser.caller).await {
        Ok(()) => Ok(app.views.show(StatusCode::OK, &sent(&app, browser, &email, resume))),
        Err(failure) => {
            let failed = Failed::of(failure)?;
            let mut page = page(&app, browser, resume, client.as_deref());
            (page.email, page.name, page.trouble) = (email, name, Some(failed.trouble()));
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
    mail_link::show(&app, &browser, Topic::SignUp, params.one("token")?).await
}

/// The link's button was pressed, or its code typed: the account is made and signed in.
pub(crate) async fn confirm(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let (browser, params) = (&form.browser, &form.params);
    let (issuer, flow, caller) = (&app.issuer, browser.visitor.binding.as_str(), &browser.caller);
    let email = params.one("email")?.unwrap_or_default();
    let made = match params.one("token")? {
        Some(token) => signup::open(issuer, token, flow, caller).await,
        None => {
            let code = Secret::new(params.one("code")?.unwrap_or_default());
            signup::answer(issuer, email, &code, flow, caller).await
        }
    };
    match made {
        Ok(made) => signed_up(&app, browser, made).await,
        // Only whoever reads the mailbox comes this far.
        Err(Failure::Rejected(r)) if r.code == Code::Conflict => see_other(&app.url("/login")),
        Err(failure) => {
            let failed = Failed::of(failure)?;
            let mut page = sent(&app, browser, email, params.one("resume")?);
            page.trouble = Some(failed.trouble());
            Ok(failed.show(&app, &page))
        }
    }
}

async fn signed_up(app: &App, browser: &Browser, made: Made) -> Result<Response, Fault> {
    let resume = still_wanted(app, browser, made.resume.as_deref()).await;
    let transaction = Transaction::of(made.proof);
    let way = Way::of(app, browser, resume, Some(&transaction)).await?;
    step::proceed(app, browser, &way, &transaction).await
}

/// A request that became too old meanwhile does not keep anybody from their account.
pub(crate) async fn still_wanted<'a>(
    app: &App,
    browser: &Browser,
    resume: Option<&'a str>,
) -> Option<&'a str> {
    let resume = resume?;
    still_good(app, browser, resume).await.is_ok().then_some(resume)
}

/// For whom a request is; one too old gets its page.
pub(crate) async fn client(
    app: &App,
    browser: &Browser,
    resume: Option<&str>,
) -> Result<Option<Arc<Client>>, Fault> {
    match resume {
        Some(resume) => still_good(app, browser, resume).await.map(Some),
        None => Ok(None),
    }
}

/// The form, empty.
pub(crate) fn page(app: &App, browser: &Browser, resume: Option<&str>, client: Option<&Client>) -> SignUp {
    SignUp {
        form_token: browser.form_token(app),
        resume: resume.map(str::to_owned),
        client: client.map(Into::into),
        email: String::new(),
        name: String::new(),
        password_optional: signup::without_password(&app.issuer.settings.login),
        trouble: None,
    }
}

fn sent(app: &App, browser: &Browser, to: &str, resume: Option<&str>) -> MailSent {
    MailSent {
        form_token: browser.form_token(app),
        action: signup::PAGE,
        start: "/signup",
        to: to.to_owned(),
        resume: resume.map(str::to_owned),
        trouble: None,
    }
}
