//! `/login/recovery_code`: one of the codes on paper as a further step.

use super::totp::take;
use crate::app::App;
use crate::error::Fault;
use crate::extract::csrf::PageForm;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::model::Factor;
use std::sync::Arc;

/// A code was typed.
pub(crate) async fn post(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    take(&app, &form, Factor::RecoveryCode).await
}
