//! From a proof to the next page: signed in and on, or one more factor, or something to set up first. Every
//! factor's handler ends here.

use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::oauth::authorize::back;
use crate::view::page::SecondFactor;
use crate::view::see_other;
use axum::response::Response;
use countersign_issuer::login::Transaction;
use countersign_issuer::login::browser::{self, Demand, Turn};
use countersign_issuer::model::{Client, Factor, UserId};
use http::StatusCode;

/// Where a sign-in is on its way to.
pub(crate) struct Way<'a> {
    /// The sealed authorization request, when a client asked.
    pub(crate) resume: Option<&'a str>,
    /// That client.
    pub(crate) client: Option<&'a Client>,
    /// What is asked of the sign-in.
    pub(crate) demand: Demand,
}

/// Decides what comes next, and does it.
pub(crate) async fn proceed(
    app: &App,
    browser: &Browser,
    way: &Way<'_>,
    transaction: &Transaction,
) -> Result<Response, Fault> {
    let turn =
        browser::turn(&app.issuer, transaction, &way.demand, &browser.visitor, &browser.caller).await?;
    match turn {
        Turn::SignedIn(fresh) => {
            browser.cookies.set_session(&fresh.cookie);
            remember_language(app, browser, &fresh.session.user).await;
            match way.resume {
                Some(resume) => back(app, resume),
                None => see_other(&app.url("/account")),
            }
        }
        Turn::NeedFactor(due) => show(app, browser, way, transaction, due, None),
        Turn::Enrol(_) => see_other(&app.url("/account")),
    }
}

/// For mails to come. Nobody is kept out for it.
async fn remember_language(app: &App, browser: &Browser, user: &UserId) {
    if let Err(failure) = browser::speaks(&app.issuer, user, browser.lang.as_str()).await {
        tracing::warn!(?failure, "language not kept");
    }
}

/// The page that asks for one of these factors. `trouble`: what went wrong at the last try.
pub(crate) fn show(
    app: &App,
    browser: &Browser,
    way: &Way<'_>,
    transaction: &Transaction,
    due: Vec<Factor>,
    trouble: Option<crate::view::page::Trouble>,
) -> Result<Response, Fault> {
    let page = SecondFactor {
        form_token: browser.form_token(app),
        transaction: transaction.seal(&app.issuer, &browser.visitor.binding)?,
        resume: way.resume.map(str::to_owned),
        client: way.client.map(Into::into),
        methods: due.into_iter().map(Factor::name).collect(),
        trouble,
    };
    Ok(app.views.show(StatusCode::OK, &page))
}
