//! From a proof to the next page: signed in and on, or one more factor, or something to set up first. Every
//! factor's handler makes its [`Way`] from what the form carried and ends in [`proceed`].

use super::upstream::{after_sign_in, buttons};
use super::{Failed, magic_link};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::oauth::authorize::{answer, back, still_good};
use crate::view::page::{SecondFactor, Sent, SignIn};
use crate::view::see_other;
use axum::response::Response;
use countersign_issuer::login::browser::{self, Demand, Turn};
use countersign_issuer::login::{Purpose, Transaction};
use countersign_issuer::model::{Client, Factor, UserId};
use countersign_issuer::oauth::authorize;
use countersign_issuer::{Code, rejected};
use http::StatusCode;
use std::sync::Arc;

/// Where a sign-in is on its way to.
pub(crate) struct Way<'a> {
    /// The sealed authorization request, when a client asked.
    pub(crate) resume: Option<&'a str>,
    /// That client.
    pub(crate) client: Option<Arc<Client>>,
    /// What is asked of the sign-in.
    pub(crate) demand: Demand,
}

impl<'a> Way<'a> {
    /// Of a form that carried `resume`, `transaction` or neither. A request too old or another browser's gets
    /// its page, before any factor is looked at; it does not end a recovery, which is looked at behind it.
    pub(crate) async fn of(
        app: &App,
        browser: &Browser,
        resume: Option<&'a str>,
        transaction: Option<&Transaction>,
    ) -> Result<Self, Fault> {
        let issuer = &app.issuer;
        let recovers = transaction.is_some_and(|t| t.purpose() == Purpose::Recover);
        let (client, demand) = match resume {
            Some(resume) if !recovers => {
                let client = still_good(app, browser, resume).await?;
                (Some(client), authorize::demand(issuer, resume, &browser.visitor).await?)
            }
            _ => match transaction.filter(|t| t.back_to().is_some()) {
                Some(transaction) => (None, Demand::of_change(issuer, transaction.begun_at())),
                None => (None, Demand::of_house(issuer)),
            },
        };
        Ok(Self { resume, client, demand })
    }
}

/// Asks the one signed in for what is missing to go on with a sealed request.
pub(crate) async fn up(app: &App, browser: &Browser, resume: &str) -> Result<Response, Fault> {
    let way = Way::of(app, browser, Some(resume), None).await?;
    let now = app.issuer.store.cached_now();
    let nothing = Transaction::begin(Purpose::Browser, &browser.visitor.binding, now);
    proceed(app, browser, &way, &nothing).await
}

/// Decides what comes next, and does it.
pub(crate) async fn proceed(
    app: &App,
    browser: &Browser,
    way: &Way<'_>,
    transaction: &Transaction,
) -> Result<Response, Fault> {
    go(app, browser, way, transaction, Shown::default()).await
}

/// What the page of a further factor shows beside its forms.
#[derive(Default)]
pub(crate) struct Shown {
    /// What went wrong at the last try.
    pub(crate) failed: Option<Failed>,
    /// A code was sent.
    pub(crate) sent: Option<Sent>,
    /// The way that was taken; its form stays the one that is shown.
    pub(crate) tried: Option<Factor>,
}

/// As [`proceed`], with what the page shows when one more factor is due.
pub(crate) async fn go(
    app: &App,
    browser: &Browser,
    way: &Way<'_>,
    transaction: &Transaction,
    shown: Shown,
) -> Result<Response, Fault> {
    if transaction.purpose() == Purpose::Recover {
        return crate::recover::go_on(app, browser, transaction, way.resume, shown).await;
    }
    let turn =
        browser::turn(&app.issuer, transaction, &way.demand, &browser.visitor, &browser.caller).await?;
    match turn {
        Turn::SignedIn(fresh) => {
            browser.cookies.set_session(&fresh.cookie);
            browser.cookies.set_device(&fresh.device);
            remember_language(app, browser, &fresh.session.user).await;
            if let Some(question) = after_sign_in(app, browser, &fresh.session.user, way.resume) {
                return see_other(&question);
            }
            on(app, way, transaction)
        }
        Turn::Enough => on(app, way, transaction),
        Turn::Begin(_) => begin(app, browser, way, transaction),
        Turn::NeedFactor(due) => draw(app, browser, way, transaction, due, shown),
        Turn::Enrol(ways) => super::enrol::show(app, browser, way, transaction, &ways).await,
        Turn::OutOfReach => match way.resume {
            Some(resume) => {
                let next = authorize::unmet(&app.issuer, resume, &browser.visitor).await;
                answer(app, browser, next)
            }
            None => Err(rejected(
                Code::UnmetAuthenticationRequirements,
                "Your account has no way to prove what this page asks for.",
            )
            .into()),
        },
    }
}

/// Where the sign-in was on its way to.
fn on(app: &App, way: &Way<'_>, transaction: &Transaction) -> Result<Response, Fault> {
    match way.resume {
        Some(resume) => back(app, resume),
        None => see_other(&app.url(transaction.back_to().unwrap_or("/account"))),
    }
}

/// For mails to come. Nobody is kept out for it.
async fn remember_language(app: &App, browser: &Browser, user: &UserId) {
    if let Err(failure) = browser::speaks(&app.issuer, user, browser.lang.as_str()).await {
        tracing::warn!(?failure, "language not kept");
    }
}

/// The sign-in page on the way: who is signed in proves it once more, from the first step on.
pub(super) fn begin(
    app: &App,
    browser: &Browser,
    way: &Way<'_>,
    transaction: &Transaction,
) -> Result<Response, Fault> {
    let me = browser.visitor.session.as_ref().map(|live| &live.subject.user);
    let page = SignIn {
        form_token: browser.form_token(app),
        resume: way.resume.map(str::to_owned),
        transaction: Some(transaction.seal(&app.issuer, &browser.visitor.binding)?),
        client: way.client.as_deref().map(Into::into),
        username: me.map(|user| user.email.clone()).unwrap_or_default(),
        again: me.is_some(),
        offers: magic_link::offers(app),
        trouble: None,
        providers: buttons(app),
    };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// The page that asks for one of these factors.
pub(crate) fn draw(
    app: &App,
    browser: &Browser,
    way: &Way<'_>,
    transaction: &Transaction,
    mut due: Vec<Factor>,
    Shown { failed, sent, tried }: Shown,
) -> Result<Response, Fault> {
    due.sort_by_key(|factor| tried.is_some_and(|tried| tried != *factor));
    let page = SecondFactor {
        form_token: browser.form_token(app),
        transaction: transaction.seal(&app.issuer, &browser.visitor.binding)?,
        resume: way.resume.map(str::to_owned),
        client: way.client.as_deref().map(Into::into),
        methods: due.into_iter().map(Factor::name).collect(),
        sent,
        trouble: failed.as_ref().map(Failed::trouble),
    };
    let response = app.views.show(StatusCode::OK, &page);
    Ok(match failed {
        Some(failed) => failed.mark(response),
        None => response,
    })
}
