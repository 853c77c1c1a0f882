//! `/login/sms_code`: a code by SMS as a further step.

use super::second;
use crate::app::App;
use crate::error::Fault;
use crate::extract::csrf::PageForm;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::model::Factor;
use std::sync::Arc;

/// A code was asked for, or typed.
pub(crate) async fn post(State(app): State<Arc<App>>, form: PageForm) -> Result<Response, Fault> {
    second::post(&app, &form, Factor::SmsCode).await
}
