//! The pages behind links in mails that are not for signing in: sign-up, recovery, an address. Showing one
//! changes nothing, so that scanners of mail use nothing up; the button does.

use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::view::page::mail_link::{Link, LinkStands};
use axum::response::Response;
use countersign_issuer::login::Purpose;
use countersign_issuer::login::challenge::{self, LinkState};
use http::StatusCode;

/// What links are about, by the page they lead to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Topic {
    /// `/signup/confirm`
    SignUp,
    /// `/recover/confirm`
    Recover,
    /// `/account/email/confirm`
    Email,
}

impl Topic {
    fn purposes(self) -> &'static [Purpose] {
        match self {
            Self::SignUp => &[Purpose::SignUp],
            Self::Recover => &[Purpose::Recover],
            Self::Email => &[Purpose::VerifyEmail, Purpose::ChangeEmail],
        }
    }
    fn name(self) -> &'static str {
        match self {
            Self::SignUp => "signup",
            Self::Recover => "recover",
            Self::Email => "email",
        }
    }
    /// The page, and where its form leads.
    fn page(self) -> &'static str {
        match self {
            Self::SignUp => countersign_issuer::account::signup::PAGE,
            Self::Recover => countersign_issuer::account::recover::PAGE,
            Self::Email => countersign_issuer::account::email::PAGE,
        }
    }
    /// Where to begin again.
    fn start(self) -> &'static str {
        match self {
            Self::SignUp => "/signup",
            Self::Recover => "/recover",
            Self::Email => "/account/email",
        }
    }
}

/// What it is about: a button here, the code to be typed where it was asked for elsewhere, or what became of it.
pub(crate) async fn show(
    app: &App,
    browser: &Browser,
    topic: Topic,
    token: Option<&str>,
) -> Result<Response, Fault> {
    let token = token.unwrap_or_default();
    let view = challenge::view(&app.issuer, token).await?;
    let view = view.filter(|v| topic.purposes().contains(&v.purpose));
    let stands = match &view {
        None => LinkStands::Ended,
        Some(view) => match &view.state {
            LinkState::Used => LinkStands::Used,
            LinkState::Ended => LinkStands::Ended,
            LinkState::Waits(_) if view.asked_by(&browser.visitor.binding) => LinkStands::Here,
            LinkState::Waits(Some(code)) => LinkStands::Elsewhere(code.expose().to_owned()),
            LinkState::Waits(None) => LinkStands::Ended,
        },
    };
    let me = browser.visitor.session.as_ref().map(|live| live.subject.user.id.to_string());
    let page = Link {
        form_token: browser.form_token(app),
        me,
        topic: topic.name(),
        action: topic.page(),
        start: topic.start(),
        token: token.to_owned(),
        code: match &stands {
            LinkStands::Elsewhere(code) => Some(code.clone()),
            _ => None,
        },
        stands: stands.name(),
        to: view.as_ref().map(|v| v.to.clone()),
        asked_at: view.as_ref().map(|v| v.asked_at.millis()),
        ip: view.as_ref().map(|v| v.asked_from.ip.clone()),
        device_name: view.map(|v| v.asked_from.device),
    };
    Ok(app.views.show(StatusCode::OK, &page))
}
