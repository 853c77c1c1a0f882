//! `/login/upstream/NAME`: to another provider and back; `/login/upstream-link`: is it yours?

use super::step::{self, Way};
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::{self, Query};
use crate::oauth::authorize::back;
use crate::view::page::upstream::{LinkIt, NotDone, ProveFirst, Provider as Shown, StartThere};
use crate::view::see_other;
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use countersign_issuer::login::Transaction;
use countersign_issuer::model::UserId;
use countersign_issuer::oauth::params::Params;
use countersign_issuer::upstream::{
    self, End, Intent, Kind, Landed, Pending, Provider, Start, Stop, Trouble, link,
};
use countersign_issuer::{Code, Failure};
use http::{StatusCode, Uri};
use std::sync::Arc;

const FOLDER: &str = "/login/upstream/";
/// The page that asks whether to link.
const LINK: &str = "/login/upstream-link";

/// The buttons of the sign-in page.
pub(crate) fn buttons(app: &App) -> Vec<Shown> {
    app.issuer.upstreams.iter().map(|p| shown(p)).collect()
}

pub(crate) fn shown(provider: &Provider) -> Shown {
    let settings = &provider.settings;
    Shown { name: settings.name.clone(), label: settings.display_name.clone() }
}

/// The provider that a path names, and whether it is the way back.
fn named<'a>(app: &'a App, path: &str) -> Result<(&'a Arc<Provider>, bool), Fault> {
    let rest = path.strip_prefix(app.site.base.as_str()).and_then(|p| p.strip_prefix(FOLDER));
    let rest = rest.unwrap_or_default();
    let (name, returning) = match rest.strip_suffix("/callback") {
        Some(name) => (name, true),
        None => (rest, false),
    };
    let provider = app.issuer.upstreams.get(name).ok_or(Http::NotFound)?;
    Ok((provider, returning))
}

/// The way back; or the way there from outside of our pages, which asks first: a link of somebody else signs
/// nobody in.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
    uri: Uri,
) -> Result<Response, Fault> {
    match named(&app, uri.path())? {
        (provider, true) => returned(&app, &browser, provider, &params).await,
        (provider, false) => {
            let resume = params.one("resume")?.map(str::to_owned);
            let page = StartThere { form_token: browser.form_token(&app), resume, provider: shown(provider) };
            Ok(app.views.show(StatusCode::OK, &page))
        }
    }
}

/// The button; or the way back as a form of another site, which brings no cookies: the browser comes back
/// with a GET.
pub(crate) async fn post(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    let (provider, returning) = named(&app, request.uri().path())?;
    if returning {
        let path = format!("{FOLDER}{}/callback", provider.settings.name);
        return see_other(&form::as_query(&app, &path, request).await?);
    }
    let PageForm { browser, params } = PageForm::from_request(request, &app).await?;
    let resume = params.one("resume")?;
    sign_in(&app, &browser, provider, (resume, params.one("transaction")?), None).await
}

/// On to the provider, with what the form carried: `resume` and `transaction`. `hint`: the address that was
/// typed here. Who is signed in and comes here is asked to prove it again, and so is everybody where a fresh
/// sign-in is demanded.
pub(crate) async fn sign_in(
    app: &App,
    browser: &Browser,
    provider: &Provider,
    (resume, transaction): (Option<&str>, Option<&str>),
    hint: Option<&str>,
) -> Result<Response, Fault> {
    let demand = Way::of(app, browser, resume, None).await?.demand;
    let start = Start {
        intent: Intent::SignIn,
        resume: resume.map(str::to_owned),
        transaction: transaction.map(str::to_owned),
        hint: hint.map(str::to_owned),
        again: browser.visitor.session.is_some() || demand.since.is_some(),
    };
    go(app, browser, provider, start).await
}

/// On to the provider, to link it to this account.
pub(crate) async fn link_to(
    app: &App,
    browser: &Browser,
    provider: &Provider,
    user: &UserId,
) -> Result<Response, Fault> {
    let start = Start {
        intent: Intent::Link(user.clone()),
        resume: None,
        transaction: None,
        hint: None,
        again: false,
    };
    go(app, browser, provider, start).await
}

async fn go(app: &App, browser: &Browser, provider: &Provider, start: Start) -> Result<Response, Fault> {
    let resume = start.resume.clone();
    match upstream::begin(&app.issuer, provider, start, &browser.visitor.binding).await {
        Ok(url) => see_other(&url),
        Err(Stop::Failure(failure)) => Err(failure.into()),
        Err(Stop::Trouble(trouble)) => {
            let (provider_name, kind) = (&provider.settings.name, trouble.kind.name());
            tracing::warn!(
                provider = provider_name,
                kind,
                detail = trouble.detail,
                "on the way to a provider"
            );
            Ok(not_done(app, browser, provider, resume.as_deref(), &trouble))
        }
    }
}

async fn returned(
    app: &App,
    browser: &Browser,
    provider: &Provider,
    params: &Params,
) -> Result<Response, Fault> {
    let (visitor, caller) = (&browser.visitor, &browser.caller);
    let Landed { resume, transaction, end } =
        upstream::finish(&app.issuer, provider, params, visitor, caller).await?;
    let resume = resume.as_deref();
    match end {
        End::Proven(proof) => {
            let carried = transaction.as_deref();
            let transaction = Transaction::joined(&app.issuer, &visitor.binding, carried, proof)?;
            let way = Way::of(app, browser, resume, Some(&transaction)).await?;
            step::proceed(app, browser, &way, &transaction).await
        }
        End::Linked => see_other(&app.url("/account/providers?done=provider_linked")),
        End::ProveFirst(pending) => {
            browser.cookies.set_pending(pending.seal(&app.issuer, &visitor.binding)?);
            let page = ProveFirst {
                provider: shown(provider),
                known: pending.user.is_some(),
                email: pending.email,
                on: sign_in_page(app, resume),
            };
            Ok(app.views.show(StatusCode::OK, &page))
        }
        End::Trouble(trouble) => Ok(not_done(app, browser, provider, resume, &trouble)),
    }
}

/// Where one signs in, with what was asked for.
fn sign_in_page(app: &App, resume: Option<&str>) -> String {
    let query =
        |resume| url::form_urlencoded::Serializer::new(String::new()).append_pair("resume", resume).finish();
    match resume {
        Some(resume) => format!("{}/oauth/authorize?{}", app.site.base, query(resume)),
        None => format!("{}/login", app.site.base),
    }
}

fn not_done(
    app: &App,
    browser: &Browser,
    provider: &Provider,
    resume: Option<&str>,
    trouble: &Trouble,
) -> Response {
    let status = match trouble.kind {
        Kind::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Misconfigured | Kind::Refused => StatusCode::BAD_GATEWAY,
        Kind::NoAccount | Kind::TakenElsewhere | Kind::Denied => StatusCode::FORBIDDEN,
        Kind::Expired | Kind::Stale => StatusCode::BAD_REQUEST,
    };
    let on = match (&browser.visitor.session, resume) {
        (Some(_), None) => format!("{}/account/providers", app.site.base),
        (_, resume) => sign_in_page(app, resume),
    };
    app.views.show(status, &NotDone { provider: shown(provider), kind: trouble.kind.name(), on })
}

/// Where a browser goes right after signing in: to the question, when somebody of a provider waits for this
/// account to be proven.
pub(crate) fn after_sign_in(
    app: &App,
    browser: &Browser,
    user: &UserId,
    resume: Option<&str>,
) -> Option<String> {
    let pending = Pending::open(&app.issuer, &browser.visitor.binding, browser.cookies.pending()?)?;
    if !pending.concerns(user) || app.issuer.upstreams.get(&pending.provider).is_none() {
        return None;
    }
    let mut url = app.url(LINK);
    if let Some(resume) = resume {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        url = format!("{url}?{}", query.append_pair("resume", resume).finish());
    }
    Some(url)
}

fn pending<'a>(app: &'a App, browser: &Browser) -> Option<(Pending, &'a Arc<Provider>)> {
    let pending = Pending::open(&app.issuer, &browser.visitor.binding, browser.cookies.pending()?)?;
    let provider = app.issuer.upstreams.get(&pending.provider)?;
    let me = &browser.visitor.session.as_ref()?.subject.user.id;
    pending.concerns(me).then_some((pending, provider))
}

fn go_on(app: &App, resume: Option<&str>) -> Result<Response, Fault> {
    match resume {
        Some(resume) => back(app, resume),
        None => see_other(&app.url("/account")),
    }
}

/// Asks whether to link.
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    let resume = params.one("resume")?;
    let (Some((pending, provider)), Some(me)) = (pending(&app, &browser), &browser.visitor.session) else {
        return go_on(&app, resume);
    };
    let page = LinkIt {
        form_token: browser.form_token(&app),
        me: me.subject.user.id.to_string(),
        resume: resume.map(str::to_owned),
        provider: shown(provider),
        email: pending.email,
        user: (&me.subject.user).into(),
    };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// Links, or not.
pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    PageForm { browser, params }: PageForm,
) -> Result<Response, Fault> {
    let resume = params.one("resume")?;
    let (found, me) = (pending(&app, &browser), params.required("me")?);
    browser.cookies.clear_pending();
    let session = browser.visitor.session.as_ref().filter(|s| s.subject.user.id.as_str() == me);
    let (Some((pending, provider)), Some(session)) = (found, session) else {
        return go_on(&app, resume);
    };
    if params.required("choice")? != "link" {
        return go_on(&app, resume);
    }
    match link::link_mine(&app.issuer, &pending, session, &browser.caller).await {
        Ok(()) => go_on(&app, resume),
        Err(Failure::Rejected(r)) if r.code == Code::Conflict => {
            let trouble = Trouble { kind: Kind::TakenElsewhere, detail: String::new() };
            Ok(not_done(&app, &browser, provider, resume, &trouble))
        }
        Err(Failure::Rejected(r)) if r.code == Code::InsufficientAuthorization => {
            see_other(&app.url("/login"))
        }
        Err(failure) => Err(failure.into()),
    }
}
