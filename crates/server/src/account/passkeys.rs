//! `/account/passkeys`: which there are, one more, another name, one less.

use super::gate::{Gate, to_act, to_change, to_see};
use super::{done, frame};
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::Query;
use crate::oauth::secret_json;
use crate::view::page::account::Trouble;
use crate::view::page::passkeys::{PasskeyEntry, Passkeys};
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::enrol::{Owner, passkey};
use countersign_issuer::login::passkey::Answer;
use countersign_issuer::model::passkey::MOST_PASSKEYS;
use countersign_issuer::model::{Passkey, PasskeyId};
use countersign_issuer::oauth::params::Params;
use countersign_issuer::port::browser_session::LiveBrowser;
use countersign_issuer::{Code, Failure, Rejected};
use http::StatusCode;
use std::sync::Arc;

const PAGE: &str = "/account/passkeys";

/// The page. To look at it asks for no fresh proof: who just set up a first passkey has proven a password only.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    match to_see(&app, &browser)? {
        Gate::Open(me) => page(&app, &browser, me, params.one("done")?, None).await,
        Gate::Shut(answer) => Ok(answer),
    }
}

async fn page(
    app: &App,
    browser: &Browser,
    me: &LiveBrowser,
    done: Option<&str>,
    trouble: Option<&'static str>,
) -> Result<Response, Fault> {
    let keys = passkey::list(&app.issuer, &me.subject.user.id).await?;
    let mut frame = frame(app, browser, me, done);
    frame.trouble = trouble.map(|kind| Trouble { kind, reason: None, wait: None });
    let page = Passkeys {
        frame,
        full: keys.len() >= MOST_PASSKEYS,
        keys: keys.into_iter().map(entry).collect(),
        agent: browser.visitor.device.clone(),
    };
    let status = if trouble.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(app.views.show(status, &page))
}

fn entry(key: Passkey) -> PasskeyEntry {
    PasskeyEntry {
        id: key.id.to_string(),
        name: key.name,
        passkey: key.verifies_user,
        kept: match (key.backup_eligible, key.backed_up) {
            (false, _) => "device",
            (true, false) => "eligible",
            (true, true) => "backed_up",
        },
        created_at: key.created_at.millis(),
        used_at: key.used_at.map(|at| at.millis()),
    }
}

fn owner<'a>(browser: &'a Browser, me: &'a LiveBrowser) -> Owner<'a> {
    Owner {
        user: &me.subject.user,
        session: Some(&me.session.id),
        flow: &browser.visitor.binding,
        caller: &browser.caller,
    }
}

/// A challenge for a new one, as JSON for the script.
pub(crate) async fn options(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    match to_change(&app, &form, "/account/passkeys").await? {
        Gate::Open(me) => Ok(secret_json(&passkey::options(&app.issuer, owner(&form.browser, me)).await?)),
        Gate::Shut(answer) => Ok(answer),
    }
}

/// The answer: a new one.
pub(crate) async fn add(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, "/account/passkeys").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let answer = Answer {
        state: form.params.one("state")?.unwrap_or_default(),
        credential: form.params.one("credential")?.unwrap_or_default(),
    };
    let name = named(&app, &form.params, answer)?;
    match passkey::add(&app.issuer, owner(&form.browser, me), answer, name).await {
        Ok(_) => done(&app, PAGE, "passkey_added"),
        Err(failure) => {
            let kind = match code(&failure) {
                Some(Code::InvalidCredentials) => "passkey",
                Some(Code::InvalidRequest) => "passkey_name",
                Some(Code::Conflict) => "passkey_known",
                _ => return Err(failure.into()),
            };
            page(&app, &form.browser, me, None, Some(kind)).await
        }
    }
}

/// What a new key is called: as typed. Where the suggestion was left as it was, who keeps the key says more.
pub(crate) fn named<'a>(app: &App, params: &'a Params, answer: Answer<'_>) -> Result<&'a str, Fault> {
    let typed = params.one("name")?.unwrap_or_default();
    let left = typed.is_empty() || params.one("suggested")? == Some(typed);
    let provider = if left { passkey::provider(&app.issuer, answer) } else { None };
    Ok(provider.unwrap_or(typed))
}

/// Another name.
pub(crate) async fn rename(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_act(&app, &form)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let Some(id) = id(&form.params)? else { return done(&app, PAGE, "passkey_gone") };
    let name = form.params.one("name")?.unwrap_or_default();
    match passkey::rename(&app.issuer, owner(&form.browser, me), id, name).await {
        Ok(()) => done(&app, PAGE, "passkey_renamed"),
        Err(failure) => match code(&failure) {
            Some(Code::NotFound) => done(&app, PAGE, "passkey_gone"),
            Some(Code::InvalidRequest) => page(&app, &form.browser, me, None, Some("passkey_name")).await,
            _ => Err(failure.into()),
        },
    }
}

/// One less.
pub(crate) async fn remove(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, "/account/passkeys").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let Some(id) = id(&form.params)? else { return done(&app, PAGE, "passkey_gone") };
    match passkey::remove(&app.issuer, owner(&form.browser, me), id).await {
        Ok(()) => done(&app, PAGE, "passkey_removed"),
        Err(Failure::Rejected(Rejected { code: Code::NotFound, .. })) => done(&app, PAGE, "passkey_gone"),
        Err(Failure::Rejected(Rejected { code: Code::Conflict, private: Some(why), .. })) => {
            let last_second = why == "last second factor";
            done(&app, PAGE, if last_second { "last_second" } else { "last_way" })
        }
        Err(failure) => Err(failure.into()),
    }
}

fn id(params: &Params) -> Result<Option<PasskeyId>, Fault> {
    Ok(PasskeyId::parse(params.required("id")?))
}

fn code(failure: &Failure) -> Option<Code> {
    match failure {
        Failure::Rejected(rejected) => Some(rejected.code),
        _ => None,
    }
}
