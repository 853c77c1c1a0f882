//! What a token may be for: the scopes and audiences asked for, against what the client is registered
//! for, what the resources define and what the person's roles hold. Pure.

use crate::error::{Code, Rejected};
use crate::model::session::Authentication;
use crate::model::{Acr, Client, Resource, Role, Scopes, Subject};
use countersign_token::Algorithm;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All resources, by identifier.
pub(crate) type Known = BTreeMap<String, Arc<Resource>>;

/// Scopes about the person, which belong to no resource (OIDC Core 5.4 and 11).
pub(crate) const IDENTITY: &[&str] = &["openid", "profile", "email", "offline_access"];

/// Reads the `scope` parameter.
pub(crate) fn parse_scope(text: Option<&str>) -> Result<Option<Scopes>, Rejected> {
    let Some(text) = text else { return Ok(None) };
    let scopes = Scopes::parse(text)
        .filter(|s| !s.is_empty())
        .ok_or_else(|| Rejected::new(Code::InvalidScope, "the scope is malformed or names too many"))?;
    Ok(Some(scopes))
}

/// The audiences of a grant (RFC 8707 2): those asked for, each of which must be known and registered for
/// the client; none asked for: the client's own list, in its order. Empty: the issuer is the audience.
pub(crate) fn resources(
    client: &Client,
    asked: &[&str],
    known: &Known,
) -> Result<Vec<Arc<Resource>>, Rejected> {
    let registered = &client.metadata.resources;
    if asked.is_empty() {
        let out: Vec<_> = registered.iter().filter_map(|r| known.get(r).cloned()).collect();
        if out.is_empty() && !registered.is_empty() {
            // Falling back to the issuer as audience would hide the mistake.
            return Err(Rejected::new(Code::InvalidTarget, "the resources of this client do not exist"));
        }
        return Ok(out);
    }
    let mut out: Vec<Arc<Resource>> = Vec::with_capacity(asked.len());
    for name in asked {
        let found = known.get(*name).filter(|_| registered.iter().any(|r| r == name));
        let found = found.ok_or_else(|| {
            Rejected::new(Code::InvalidTarget, "a resource asked for is unknown or not for this client")
        })?;
        if !out.iter().any(|r| r.resource == found.resource) {
            out.push(found.clone());
        }
    }
    Ok(out)
}

/// The audiences of one token out of those granted before (RFC 8707 2.2): each one asked for must have
/// been granted; all of them must still be known and registered.
pub(crate) fn narrow(
    client: &Client,
    asked: &[&str],
    granted: &[String],
    known: &Known,
) -> Result<Vec<Arc<Resource>>, Rejected> {
    if asked.is_empty() {
        let registered = |r: &&String| client.metadata.resources.contains(r);
        let out: Vec<_> = granted.iter().filter(registered).filter_map(|r| known.get(r).cloned()).collect();
        if out.is_empty() && !granted.is_empty() {
            return Err(Rejected::new(Code::InvalidTarget, "the resources granted are not there any more"));
        }
        return Ok(out);
    }
    if asked.iter().any(|a| !granted.iter().any(|g| g == a)) {
        return Err(Rejected::new(Code::InvalidTarget, "a resource asked for was not granted"));
    }
    resources(client, asked, known)
}

/// The scopes of a grant: requested (all the client has, when none are), allowed to the client, and not
/// those of a resource that is not an audience. `invalid_scope` when nothing is left of what was asked.
pub(crate) fn scopes(
    client: &Client,
    asked: Option<&Scopes>,
    audiences: &[Arc<Resource>],
    known: &Known,
) -> Result<Scopes, Rejected> {
    let allowed = &client.metadata.scope;
    let fits = |scope: &str| -> bool {
        if scope == "offline_access" && !client.may_use("refresh_token") {
            return false; // OIDC Core 11: ignored when no refresh token can come of it
        }
        IDENTITY.contains(&scope)
            || audiences.iter().any(|r| r.scopes.contains(scope))
            || !known.values().any(|r| r.scopes.contains(scope))
    };
    match asked {
        None => Ok(allowed.filter(|s| s != "offline_access" && fits(s))),
        Some(asked) => {
            let out = asked.filter(|s| allowed.contains(s) && fits(s));
            if out.is_empty() {
                return Err(Rejected::new(Code::InvalidScope, "no scope asked for is open to this client"));
            }
            Ok(out)
        }
    }
}

/// The one algorithm all audiences share (ES256 where they do not say); a symmetric one has one audience.
/// Asked before anything is written: a wish that cannot be signed must cost neither code nor token.
pub(crate) fn algorithm(audiences: &[Arc<Resource>]) -> Result<Algorithm, Rejected> {
    let mut algs = audiences.iter().map(|r| r.signing_alg.unwrap_or(Algorithm::Es256));
    let first = algs.next().unwrap_or(Algorithm::Es256);
    let fits = algs.all(|a| a == first) && (!first.is_symmetric() || audiences.len() == 1);
    fits.then_some(first).ok_or_else(|| {
        Rejected::new(Code::InvalidTarget, "these resources sign differently: ask for them one by one")
    })
}

/// Did the person sign in at the level that each of these audiences asks for? RFC 9470 is about what the
/// resource answers; here the wish for a token for it is refused as RFC 8707 has it, and the text says what
/// to ask the person for. Asked before anything is written, as [`algorithm`].
pub(crate) fn reached(audiences: &[Arc<Resource>], by: &Authentication) -> Result<(), Rejected> {
    let level = Acr::parse(&by.acr);
    match audiences.iter().filter_map(|r| r.acr).max() {
        Some(due) if level < Some(due) => Err(Rejected::new(
            Code::InvalidTarget,
            format!(
                "the sign-in is too weak for this resource: authorize again with acr_values {}",
                due.name()
            ),
        )),
        _ => Ok(()),
    }
}

/// Of these scopes, those the person may use there: a scope that an audience marks `by_role` must be held
/// through a role at every audience that marks it.
pub(crate) fn held(scopes: &Scopes, subject: &Subject, audiences: &[Arc<Resource>]) -> Scopes {
    scopes.filter(|scope| {
        audiences.iter().filter(|a| a.by_role.contains(scope)).all(|a| {
            subject.roles.iter().any(|role| role.grants.get(&a.resource).is_some_and(|g| g.contains(scope)))
        })
    })
}

/// Names of the roles that say anything about these audiences; with the issuer as audience, of those that
/// name no resource.
pub(crate) fn roles<'a>(subject: &'a Subject, audiences: &[Arc<Resource>]) -> Vec<&'a str> {
    let touching = |role: &&Arc<Role>| {
        (audiences.is_empty() && role.grants.is_empty())
            || audiences.iter().any(|a| role.touches(&a.resource))
    };
    subject.roles.iter().filter(touching).map(|role| role.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::fixture::{API, NOW, OTHER, authentication, client, known, scopes, subject};

    fn names(resources: Vec<Arc<Resource>>) -> Vec<String> {
        resources.into_iter().map(|r| r.resource.clone()).collect()
    }

    #[test]
    fn audiences_are_asked_for_or_the_clients_own() {
        let (mut client, known) = (client(), known());
        let of = |asked: &[&str]| resources(&client, asked, &known).map(names);
        assert_eq!(of(&[]).unwrap(), [API, OTHER]);
        assert_eq!(of(&[OTHER, OTHER]).unwrap(), [OTHER]);
        for bad in ["urn:far", "https://nowhere.example/", "https://api.example"] {
            assert_eq!(of(&[API, bad]).unwrap_err().code, Code::InvalidTarget, "{bad}");
        }
        client.metadata.resources = vec![OTHER.to_owned(), "urn:gone".to_owned()];
        assert_eq!(names(resources(&client, &[], &known).unwrap()), [OTHER]);
        client.metadata.resources.remove(0);
        assert!(resources(&client, &[], &known).is_err(), "never the issuer in their place");
    }

    #[test]
    fn audiences_narrow_and_never_widen() {
        let (mut client, known) = (client(), known());
        let granted = [API.to_owned()];
        assert_eq!(names(narrow(&client, &[], &granted, &known).unwrap()), [API]);
        assert_eq!(names(narrow(&client, &[], &[], &known).unwrap()), [""; 0]);
        assert!(narrow(&client, &[OTHER], &granted, &known).is_err(), "not granted");
        client.metadata.resources.clear();
        assert!(narrow(&client, &[], &granted, &known).is_err(), "taken from the client since");
        assert!(narrow(&client, &[API], &granted, &known).is_err(), "taken from the client since");
    }

    #[test]
    fn scopes_are_the_clients_and_the_audiences() {
        let (mut client, known) = (client(), known());
        let api = resources(&client, &[API], &known).unwrap();
        let of = |client: &Client, asked: &str| {
            super::scopes(client, parse_scope(Some(asked)).unwrap().as_ref(), &api, &known)
        };
        assert_eq!(of(&client, "openid read far list loose odd").unwrap(), scopes("openid read loose"));
        assert_eq!(of(&client, "far").unwrap_err().code, Code::InvalidScope);
        assert_eq!(of(&client, "openid offline_access").unwrap(), scopes("openid offline_access"));
        let default = super::scopes(&client, None, &api, &known).unwrap();
        assert_eq!(default, scopes("openid profile email read write admin loose"));
        client.metadata.grant_types.retain(|g| g != "refresh_token");
        assert_eq!(of(&client, "openid offline_access").unwrap(), scopes("openid"));
    }

    #[test]
    fn some_scopes_need_a_role_at_every_audience_that_says_so() {
        let known = known();
        let (api, other) = (known[API].clone(), known[OTHER].clone());
        let asked = scopes("read admin");
        let held =
            |roles: &[(&str, &str, &str)], at: &[Arc<Resource>]| super::held(&asked, &subject(roles), at);
        let both = [api.clone(), other.clone()];
        assert_eq!(held(&[], &both), scopes("read"));
        assert_eq!(held(&[("boss", API, "admin")], &both), asked);
        assert_eq!(held(&[("boss", OTHER, "admin")], &both), scopes("read"), "held elsewhere");
        assert_eq!(held(&[("clerk", API, "read")], &both), scopes("read"));
        let mut strict = (*other).clone();
        strict.by_role = scopes("admin");
        let both = [api, Arc::new(strict)];
        assert_eq!(held(&[("boss", API, "admin")], &both), scopes("read"), "the other would be fooled");
    }

    #[test]
    fn roles_stay_with_their_audience() {
        let (known, subject) = (known(), subject(&[("boss", API, "admin"), ("guest", "urn:far", "far")]));
        assert_eq!(roles(&subject, &[known[API].clone()]), ["boss"]);
        assert_eq!(roles(&subject, &[known[OTHER].clone()]), [""; 0]);
        assert_eq!(roles(&subject, &[]), [""; 0]);
        let mut everywhere = subject.clone();
        everywhere.roles.push(Arc::new(Role {
            name: "staff".to_owned(),
            description: String::new(),
            grants: BTreeMap::new(),
        }));
        assert_eq!(roles(&everywhere, &[]), ["staff"]);
        assert_eq!(roles(&everywhere, &[known[OTHER].clone()]), ["staff"]);
    }

    #[test]
    fn audiences_share_one_algorithm() {
        let with = |alg: Option<Algorithm>| {
            let mut resource = (*known()[API]).clone();
            resource.signing_alg = alg;
            Arc::new(resource)
        };
        let of = |algs: &[Option<Algorithm>]| {
            let audiences: Vec<_> = algs.iter().map(|a| with(*a)).collect();
            super::algorithm(&audiences).map_err(|e| e.code)
        };
        let (es, rs, hs) = (Some(Algorithm::Es256), Some(Algorithm::Rs256), Some(Algorithm::Hs256));
        assert_eq!(of(&[]), Ok(Algorithm::Es256));
        assert_eq!(of(&[None, es]), Ok(Algorithm::Es256));
        assert_eq!(of(&[rs, rs]), Ok(Algorithm::Rs256));
        assert_eq!(of(&[hs]), Ok(Algorithm::Hs256));
        assert_eq!(of(&[es, rs]), Err(Code::InvalidTarget));
        assert_eq!(of(&[hs, hs]), Err(Code::InvalidTarget), "two secrets");
    }

    #[test]
    fn an_audience_may_ask_for_a_stronger_sign_in() {
        let with = |acr: Option<Acr>| {
            let mut resource = (*known()[API]).clone();
            resource.acr = acr;
            Arc::new(resource)
        };
        let of = |acrs: &[Option<Acr>], level: &str| {
            let audiences: Vec<_> = acrs.iter().map(|a| with(*a)).collect();
            let by = Authentication { acr: level.to_owned(), ..authentication(NOW) };
            super::reached(&audiences, &by).map_err(|e| e.code)
        };
        let (one, two, phr) = ("urn:countersign:1", "urn:countersign:2", "urn:countersign:phr");
        for (due, level, good) in [
            (None, one, true),
            (Some(Acr::One), one, true),
            (Some(Acr::Two), one, false),
            (Some(Acr::Two), two, true),
            (Some(Acr::Two), phr, true),
            (Some(Acr::PhishingResistant), two, false),
            (Some(Acr::PhishingResistant), phr, true),
            (Some(Acr::One), "unheard of", false),
        ] {
            let due_code = if good { Ok(()) } else { Err(Code::InvalidTarget) };
            assert_eq!(of(&[due], level), due_code, "{due:?} {level}");
            assert_eq!(of(&[None, due, Some(Acr::One)], level), due_code, "the strictest counts");
        }
        assert_eq!(of(&[], one), Ok(()));
    }

    #[test]
    fn malformed_scopes_are_refused() {
        for bad in ["a\"b", "a\\b", "\u{e9}", " ", "a\nb"] {
            assert_eq!(parse_scope(Some(bad)).unwrap_err().code, Code::InvalidScope, "{bad:?}");
        }
        let many = (0..65).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        assert!(parse_scope(Some(&many)).is_err());
        assert!(parse_scope(None).unwrap().is_none());
    }
}
