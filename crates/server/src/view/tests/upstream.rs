//! Pages about other providers.

use super::super::page::account::Frame;
use super::super::page::upstream::*;
use super::super::*;
use super::{nobody_special, person};

pub(super) fn providers(s: &str) -> Vec<Provider> {
    vec![provider(s), Provider { name: "far".to_owned(), label: "Far".to_owned() }]
}

fn provider(s: &str) -> Provider {
    Provider { name: "near".to_owned(), label: s.to_owned() }
}

fn frame(s: &str, notice: Option<&'static str>) -> Frame {
    Frame { form_token: s.to_owned(), me: s.to_owned(), notice, trouble: None }
}

pub(super) fn pages(view: &Views, s: &str) -> Vec<(&'static str, Result<String, Error>)> {
    let (t, p) = (s.to_owned(), provider(s));
    let mut out = Vec::new();
    for resume in [None, Some(t.clone())] {
        let page = StartThere { form_token: t.clone(), resume: resume.clone(), provider: p.clone() };
        out.push(("upstream_start", view.html(&page)));
        let page = LinkIt {
            form_token: t.clone(),
            me: t.clone(),
            email: resume.clone(),
            user: if resume.is_some() { person(s) } else { nobody_special() },
            resume,
            provider: p.clone(),
        };
        out.push(("upstream_link", view.html(&page)));
    }
    for (known, email) in [(true, Some(t.clone())), (false, Some(t.clone())), (false, None)] {
        let page = ProveFirst { provider: p.clone(), known, email, on: t.clone() };
        out.push(("upstream_prove", view.html(&page)));
    }
    for kind in
        ["denied", "unreachable", "misconfigured", "refused", "expired", "no_account", "taken", "stale"]
    {
        out.push(("upstream_trouble", view.html(&NotDone { provider: p.clone(), kind, on: t.clone() })));
    }
    let link = |email: Option<String>| Link {
        label: t.clone(),
        provider: t.clone(),
        subject: t.clone(),
        email,
        linked_at: 1_700_000_000_000,
    };
    let links = vec![link(None), link(Some(t.clone()))];
    let full = Providers { frame: frame(s, Some("provider_linked")), links, providers: providers(s) };
    out.push(("account_providers", view.html(&full)));
    let empty = Providers { frame: frame(s, None), links: Vec::new(), providers: Vec::new() };
    out.push(("account_providers_none", view.html(&empty)));
    out
}
