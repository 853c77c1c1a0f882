//! `/login/passkey`: a passkey as the first step, or a passkey or security key as the second.
//!
//! The page's script asks for a challenge, the browser answers it, and the answer comes back as a form of the
//! page. Without a sign-in under way nobody is named and nothing tells who has passkeys.

use super::step::{self, Shown, Way};
use super::{Failed, again, magic_link};
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::oauth::secret_json;
use crate::view::page::SignIn;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::login::passkey::{self, Answer};
use countersign_issuer::login::{Purpose, Transaction};
use countersign_issuer::model::{Factor, UserId};
use countersign_issuer::oauth::params::Params;
use std::sync::Arc;

/// A challenge, as JSON for the script.
pub(crate) async fn options(
    State(app): State<Arc<App>>,
    PageForm { browser, params }: PageForm,
) -> Result<Response, Fault> {
    let second = second_step(&app, &browser, &params)?;
    let (purpose, flow) = aim(&browser, second.as_ref());
    let user = second.as_ref().map(|(user, _)| user);
    let options = passkey::options(&app.issuer, user, purpose, flow).await?;
    Ok(secret_json(&options))
}

/// The answer.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    PageForm { browser, params }: PageForm,
) -> Result<Response, Fault> {
    let (resume, carried) = (params.one("resume")?, params.one("transaction")?);
    let second = second_step(&app, &browser, &params)?;
    let user = second.as_ref().map(|(user, _)| user);
    // Before the answer: a request that leads nowhere asks for none.
    let way = Way::of(&app, &browser, resume, second.as_ref().map(|(_, transaction)| transaction)).await?;
    let answer = Answer {
        state: params.one("state")?.unwrap_or_default(),
        credential: params.one("credential")?.unwrap_or_default(),
    };
    let (issuer, binding) = (&app.issuer, &browser.visitor.binding);
    let (purpose, flow) = aim(&browser, second.as_ref());
    let failed = match passkey::prove(issuer, user, answer, purpose, flow, &browser.caller).await {
        Ok(proof) => {
            let transaction = Transaction::joined(issuer, binding, carried, proof)?;
            let way = Way::of(&app, &browser, resume, Some(&transaction)).await?;
            return step::proceed(&app, &browser, &way, &transaction).await;
        }
        Err(failure) => Failed::of(failure)?.because("passkey"),
    };
    if let Some((_, transaction)) = &second {
        let shown = Shown { failed: Some(failed), sent: None, tried: Some(Factor::Passkey) };
        return step::go(&app, &browser, &way, transaction, shown).await;
    }
    let page = SignIn {
        form_token: browser.form_token(&app),
        resume: resume.map(str::to_owned),
        transaction: carried.map(str::to_owned),
        client: way.client.as_deref().map(Into::into),
        username: String::new(),
        again: false,
        offers: magic_link::offers(&app),
        trouble: Some(failed.trouble()),
        providers: super::upstream::buttons(&app),
    };
    Ok(again(&app, &page, &failed))
}

/// What an answer is for: as a further step, what the steps before were for.
fn aim<'a>(browser: &'a Browser, second: Option<&'a (UserId, Transaction)>) -> (Purpose, &'a str) {
    match second {
        Some((_, transaction)) => (transaction.purpose(), transaction.flow()),
        None => (Purpose::Browser, &browser.visitor.binding),
    }
}

/// Of a form of the second step: who it is, by this sign-in or by the session it strengthens, and the sign-in.
fn second_step(
    app: &App,
    browser: &Browser,
    params: &Params,
) -> Result<Option<(UserId, Transaction)>, Fault> {
    if params.one("second")?.is_none() {
        return Ok(None);
    }
    let now = app.issuer.store.cached_now();
    let carried = params.one("transaction")?.unwrap_or_default();
    let transaction = Transaction::open(&app.issuer, &browser.visitor.binding, carried, now);
    let transaction = transaction.ok_or(Http::Expired)?;
    let signed_in = browser.visitor.session.as_ref().map(|live| &live.subject.user.id);
    let user = transaction.user().or(signed_in).cloned().ok_or(Http::Expired)?;
    Ok(Some((user, transaction)))
}

/// `/.well-known/passkey-endpoints` (W3C: A Well-Known URL for Relying Party Passkey Endpoints).
pub(crate) async fn endpoints(State(app): State<Arc<App>>) -> Result<Response, Fault> {
    let page = app.url("/account/passkeys");
    Ok(secret_json(&serde_json::json!({ "enroll": page, "manage": page })))
}
