//! `redirect_uri`: character by character one of those registered (RFC 9700 4.1.3); on a loopback address
//! any port (RFC 8252 7.3). Nothing is normalised: no parser can be made to disagree with a client's.

use super::{Given, Request};
use crate::error::{Code, Rejected};

pub(super) fn check(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    check_if_given(given, request)?;
    if request.redirect_given {
        return Ok(());
    }
    let registered = &given.client.metadata.redirect_uris;
    // RFC 6749 3.1.2.3: it may be left out when there is only one; not in OpenID Connect (Core 3.1.2.1).
    let openid = given.params.one("scope")?.is_some_and(|s| s.split(' ').any(|s| s == "openid"));
    match registered.as_slice() {
        [only] if !openid => {
            request.redirect_uri.clone_from(only);
            Ok(())
        }
        _ => Err(Rejected::new(Code::InvalidRequest, "the parameter redirect_uri is missing")),
    }
}

/// Of one that is sent.
pub(super) fn check_if_given(given: &Given<'_>, request: &mut Request) -> Result<(), Rejected> {
    let Some(uri) = given.params.one("redirect_uri")? else { return Ok(()) };
    if !given.client.metadata.redirect_uris.iter().any(|r| matches(r, uri)) {
        return Err(Rejected::new(
            Code::InvalidRequest,
            "the redirect URI is not registered for this application",
        ));
    }
    uri.clone_into(&mut request.redirect_uri);
    request.redirect_given = true;
    Ok(())
}

fn matches(registered: &str, given: &str) -> bool {
    if registered == given {
        return true;
    }
    match (loopback(registered), loopback(given)) {
        (Some(registered), Some(given)) => registered == given,
        _ => false,
    }
}

/// Host and what follows the port of an `http` URI on a loopback address. `localhost` is a name that may
/// point elsewhere and gets no such freedom (RFC 8252 8.3).
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]"].into_iter().find(|h| rest.starts_with(h))?;
    let rest = rest.strip_prefix(host)?;
    let path = match rest.strip_prefix(':') {
        None => rest,
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (port, path) = rest.split_at(end);
            port.parse::<u16>().ok().filter(|p| *p != 0)?;
            path
        }
    };
    (path.is_empty() || path.starts_with('/') || path.starts_with('?')).then_some((host, path))
}
