//! `/account/providers`: accounts elsewhere that one signs in here with.

use super::gate::{Gate, to_change, to_see};
use super::{done, frame};
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::Query;
use crate::login::upstream::{buttons, link_to};
use crate::view::page::upstream::{Link, Providers};
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::port::UpstreamLink;
use countersign_issuer::upstream::link;
use countersign_issuer::{Code, Failure};
use http::StatusCode;
use std::sync::Arc;

const PAGE: &str = "/account/providers";

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    let me = match to_see(&app, &browser)? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let links = link::list(&app.issuer, me).await?;
    let page = Providers {
        frame: frame(&app, &browser, me, params.one("done")?),
        links: links.into_iter().map(|l| shown(&app, l)).collect(),
        providers: buttons(&app),
    };
    Ok(app.views.show(StatusCode::OK, &page))
}

fn shown(app: &App, link: UpstreamLink) -> Link {
    let label = app.issuer.upstreams.get(&link.provider).map(|p| p.settings.display_name.clone());
    Link {
        label: label.unwrap_or_else(|| link.provider.clone()),
        provider: link.provider,
        subject: link.subject,
        email: link.email,
        linked_at: link.linked_at.millis(),
    }
}

/// On to the provider, to link it.
pub(crate) async fn add(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, "/account/providers").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let provider = app.issuer.upstreams.get(form.params.required("provider")?).ok_or(Http::NotFound)?;
    link_to(&app, &form.browser, provider, &me.subject.user.id).await
}

/// Unlinks.
pub(crate) async fn remove(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let me = match to_change(&app, &form, "/account/providers").await? {
        Gate::Open(me) => me,
        Gate::Shut(answer) => return Ok(answer),
    };
    let (provider, subject) = (form.params.required("provider")?, form.params.required("subject")?);
    let what = match link::unlink(&app.issuer, me, provider, subject, &form.browser.caller).await {
        Ok(()) => "provider_unlinked",
        Err(Failure::Rejected(r)) if r.code == Code::Conflict => "last_way",
        Err(Failure::Rejected(r)) if r.code == Code::NotFound => "gone",
        Err(failure) => return Err(failure.into()),
    };
    done(&app, PAGE, what)
}
