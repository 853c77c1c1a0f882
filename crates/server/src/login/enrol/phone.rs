//! `/login/enrol/phone`: a number for codes by text message, kept once its code was typed.

use super::{Lacking, Still, still};
use crate::account::trouble::Failed;
use crate::app::App;
use crate::error::Fault;
use crate::extract::csrf::PageForm;
use crate::view::page::mail_link::EnrolPhone;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::enrol::phone;
use countersign_issuer::model::{Factor, Secret};
use http::StatusCode;
use std::sync::Arc;

/// Sends a code to the number typed.
pub(crate) async fn send(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let lacking = match still(&app, &form, Factor::SmsCode).await? {
        Still::Lacks(lacking) => lacking,
        Still::Past(answer) => return Ok(answer),
    };
    let number = form.params.one("number")?.unwrap_or_default();
    let look = lacking.browser.look(lacking.way.client.as_deref());
    let (user, caller) = (&lacking.account.subject.user, &form.browser.caller);
    if let Err(failure) = phone::begin(&app.issuer, user, number, lacking.flow(), &look, caller).await {
        let failed = match Failed::of(failure)? {
            typed if typed.kind == "field" => Failed::typed("number"),
            failed => failed,
        };
        return lacking.again(&app, &failed, None);
    }
    Ok(app.views.show(StatusCode::OK, &sent(&app, &lacking, number)?))
}

/// The code was typed.
pub(crate) async fn confirm(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let lacking = match still(&app, &form, Factor::SmsCode).await? {
        Still::Lacks(lacking) => lacking,
        Still::Past(answer) => return Ok(answer),
    };
    let code = Secret::new(form.params.one("code")?.unwrap_or_default());
    let (user, keep) = (&lacking.account.subject.user, lacking.keep());
    let confirmed = phone::confirm(&app.issuer, user, &code, lacking.flow(), keep, &form.browser.caller);
    let failed = match confirmed.await {
        Ok(codes) => return lacking.done(&app, Factor::SmsCode, false, codes).await,
        Err(failure) => match Failed::of(failure)? {
            typed if typed.kind == "code" => Failed::typed("sms_code"),
            typed if typed.kind == "expired" => Failed::typed("sms_expired"),
            failed => failed,
        },
    };
    let to = form.params.one("to")?.filter(|_| failed.kind == "sms_code" || failed.kind == "throttled");
    let Some(to) = to else { return lacking.again(&app, &failed, None) };
    let mut page = sent(&app, &lacking, to)?;
    page.trouble = Some(failed.trouble());
    Ok(failed.show(&app, &page))
}

fn sent(app: &App, lacking: &Lacking<'_>, to: &str) -> Result<EnrolPhone, Fault> {
    Ok(EnrolPhone {
        form_token: lacking.browser.form_token(app),
        transaction: lacking.transaction.seal(&app.issuer, lacking.flow())?,
        resume: lacking.way.resume.map(str::to_owned),
        to: to.trim().to_owned(),
        trouble: None,
    })
}
