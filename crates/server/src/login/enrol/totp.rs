//! `/login/enrol`: a code of the new authenticator app.

use super::{Still, still};
use crate::account::trouble::Failed;
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::csrf::PageForm;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::enrol::totp;
use countersign_issuer::model::{Factor, Secret};
use std::sync::Arc;

/// A code was typed.
pub(crate) async fn post(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let lacking = match still(&app, &form, Factor::Totp).await? {
        Still::Lacks(lacking) => lacking,
        Still::Past(answer) => return Ok(answer),
    };
    let (issuer, user, flow) = (&app.issuer, &lacking.account.subject.user, lacking.flow());
    let sealed = form.params.required("sealed")?;
    let code = Secret::new(form.params.one("code")?.unwrap_or_default());
    let caller = &form.browser.caller;
    match totp::confirm(issuer, user, flow, sealed, &code, lacking.keep(), caller).await {
        Ok(codes) => lacking.done(&app, Factor::Totp, false, codes).await,
        Err(failure) => {
            let failed = Failed::of(failure)?;
            let shown = totp::again(issuer, user, flow, sealed, lacking.now)?.ok_or(Http::Expired)?;
            lacking.again(&app, &failed, Some(shown))
        }
    }
}
