//! Setting up a second factor within a sign-in that lacks one: the house, a client or a resource demands it,
//! and the account has none, or has shown one that does not do here. No session exists before it is done.
//!
//! The page offers every factor that would do. Each form decides anew that what was proven still lacks just
//! that, and changes the account only as it was when the proofs were made: of two at once one sets up.

pub(crate) mod passkey;
pub(crate) mod phone;
pub(crate) mod totp;

use super::step::{self, Way};
use crate::account::trouble::Failed;
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::view::page::mail_link::{AppOnTheWay, EnrolOnTheWay, KeepCodes};
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::enrol::{self, totp as app_factor};
use countersign_issuer::login::Transaction;
use countersign_issuer::login::browser::{self, Turn};
use countersign_issuer::login::passkey::available;
use countersign_issuer::model::{Account, BrowserSessionId, Factor, Secret};
use countersign_issuer::port::At;
use countersign_issuer::{Code, rejected};
use countersign_token::Timestamp;
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
    // An earlier sign-in opens no set-up, as it changes nothing on the account pages: it may be long ago.
    if transaction.user().is_none() {
        return step::begin(app, browser, way, transaction);
    }
    if *ways == [Factor::Passkey] && !available(&app.issuer) {
        let why = "This asks for a passkey, which this service has none of: its address has no name.";
        return Err(rejected(Code::UnmetAuthenticationRequirements, why).into());
    }
    let At { now, it: account } = enrol::lacking(&app.issuer, transaction).await?;
    let page = page(app, browser, way, transaction, (&account, ways), now, None)?;
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

/// How a form of this page finds the sign-in.
enum Still<'a> {
    /// It lacks what the form is about.
    Lacks(Box<Lacking<'a>>),
    /// It does not: what the browser is answered instead.
    Past(Response),
}

/// A sign-in that lacks a factor, and whose.
struct Lacking<'a> {
    browser: &'a Browser,
    way: Way<'a>,
    transaction: Transaction,
    account: Account,
    ways: Vec<Factor>,
    now: Timestamp,
}

/// Decides anew: what was proven must still lack this factor.
async fn still<'a>(app: &App, form: &'a PageForm, factor: Factor) -> Result<Still<'a>, Fault> {
    let (browser, issuer) = (&form.browser, &app.issuer);
    let transaction = opened(app, form)?;
    let way = Way::of(app, browser, form.params.one("resume")?, Some(&transaction)).await?;
    let turn = browser::look(issuer, &transaction, &way.demand, &browser.visitor, &browser.caller).await?;
    match turn {
        Turn::Enrol(ways) if ways.contains(&factor) && transaction.user().is_some() => {
            let At { now, it: account } = enrol::lacking(issuer, &transaction).await?;
            Ok(Still::Lacks(Box::new(Lacking { browser, way, transaction, account, ways, now })))
        }
        _ => step::proceed(app, browser, &way, &transaction).await.map(Still::Past),
    }
}

impl Lacking<'_> {
    fn flow(&self) -> &str {
        &self.browser.visitor.binding
    }

    /// The session in this browser goes on, if it is theirs.
    fn keep(&self) -> Option<&BrowserSessionId> {
        let here = self.browser.visitor.session.as_ref().map(|live| &live.session);
        here.filter(|s| s.user == self.account.subject.user.id).map(|s| &s.id)
    }

    /// The page once more, after a try that did not work.
    fn again(
        &self,
        app: &App,
        failed: &Failed,
        app_shown: Option<app_factor::Pending>,
    ) -> Result<Response, Fault> {
        let mut page = self.page(app, app_shown)?;
        page.trouble = Some(failed.trouble());
        Ok(failed.show(app, &page))
    }

    fn page(&self, app: &App, shown: Option<app_factor::Pending>) -> Result<EnrolOnTheWay, Fault> {
        let of = (&self.account, self.ways.as_slice());
        page(app, self.browser, &self.way, &self.transaction, of, self.now, shown)
    }

    /// It is set up: recovery codes first, if they were made with it, and on. `hardware`: as
    /// [`countersign_issuer::model::Proven`] has it.
    async fn done(
        &self,
        app: &App,
        factor: Factor,
        hardware: bool,
        codes: Option<Vec<Secret>>,
    ) -> Result<Response, Fault> {
        let changes = 1 + u32::from(codes.is_some());
        let on = enrol::on_the_way(&app.issuer, &self.transaction, factor, hardware, changes).await?;
        let Some(codes) = codes else { return step::proceed(app, self.browser, &self.way, &on).await };
        let page = KeepCodes {
            form_token: self.browser.form_token(app),
            transaction: on.seal(&app.issuer, self.flow())?,
            resume: self.way.resume.map(str::to_owned),
            codes: codes.iter().map(|code| code.expose().to_owned()).collect(),
        };
        Ok(app.views.show(StatusCode::OK, &page))
    }
}

/// `shown`: the app's secret of the form before.
fn page(
    app: &App,
    browser: &Browser,
    way: &Way<'_>,
    transaction: &Transaction,
    (account, ways): (&Account, &[Factor]),
    now: Timestamp,
    shown: Option<app_factor::Pending>,
) -> Result<EnrolOnTheWay, Fault> {
    let flow = &browser.visitor.binding;
    let pending = match shown {
        Some(pending) => Some(pending),
        None if ways.contains(&Factor::Totp) => {
            Some(app_factor::begin(&app.issuer, &account.subject.user, flow, now)?)
        }
        None => None,
    };
    Ok(EnrolOnTheWay {
        form_token: browser.form_token(app),
        transaction: transaction.seal(&app.issuer, flow)?,
        resume: way.resume.map(str::to_owned),
        client: way.client.as_deref().map(Into::into),
        passkey: ways.contains(&Factor::Passkey) && available(&app.issuer),
        agent: browser.visitor.device.clone(),
        app: pending.map(|pending| AppOnTheWay {
            key: pending.key.expose().to_owned(),
            address: pending.url.expose().to_owned(),
            qr: pending.qr.expose().to_owned(),
            sealed: pending.blob,
        }),
        phone: ways.contains(&Factor::SmsCode),
        trouble: None,
    })
}
