//! `/oauth/authorize`, and the pages that lead back to it. What comes next is decided in the issuer every
//! time; here it is only shown.

use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::{self, Query};
use crate::login::upstream::buttons;
use crate::login::{magic_link, step};
use crate::signup;
use crate::view::page::{ChooseAccount, Consent, FormPost, SignIn};
use crate::view::see_other;
use axum::extract::{Request, State};
use axum::response::Response;
use countersign_issuer::Code;
use countersign_issuer::error::rejected;
use countersign_issuer::model::Client;
use countersign_issuer::oauth::authorize::{self, Ask, Choice, Next, ResponseMode};
use http::StatusCode;
use std::sync::Arc;
use url::Url;

const PATH: &str = "/oauth/authorize";

/// Where a page's form leads: back here, which decides again.
pub(crate) fn back(app: &App, resume: &str) -> Result<Response, Fault> {
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("resume", resume).finish();
    see_other(&format!("{}?{query}", app.url(PATH)))
}

/// A client's request, or one that comes back from a page.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    // A request of a client names the client; whatever else it holds is the client's.
    let ask = match (params.one("client_id"), params.one("resume")) {
        (Ok(None), Ok(Some(resume))) => {
            still_good(&app, &browser, resume).await?;
            Ask::Resume(resume.to_owned())
        }
        _ => Ask::Fresh(params),
    };
    show(&app, &browser, decided(&app, &browser, ask, None).await).await
}

/// A client may post its request (OIDC Core 3.1.2.1), from another site: cookies with `SameSite=Lax` are not
/// sent then, so nothing is decided; the browser comes back with a GET.
pub(crate) async fn post(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    see_other(&form::as_query(&app, PATH, request).await?)
}

/// Consent or account choice came back.
pub(crate) async fn choose(
    State(app): State<Arc<App>>,
    PageForm { browser, params }: PageForm,
) -> Result<Response, Fault> {
    let resume = params.required("resume")?;
    let choice = match params.required("choice")? {
        "allow" => Choice::Allow,
        "deny" => Choice::Deny,
        "continue" => Choice::Continue,
        "another" => Choice::Another,
        _ => {
            return Err(rejected(Code::InvalidRequest, "The form holds a choice that does not exist.").into());
        }
    };
    still_good(&app, &browser, resume).await?;
    match decided(&app, &browser, Ask::Resume(resume.to_owned()), Some(choice)).await {
        Next::SelectAccount { resume, .. } => back(&app, &resume),
        Next::Consent(view) => back(&app, &view.resume),
        // Signing in as somebody else is asked for by this choice alone: it is shown here and now.
        next => show(&app, &browser, next).await,
    }
}

async fn decided(app: &App, browser: &Browser, ask: Ask, choice: Option<Choice>) -> Next {
    authorize::answer(&app.issuer, ask, choice, &browser.visitor, &browser.caller.devices).await
}

/// For whom a sealed request was; too old or another browser's gets a page that says how to start again.
pub(crate) async fn still_good(app: &App, browser: &Browser, resume: &str) -> Result<Arc<Client>, Fault> {
    let known = authorize::peek(&app.issuer, resume, &browser.visitor).await?;
    Ok(known.ok_or(Http::Expired)?.0)
}

async fn show(app: &App, browser: &Browser, next: Next) -> Result<Response, Fault> {
    match next {
        // Asked for what is missing at once: there is nothing to choose before.
        Next::StepUp { resume, .. } => step::up(app, browser, &resume).await,
        next => answer(app, browser, next),
    }
}

/// The page or the redirect of what comes next.
pub(crate) fn answer(app: &App, browser: &Browser, next: Next) -> Result<Response, Fault> {
    let form_token = || browser.form_token(app);
    match next {
        Next::Login { resume, client, hint, again } => {
            let page = SignIn {
                form_token: form_token(),
                resume: Some(resume),
                transaction: None,
                client: Some((&*client).into()),
                username: again.as_ref().map(|user| user.email.clone()).or(hint).unwrap_or_default(),
                again: again.is_some(),
                offers: magic_link::offers(app),
                trouble: None,
                providers: buttons(app),
            };
            Ok(app.views.show(StatusCode::OK, &page))
        }
        Next::SignUp { resume, client, hint } => {
            let mut page = signup::page(app, browser, Some(&resume), Some(&client));
            page.email = hint.unwrap_or_default();
            Ok(app.views.show(StatusCode::OK, &page))
        }
        Next::StepUp { resume, .. } => back(app, &resume),
        Next::SelectAccount { resume, client, user } => {
            let (client, user) = ((&*client).into(), (&user).into());
            let page = ChooseAccount { form_token: form_token(), resume, client, user };
            Ok(app.views.show(StatusCode::OK, &page))
        }
        Next::Consent(view) => Ok(app.views.show(StatusCode::OK, &Consent::new(*view, form_token()))),
        Next::Respond(response) if response.mode == ResponseMode::FormPost => {
            let host = host(&response.redirect_uri);
            let page = FormPost { action: response.redirect_uri, host, fields: response.params };
            Ok(app.views.show(StatusCode::OK, &page))
        }
        Next::Respond(response) => see_other(&response.location()),
        Next::Page(failure) => Err(failure.into()),
    }
}

/// What people know the client's address by; an app's own scheme when it has no host.
fn host(redirect_uri: &str) -> String {
    let url = Url::parse(redirect_uri).ok();
    let host = url.as_ref().and_then(|u| u.host_str().map(str::to_owned));
    host.or_else(|| url.map(|u| u.scheme().to_owned())).unwrap_or_default()
}
