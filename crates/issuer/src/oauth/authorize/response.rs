//! The answer to a client: where it goes, how it travels, what stands in it.

use super::request::Request;
use crate::error::Rejected;

/// How the answer travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResponseMode {
    /// 303 with a query.
    Query,
    /// 303 with a fragment.
    Fragment,
    /// A page that posts itself (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// An answer for the client, error or not. Always with `iss` (RFC 9207).
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Proven.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What, in order.
    pub params: Vec<(&'static str, String)>,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Names only: the code is a secret.
        let names: Vec<_> = self.params.iter().map(|(name, _)| name).collect();
        let mut out = f.debug_struct("Response");
        out.field("redirect_uri", &self.redirect_uri)
            .field("mode", &self.mode)
            .field("params", &names)
            .finish()
    }
}

impl Response {
    /// The URL for query and fragment mode.
    pub fn location(&self) -> String {
        match self.mode {
            ResponseMode::Fragment => {
                format!("{}#{}", self.redirect_uri, encoded(&self.params))
            }
            ResponseMode::Query | ResponseMode::FormPost => with_query(&self.redirect_uri, &self.params),
        }
    }

    pub(super) fn code(issuer: &str, request: &Request, code: String) -> Self {
        Self::new(issuer, request, vec![("code", code)])
    }

    pub(super) fn error(issuer: &str, request: &Request, refused: &Rejected) -> Self {
        let error = ("error", refused.code.name().to_owned());
        Self::new(issuer, request, vec![error, ("error_description", refused.public.clone().into_owned())])
    }

    fn new(issuer: &str, request: &Request, mut params: Vec<(&'static str, String)>) -> Self {
        params.extend(request.state.clone().map(|state| ("state", state)));
        params.push(("iss", issuer.to_owned()));
        Self { redirect_uri: request.redirect_uri.clone(), mode: request.mode, params }
    }
}

fn encoded<V: AsRef<str>>(params: &[(&str, V)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

/// A registered URI with parameters added; what it has already stays (RFC 6749 3.1.2).
pub(crate) fn with_query<V: AsRef<str>>(uri: &str, params: &[(&str, V)]) -> String {
    if params.is_empty() {
        return uri.to_owned();
    }
    let joint = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{joint}{}", encoded(params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn response(uri: &str, mode: ResponseMode) -> Response {
        let request = Request {
            redirect_uri: uri.to_owned(),
            mode,
            state: Some("a b&c".to_owned()),
            ..Request::default()
        };
        Response::code("https://id.example", &request, "xyz".to_owned())
    }

    #[test]
    fn locations() {
        let tail = "code=xyz&state=a+b%26c&iss=https%3A%2F%2Fid.example";
        for (uri, mode, head) in [
            ("https://a.example/cb", ResponseMode::Query, "https://a.example/cb?"),
            ("https://a.example/cb?x=1", ResponseMode::Query, "https://a.example/cb?x=1&"),
            ("https://a.example/cb?", ResponseMode::Query, "https://a.example/cb?"),
            ("https://a.example/cb", ResponseMode::Fragment, "https://a.example/cb#"),
            ("com.example.app:/cb", ResponseMode::Query, "com.example.app:/cb?"),
        ] {
            assert_eq!(response(uri, mode).location(), format!("{head}{tail}"));
        }
    }

    #[test]
    fn errors_name_the_issuer_too() {
        let request = Request { redirect_uri: "https://a.example/".to_owned(), ..Request::default() };
        let refused = Rejected::new(Code::LoginRequired, "sign in");
        let names: Vec<_> =
            Response::error("https://id.example", &request, &refused).params.into_iter().collect();
        assert_eq!(names.first().unwrap(), &("error", "login_required".to_owned()));
        assert_eq!(names.last().unwrap(), &("iss", "https://id.example".to_owned()));
    }

    #[test]
    fn debug_hides_the_code() {
        let shown = format!("{:?}", response("https://a.example/cb", ResponseMode::Query));
        assert!(!shown.contains("xyz"));
    }
}
