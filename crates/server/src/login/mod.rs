//! `/login`: the sign-in page's form, and the page by itself, which leads to the account page.

pub(crate) mod step;

use self::step::Way;
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::oauth::authorize::still_good;
use crate::view::page::{SignIn, Trouble};
use crate::view::see_other;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::login::browser::Demand;
use countersign_issuer::login::{Purpose, Transaction, password};
use countersign_issuer::model::{Client, Secret};
use countersign_issuer::{Code, Failure};
use http::{HeaderValue, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;

/// Sign in without a client. Who is signed in goes on to the account page.
pub(crate) async fn show(State(app): State<Arc<App>>, browser: Browser) -> Result<Response, Fault> {
    if browser.visitor.session.is_some() {
        return see_other(&app.url("/account"));
    }
    let page = SignIn {
        form_token: browser.form_token(&app),
        resume: None,
        client: None,
        username: String::new(),
        again: false,
        trouble: None,
    };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// Checks the password, changes the cookie, and goes on where the sign-in was asked for.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    PageForm { browser, params }: PageForm,
) -> Result<Response, Fault> {
    let resume = params.one("resume")?;
    // Before the password: a request that leads nowhere asks for none.
    let client = match resume {
        Some(resume) => Some(still_good(&app, &browser, resume).await?),
        None => None,
    };
    let username = params.one("username")?.unwrap_or_default().trim();
    let failed = match (username, params.one("password")?) {
        ("", _) | (_, None) => {
            Failed { kind: "missing", status: StatusCode::UNPROCESSABLE_ENTITY, wait: None }
        }
        (username, Some(password)) => match prove(&app, &browser, username, Secret::new(password)).await {
            Ok(transaction) => {
                let demand = Demand::of_house(&app.issuer);
                let way = Way { resume, client: client.as_deref(), demand };
                return step::proceed(&app, &browser, &way, &transaction).await;
            }
            Err(failure) => Failed::of(failure)?,
        },
    };
    Ok(again(&app, &browser, resume, client, username, &failed))
}

async fn prove(
    app: &App,
    browser: &Browser,
    username: &str,
    password: Secret,
) -> Result<Transaction, Failure> {
    let (visitor, caller) = (&browser.visitor, &browser.caller);
    let flow = &visitor.binding;
    let proof = password::prove(&app.issuer, username, password, Purpose::Browser, flow, caller).await?;
    Ok(Transaction::of(proof))
}

/// A sign-in that may be tried again.
struct Failed {
    kind: &'static str,
    status: StatusCode,
    wait: Option<u64>,
}

impl Failed {
    /// The failures the sign-in page itself tells; others are an error page.
    fn of(failure: Failure) -> Result<Self, Fault> {
        let seconds = |d: Duration| d.as_secs().max(1);
        match failure {
            Failure::Rejected(r) if r.code == Code::InvalidCredentials => {
                Ok(Self { kind: "invalid", status: StatusCode::UNPROCESSABLE_ENTITY, wait: None })
            }
            Failure::Rejected(r) if r.code == Code::TooManyAttempts => {
                let wait = Some(r.retry_after.map_or(60, seconds));
                Ok(Self { kind: "throttled", status: StatusCode::TOO_MANY_REQUESTS, wait })
            }
            Failure::Unavailable(u) => {
                tracing::warn!(what = u.what, detail = u.detail, "sign-in put off");
                let wait = Some(seconds(u.retry_after));
                Ok(Self { kind: "busy", status: StatusCode::SERVICE_UNAVAILABLE, wait })
            }
            other => Err(other.into()),
        }
    }
}

/// The page once more, with what was typed, the password apart.
fn again(
    app: &App,
    browser: &Browser,
    resume: Option<&str>,
    client: Option<Arc<Client>>,
    username: &str,
    failed: &Failed,
) -> Response {
    let proves_again = browser.visitor.session.as_ref().is_some_and(|s| s.subject.user.email == username);
    let page = SignIn {
        form_token: browser.form_token(app),
        resume: resume.map(str::to_owned),
        client: client.as_deref().map(Into::into),
        username: username.to_owned(),
        again: proves_again,
        trouble: Some(Trouble { kind: failed.kind, wait: failed.wait }),
    };
    let mut response = app.views.show(failed.status, &page);
    if let Some(wait) = failed.wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}
