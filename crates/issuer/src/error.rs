//! Every flow ends in a value or one of three failures; the HTTP status is chosen later, per surface.

use std::borrow::Cow;
use std::time::Duration;

/// The result of a flow.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a flow did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The asker's fault: a code of the standard, a text for people, a detail for the log.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// Ours, and passing: try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Ours, and not passing: an invariant broke.
    #[error("bug: {0}")]
    Bug(String),
}

/// Codes of RFC 6749 5.2 and 4.1.2.1, OIDC Core 3.1.2.6, RFC 6750 3.1, RFC 8707 and the direct API.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Code {
    /// `invalid_request`
    InvalidRequest,
    /// `invalid_client`
    InvalidClient,
    /// `invalid_grant`
    InvalidGrant,
    /// `unauthorized_client`
    UnauthorizedClient,
    /// `unsupported_grant_type`
    UnsupportedGrantType,
    /// `unsupported_response_type`
    UnsupportedResponseType,
    /// `invalid_scope`
    InvalidScope,
    /// `invalid_target` (RFC 8707)
    InvalidTarget,
    /// `access_denied`
    AccessDenied,
    /// `login_required`
    LoginRequired,
    /// `consent_required`
    ConsentRequired,
    /// `account_selection_required`
    AccountSelectionRequired,
    /// `interaction_required`
    InteractionRequired,
    /// `request_not_supported`
    RequestNotSupported,
    /// `request_uri_not_supported`
    RequestUriNotSupported,
    /// `registration_not_supported`
    RegistrationNotSupported,
    /// `invalid_token` (RFC 6750)
    InvalidToken,
    /// `insufficient_scope` (RFC 6750)
    InsufficientScope,
    /// `unsupported_token_type` (RFC 7009)
    UnsupportedTokenType,
    /// `invalid_credentials`: wrong user name or password (direct API)
    InvalidCredentials,
    /// `too_many_attempts` (direct API, pages)
    TooManyAttempts,
    /// `forbidden_origin`: the browser's origin is not on the client's list
    ForbiddenOrigin,
    /// `not_found` (admin)
    NotFound,
    /// `conflict` (admin): the name is taken
    Conflict,
    /// `invalid_metadata`: a client or resource document that does not fit (RFC 7591 3.2.2 `invalid_client_metadata`)
    InvalidClientMetadata,
    /// `invalid_redirect_uri` (RFC 7591 3.2.2)
    InvalidRedirectUri,
    /// `unmet_authentication_requirements`: the level asked for cannot be reached (OpenID Connect Core Error Code unmet_authentication_requirements 1.0)
    UnmetAuthenticationRequirements,
    /// `invalid_code`: a one-time code is wrong (direct API, pages)
    InvalidCode,
    /// `code_expired`: a code or link is spent, too old, or its tries are used up
    CodeExpired,
    /// `method_unavailable`: the account has no such factor, or the house does not offer it
    MethodUnavailable,
    /// `weak_password`: a new password is too short, too long or too easy to guess
    WeakPassword,
    /// `sign_up_closed`: this house does not let people sign up, or not with that address
    SignUpClosed,
    /// `invalid_session`: an `auth_session` is altered, too old, spent, or another client's (OAuth 2.0 for
    /// First-Party Applications)
    InvalidSession,
    /// `redirect_to_web`: what is due works on a page only (OAuth 2.0 for First-Party Applications)
    RedirectToWeb,
    /// `insufficient_authorization`: more is to be proven (OAuth 2.0 for First-Party Applications)
    InsufficientAuthorization,
}

impl Code {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::InteractionRequired => "interaction_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::InvalidCredentials => "invalid_credentials",
            Self::TooManyAttempts => "too_many_attempts",
            Self::ForbiddenOrigin => "forbidden_origin",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::InvalidCode => "invalid_code",
            Self::CodeExpired => "code_expired",
            Self::MethodUnavailable => "method_unavailable",
            Self::WeakPassword => "weak_password",
            Self::SignUpClosed => "sign_up_closed",
            Self::InvalidSession => "invalid_session",
            Self::RedirectToWeb => "redirect_to_web",
            Self::InsufficientAuthorization => "insufficient_authorization",
        }
    }
}

/// Why something typed is refused, where one code has several reasons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A password below the least length.
    PasswordShort,
    /// A password above the greatest length.
    PasswordLong,
    /// A password with a control character.
    PasswordControl,
    /// A password that is the person's name or address.
    PasswordYours,
    /// A password that is soon guessed.
    PasswordEasy,
    /// A password from a list of stolen ones.
    PasswordStolen,
    /// No password where one is needed.
    PasswordNone,
    /// No e-mail address.
    Address,
    /// No display name.
    Name,
    /// Not the address it must be.
    Mismatch,
    /// Nobody signs up here.
    SignUpOff,
    /// Nobody signs up with an address of that domain.
    Domain,
    /// No mail is sent.
    NoMail,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::PasswordShort,
        Self::PasswordLong,
        Self::PasswordControl,
        Self::PasswordYours,
        Self::PasswordEasy,
        Self::PasswordStolen,
        Self::PasswordNone,
        Self::Address,
        Self::Name,
        Self::Mismatch,
        Self::SignUpOff,
        Self::Domain,
        Self::NoMail,
    ];
    /// The code it belongs to.
    pub fn code(self) -> Code {
        match self {
            Self::Address | Self::Name | Self::Mismatch => Code::InvalidRequest,
            Self::SignUpOff | Self::Domain => Code::SignUpClosed,
            Self::NoMail => Code::MethodUnavailable,
            _ => Code::WeakPassword,
        }
    }
    /// The stable name: the end of its text's key.
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordShort => "short",
            Self::PasswordLong => "long",
            Self::PasswordControl => "control",
            Self::PasswordYours => "yours",
            Self::PasswordEasy => "easy",
            Self::PasswordStolen => "stolen",
            Self::PasswordNone => "none",
            Self::Address => "address",
            Self::Name => "name",
            Self::Mismatch => "mismatch",
            Self::SignUpOff => "closed",
            Self::Domain => "domain",
            Self::NoMail => "no_mail",
        }
    }
}

/// A refusal. `public` may be shown to anybody; `private` goes to the log only.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {public}", code.name())]
pub struct Rejected {
    /// Code of the standard.
    pub code: Code,
    /// For people: what happened, what to do. ASCII without `"` and `\` (RFC 6749 5.2).
    pub public: Cow<'static, str>,
    /// For the log; never a secret.
    pub private: Option<String>,
    /// When asking again may help.
    pub retry_after: Option<Duration>,
    /// Which of the reasons there are for this code.
    pub reason: Option<Reason>,
}

impl Rejected {
    /// A refusal with nothing more to say to the log.
    pub fn new(code: Code, public: impl Into<Cow<'static, str>>) -> Self {
        Self { code, public: public.into(), private: None, retry_after: None, reason: None }
    }
    /// Adds what the log should know.
    #[must_use]
    pub fn because(mut self, private: impl Into<String>) -> Self {
        self.private = Some(private.into());
        self
    }
    /// A refusal whose reason the pages tell in the reader's language.
    pub fn of(reason: Reason, public: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Some(reason), ..Self::new(reason.code(), public) }
    }
}

/// Short for `Failure::Rejected(Rejected::new(..))`.
pub fn rejected(code: Code, public: impl Into<Cow<'static, str>>) -> Failure {
    Failure::Rejected(Rejected::new(code, public))
}

/// A part we need does not answer now (store busy or full, hash queue over its deadline).
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what} is unavailable: {detail}")]
pub struct Unavailable {
    /// Which part.
    pub what: &'static str,
    /// For the log.
    pub detail: String,
    /// When asking again may help.
    pub retry_after: Duration,
}
