//! `/login/enrol/passkey`: a passkey, by the page's script.

use super::{Lacking, Still, still};
use crate::account::passkeys::named;
use crate::account::trouble::Failed;
use crate::app::App;
use crate::error::{Fault, Http};
use crate::extract::csrf::PageForm;
use crate::oauth::secret_json;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::account::enrol::{Owner, passkey, recovery_code};
use countersign_issuer::login::passkey::Answer;
use countersign_issuer::model::Factor;
use countersign_issuer::{Code, Failure};
use std::sync::Arc;

fn owner<'a>(lacking: &'a Lacking<'a>) -> Owner<'a> {
    Owner {
        user: &lacking.account.subject.user,
        session: lacking.keep(),
        flow: lacking.flow(),
        caller: &lacking.browser.caller,
    }
}

/// A challenge for a new one, as JSON for the script.
pub(crate) async fn options(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    match still(&app, &form, Factor::Passkey).await? {
        Still::Lacks(lacking) => Ok(secret_json(&passkey::options(&app.issuer, owner(&lacking)).await?)),
        // The script takes no page.
        Still::Past(_) => Err(Http::Expired.into()),
    }
}

/// The answer: a new one. A key that does not verify its user is a second step only.
pub(crate) async fn post(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    let lacking = match still(&app, &form, Factor::Passkey).await? {
        Still::Lacks(lacking) => lacking,
        Still::Past(answer) => return Ok(answer),
    };
    let answer = Answer {
        state: form.params.one("state")?.unwrap_or_default(),
        credential: form.params.one("credential")?.unwrap_or_default(),
    };
    let name = named(&app, &form.params, answer)?;
    match passkey::add(&app.issuer, owner(&lacking), answer, name).await {
        Ok(key) => {
            let (user, keep) = (&lacking.account.subject.user, lacking.keep());
            let codes = recovery_code::with_the_first(&app.issuer, user, keep, &form.browser.caller).await?;
            let factor = if key.verifies_user { Factor::Passkey } else { Factor::SecurityKey };
            lacking.done(&app, factor, !key.backup_eligible, codes).await
        }
        Err(Failure::Rejected(r)) if r.code == Code::InvalidCredentials => {
            lacking.again(&app, &Failed::typed("passkey"), None)
        }
        Err(Failure::Rejected(r)) if r.code == Code::InvalidRequest => {
            lacking.again(&app, &Failed::typed("passkey_name"), None)
        }
        Err(failure) => lacking.again(&app, &Failed::of(failure)?, None),
    }
}
