//! `/login`: the sign-in page's form, and the page by itself, which leads to the account page.

pub(crate) mod email_code;
pub(crate) mod enrol;
pub(crate) mod magic_link;
pub(crate) mod passkey;
pub(crate) mod recovery_code;
mod second;
pub(crate) mod sms_code;
pub(crate) mod step;
pub(crate) mod totp;
pub(crate) mod upstream;

use self::step::Way;
use crate::app::App;
use crate::error::Fault;
use crate::extract::browser::Browser;
use crate::extract::csrf::PageForm;
use crate::extract::form::Query;
use crate::oauth::authorize::still_good;
use crate::view::page::{SignIn, Trouble};
use crate::view::see_other;
use axum::extract::State;
use axum::response::Response;
use countersign_issuer::login::{Purpose, Transaction, password};
use countersign_issuer::model::Secret;
use countersign_issuer::{Code, Failure};
use http::{HeaderValue, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;

/// Leads to where the one signed in proves what a page of ours asks for, and back to it. The page is among
/// those below [`ACCOUNT`].
pub(crate) fn step_up(app: &App, back_to: &'static str) -> Result<Response, Fault> {
    see_other(&format!("{}?step_up={back_to}", app.url("/login")))
}

/// The pages that may ask for more than the sign-in there is.
const ACCOUNT: &str = "/account";

/// A path of those, as the routes have it: no way out of them.
fn of_account(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'/');
    let rest = path.strip_prefix(ACCOUNT);
    rest.is_some_and(|r| (r.is_empty() || r.starts_with('/')) && r.bytes().all(plain) && !r.contains("//"))
}

/// Sign in without a client. Who is signed in goes on to the account page, or proves what one of them asks
/// for (`step_up`).
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    browser: Browser,
    Query(params): Query,
) -> Result<Response, Fault> {
    let back_to = params.one("step_up")?.filter(|path| of_account(path));
    let transaction = back_to
        .map(|path| Transaction::on_the_way(&browser.visitor.binding, path, app.issuer.store.cached_now()));
    if browser.visitor.session.is_some() {
        return match &transaction {
            Some(transaction) => {
                let way = Way::of(&app, &browser, None, Some(transaction)).await?;
                step::proceed(&app, &browser, &way, transaction).await
            }
            None => see_other(&app.url(ACCOUNT)),
        };
    }
    let transaction = transaction.map(|t| t.seal(&app.issuer, &browser.visitor.binding)).transpose()?;
    let page = SignIn {
        form_token: browser.form_token(&app),
        resume: None,
        transaction,
        client: None,
        username: String::new(),
        again: false,
        offers: magic_link::offers(&app),
        trouble: None,
        providers: upstream::buttons(&app),
    };
    Ok(app.views.show(StatusCode::OK, &page))
}

/// Checks the password, changes the cookie, and goes on where the sign-in was asked for.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    PageForm { browser, params }: PageForm,
) -> Result<Response, Fault> {
    let resume = params.one("resume")?;
    // Before the password: a request that leads nowhere asks for none.
    let client = match resume {
        Some(resume) => Some(still_good(&app, &browser, resume).await?),
        None => None,
    };
    let carried = params.one("transaction")?;
    let username = params.one("username")?.unwrap_or_default().trim();
    // Before the password, which is none of ours to see.
    if let Some(home) = app.issuer.upstreams.home_of(username) {
        return upstream::sign_in(&app, &browser, home, (resume, carried), Some(username)).await;
    }
    let failed = match (username, params.one("password")?) {
        ("", _) | (_, None) => {
            Failed { kind: "missing", status: StatusCode::UNPROCESSABLE_ENTITY, wait: None }
        }
        (username, Some(password)) => {
            match prove(&app, &browser, username, Secret::new(password), carried).await {
                Ok(transaction) => {
                    let way = Way::of(&app, &browser, resume, Some(&transaction)).await?;
                    return step::proceed(&app, &browser, &way, &transaction).await;
                }
                Err(failure) => Failed::of(failure)?,
            }
        }
    };
    let page = SignIn {
        form_token: browser.form_token(&app),
        resume: resume.map(str::to_owned),
        transaction: carried.map(str::to_owned),
        client: client.as_deref().map(Into::into),
        username: username.to_owned(),
        again: browser.visitor.session.as_ref().is_some_and(|s| s.subject.user.email == username),
        offers: magic_link::offers(&app),
        trouble: Some(failed.trouble()),
        providers: upstream::buttons(&app),
    };
    Ok(again(&app, &page, &failed))
}

async fn prove(
    app: &App,
    browser: &Browser,
    username: &str,
    password: Secret,
    carried: Option<&str>,
) -> Result<Transaction, Failure> {
    let (visitor, caller) = (&browser.visitor, &browser.caller);
    let flow = &visitor.binding;
    let proof = password::prove(&app.issuer, username, password, Purpose::Browser, flow, caller).await?;
    Transaction::joined(&app.issuer, flow, carried, proof)
}

/// A sign-in that may be tried again.
pub(crate) struct Failed {
    kind: &'static str,
    status: StatusCode,
    wait: Option<u64>,
}

impl Failed {
    /// Of what did not suffice: the text's key instead of the one for passwords or for codes that were sent.
    fn because(self, kind: &'static str) -> Self {
        if matches!(self.kind, "invalid" | "code") { Self { kind, ..self } } else { self }
    }
    /// The failures the sign-in page itself tells; others are an error page.
    fn of(failure: Failure) -> Result<Self, Fault> {
        let seconds = |d: Duration| d.as_secs().max(1);
        match failure {
            Failure::Rejected(r) if r.code == Code::InvalidCredentials => {
                Ok(Self { kind: "invalid", status: StatusCode::UNPROCESSABLE_ENTITY, wait: None })
            }
            Failure::Rejected(r) if r.code == Code::InvalidCode => {
                Ok(Self { kind: "code", status: StatusCode::UNPROCESSABLE_ENTITY, wait: None })
            }
            Failure::Rejected(r) if r.code == Code::CodeExpired => {
                Ok(Self { kind: "ended", status: StatusCode::UNPROCESSABLE_ENTITY, wait: None })
            }
            Failure::Rejected(r) if r.code == Code::TooManyAttempts => {
                let wait = Some(r.retry_after.map_or(60, seconds));
                Ok(Self { kind: "throttled", status: StatusCode::TOO_MANY_REQUESTS, wait })
            }
            Failure::Unavailable(u) => {
                tracing::warn!(what = u.what, detail = u.detail, "sign-in put off");
                let wait = Some(seconds(u.retry_after));
                Ok(Self { kind: "busy", status: StatusCode::SERVICE_UNAVAILABLE, wait })
            }
            other => Err(other.into()),
        }
    }

    fn trouble(&self) -> Trouble {
        Trouble { kind: self.kind, wait: self.wait }
    }

    /// An answer that tells of it: its status, and when to come back.
    fn mark(&self, mut response: Response) -> Response {
        *response.status_mut() = self.status;
        if let Some(wait) = self.wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}

/// The page once more, with what was typed, the password apart.
fn again(app: &App, page: &SignIn, failed: &Failed) -> Response {
    failed.mark(app.views.show(failed.status, page))
}

#[cfg(test)]
mod tests {
    use super::of_account;

    #[test]
    fn the_way_back_leads_to_account_pages_only() {
        for fine in ["/account", "/account/security", "/account/passkeys/add", "/account/e-mail_2"] {
            assert!(of_account(fine), "{fine}");
        }
        for bad in [
            "",
            "/",
            "account",
            "/accounts",
            "/account.evil.example",
            "//evil.example/account",
            "/account//evil.example",
            "/account/../admin",
            "/account/%2e%2e/admin",
            "/account?x=1",
            "/account#x",
            "/account/\\evil.example",
            "https://evil.example/account",
            "/account\r\nx",
        ] {
            assert!(!of_account(bad), "{bad:?}");
        }
    }
}
