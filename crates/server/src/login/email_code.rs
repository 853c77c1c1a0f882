//! `/login/email_code`: the code of a mail, as the first step (with the address it went to) or as a further one
//! (with the sign-in under way).

use super::magic_link::{self, Onward};
use super::step::{self, Way};
use super::{Failed, second};
use crate::app::App;
use crate::error::Fault;
use crate::extract::csrf::PageForm;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::login::{Purpose, Transaction, email_code};
use countersign_issuer::model::{Factor, Secret};
use std::sync::Arc;

/// A code was typed, or, on the page of a further step, asked for.
pub(crate) async fn post(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let Some(address) = form.params.one("address")?.map(str::to_owned) else {
        return second::post(&app, &form, Factor::EmailCode).await;
    };
    let PageForm { browser, params } = form;
    let onward = Onward::of(&params)?;
    let way = Way::of(&app, &browser, onward.resume.as_deref(), None).await?;
    let code = Secret::new(params.one("code")?.unwrap_or_default());
    let (flow, caller) = (&browser.visitor.binding, &browser.caller);
    let proven = email_code::prove(&app.issuer, &address, &code, Purpose::Browser, Some(flow), caller).await;
    match proven {
        Ok(proof) => {
            let transaction = Transaction::joined(&app.issuer, flow, onward.transaction.as_deref(), proof)?;
            let way = Way::of(&app, &browser, onward.resume.as_deref(), Some(&transaction)).await?;
            step::proceed(&app, &browser, &way, &transaction).await
        }
        Err(failure) => {
            let (failed, client) = (Failed::of(failure)?, way.client);
            let mut page = magic_link::check_mail(&app, &browser, onward, client.as_deref(), &address);
            page.trouble = Some(failed.trouble());
            Ok(failed.mark(app.views.show(failed.status, &page)))
        }
    }
}
