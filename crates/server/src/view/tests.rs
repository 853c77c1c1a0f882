//! Every page is rendered here, with kind and with hostile values; a text, field or asset that a template
//! misses makes this red.

mod account;
mod codes;
mod upstream;

use super::page::*;
use super::*;
use countersign_issuer::model::Factor;
use std::collections::BTreeMap;

const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onfocus='alert(1)' autofocus='",
    "</title></head><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}{client}",
    "\u{202e}moc.elpmaxe\u{202c} مريم \u{2066}",
    "🦀👩‍👩‍👧‍👦 \u{0}\u{7f}\u{1b}[31m",
    "javascript:alert(1)//\r\nSet-Cookie: a=b",
];

fn app(s: &str) -> App {
    let link = |path: &str| Some(format!("https://app.example/{path}"));
    let plain = bare(s);
    App { home: link("home"), policy: link("policy"), terms: link("terms"), ..plain }
}

/// An application that said nothing but its name.
fn bare(s: &str) -> App {
    App {
        name: s.to_owned(),
        home: None,
        policy: None,
        terms: None,
        style: None,
        logo: None,
        names: BTreeMap::new(),
        welcome: None,
        welcomes: BTreeMap::new(),
    }
}

fn person(s: &str) -> Person {
    Person {
        name: Some(s.to_owned()),
        email: format!("{s}@example.com"),
        email_verified: true,
        username: Some(s.to_owned()),
        roles: vec![s.to_owned(), "reader".to_owned()],
    }
}

fn nobody_special() -> Person {
    let email = "ada@example.com".to_owned();
    Person { name: None, email, email_verified: false, username: None, roles: vec![] }
}

fn sign_in(s: &str, client: bool, again: bool, trouble: Option<Trouble>) -> SignIn {
    SignIn {
        form_token: s.to_owned(),
        resume: client.then(|| s.to_owned()),
        transaction: again.then(|| s.to_owned()),
        client: client.then(|| app(s)),
        username: if again || trouble.is_some() { s.to_owned() } else { String::new() },
        again,
        offers: Offers { mail: client, recover: client, sign_up: client },
        trouble,
        providers: upstream::providers(s),
    }
}

/// Every template in every shape, with `s` wherever a value of somebody else's stands.
fn every_page(view: &Views, s: &str) -> Vec<(&'static str, String)> {
    let mut out: Vec<(&'static str, Result<String, Error>)> = Vec::new();
    let kept = |html: Option<String>| crate::Kept {
        id: s.to_owned(),
        way: "mail",
        at: 1_770_000_000_000,
        to: s.to_owned(),
        subject: html.as_ref().map(|_| s.to_owned()),
        text: s.to_owned(),
        code: html.as_ref().map(|_| s.to_owned()),
        link: html.as_ref().map(|_| "https://id.example/auth/verify?token=x".to_owned()),
        html,
    };
    let messages = vec![kept(Some(s.to_owned())), kept(None)];
    out.push(("dev_outbox", view.html(&crate::dev_outbox::Messages { most: 100, messages })));
    out.push(("dev_outbox_none", view.html(&crate::dev_outbox::Messages { most: 100, messages: vec![] })));
    let trouble = |kind, wait| Some(Trouble { kind, wait });
    let t = s.to_owned();
    for (name, page) in [
        ("sign_in", sign_in(s, true, false, None)),
        ("sign_in_here", sign_in(s, false, false, None)),
        ("sign_in_again", sign_in(s, true, true, None)),
        ("sign_in_again_here", sign_in(s, false, true, None)),
        ("sign_in_invalid", sign_in(s, true, false, trouble("invalid", None))),
        ("sign_in_missing", sign_in(s, true, false, trouble("missing", None))),
        ("sign_in_throttled", sign_in(s, true, false, trouble("throttled", Some(90)))),
        ("sign_in_busy", sign_in(s, false, false, trouble("busy", Some(2)))),
    ] {
        out.push((name, view.html(&page)));
    }
    let choose = ChooseAccount { form_token: t.clone(), resume: t.clone(), client: app(s), user: person(s) };
    out.push(("choose_account", view.html(&choose)));
    let line = || ScopeLine { scope: t.clone(), says: t.clone() };
    let groups = vec![
        ScopeGroup { api: None, scopes: vec![line(), line()] },
        ScopeGroup { api: Some(t.clone()), scopes: vec![line()] },
    ];
    let mut consent = Consent {
        form_token: t.clone(),
        resume: t.clone(),
        client: app(s),
        user: person(s),
        groups,
        redirect_host: t.clone(),
    };
    out.push(("consent", view.html(&consent)));
    consent.groups.clear();
    consent.client = bare(&t);
    consent.user = nobody_special();
    out.push(("consent_nothing", view.html(&consent)));
    for client in [None, Some(app(s))] {
        let page = ConfirmLogout { form_token: t.clone(), resume: t.clone(), client: client.clone() };
        out.push(("confirm_logout", view.html(&page)));
        out.push(("signed_out", view.html(&SignedOut { client })));
    }
    for trouble in [None, Some(Trouble { kind: "throttled", wait: Some(120) })] {
        let page = SecondFactor {
            form_token: t.clone(),
            transaction: t.clone(),
            resume: trouble.is_some().then(|| t.clone()),
            client: Some(app(s)),
            methods: Factor::ALL[1..8]
                .iter()
                .filter(|f| **f != Factor::MagicLink)
                .map(|f| f.name())
                .collect(),
            sent: trouble.is_some().then(|| Sent { method: "sms_code", to: t.clone() }),
            trouble,
        };
        out.push(("second_factor", view.html(&page)));
    }
    let fields = vec![("code", t.clone()), ("state", t.clone())];
    out.push(("form_post", view.html(&FormPost { action: t.clone(), host: t.clone(), fields })));
    for email in [None, Some(t.clone())] {
        out.push(("home", view.html(&Home { host: t.clone(), email })));
    }
    out.append(&mut account::pages(view, s));
    out.append(&mut codes::pages(view, s));
    out.append(&mut upstream::pages(view, s));
    for kind in
        ["request", "form", "expired", "missing", "method", "large", "slow", "throttled", "busy", "bug"]
    {
        let detail = (kind == "request").then(|| t.clone());
        let retry_after = matches!(kind, "throttled" | "busy").then_some(120);
        let page = Trap {
            kind,
            detail,
            reason: None,
            code: Some("invalid_request"),
            request_id: Some(t.clone()),
            retry_after,
        };
        out.push(("error", view.html(&page)));
    }
    out.into_iter().map(|(name, html)| (name, html.unwrap_or_else(|e| panic!("{name}: {e:#}")))).collect()
}

/// Tags as they open, comments and texts left out: `input type="hidden" ...`.
fn tags(html: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        // A `>` cannot stand in an attribute: it is escaped.
        let (tag, behind) = after.split_once('>').unwrap_or((after, ""));
        out.push(tag.to_owned());
        rest = behind;
    }
    out
}

/// Tag and attribute names without values: what the page is made of.
fn skeleton(html: &str) -> Vec<String> {
    let names = |tag: &String| {
        let mut names = String::new();
        for (i, part) in tag.split('"').enumerate() {
            if i % 2 == 0 {
                names.push_str(part);
            }
        }
        names
    };
    tags(html).iter().map(names).collect()
}

#[test]
fn values_never_change_what_a_page_is_made_of() {
    let view = Views::open("", None).unwrap();
    let plain = every_page(&view, "Ada");
    for hostile in HOSTILE.iter().copied().chain([&*"W".repeat(4_000)]) {
        for ((name, kind), (_, odd)) in plain.iter().zip(every_page(&view, hostile)) {
            assert_eq!(skeleton(kind), skeleton(&odd), "{name} with {hostile:?}");
        }
    }
}

#[test]
fn pages_hold_no_inline_script_or_style_and_load_nothing_from_elsewhere() {
    let view = Views::open("", None).unwrap();
    for (name, html) in every_page(&view, "Ada") {
        for tag in tags(&html) {
            let element = tag.split([' ', '\n']).next().unwrap_or_default();
            assert!(!matches!(element, "style" | "iframe" | "object" | "embed" | "base"), "{name}: <{tag}>");
            for attribute in skeleton(&format!("<{tag}>")).join(" ").split_whitespace() {
                assert!(!attribute.starts_with("on") && attribute != "style=", "{name}: <{tag}>");
            }
            if matches!(element, "script" | "link" | "img") {
                assert!(tag.contains("\"/assets/"), "{name}: <{tag}>");
            }
        }
        let scripted = ["form_post", "second_factor", "passkeys", "passkeys_full", "enrol"].contains(&name)
            || name.starts_with("sign_in");
        assert_eq!(html.contains("<script"), scripted, "{name}");
    }
}

#[test]
fn pages_are_well_formed_for_people_and_their_tools() {
    let view = Views::open("", None).unwrap();
    for (name, html) in every_page(&view, "Ada") {
        let tags = tags(&html);
        let count = |start: &str| tags.iter().filter(|t| t.split([' ', '\n']).next() == Some(start)).count();
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">"), "{name}: {html:.60}");
        assert_eq!((count("h1"), count("title"), count("main")), (1, 1, 1), "{name}");
        for element in ["form", "section", "ul", "li", "p", "div", "dl", "button", "a", "span", "bdi"] {
            assert_eq!(count(element), count(&format!("/{element}")), "{name}: {element}");
        }
        for id in tags.iter().filter_map(|t| t.split_once(" for=\"")).map(|(_, r)| r.split('"').next()) {
            let id = id.unwrap_or_default();
            assert!(html.contains(&format!("id=\"{id}\"")), "{name}: a label for {id}");
        }
        let posts = tags.iter().filter(|t| t.contains("method=\"post\"")).count();
        let tokens = html.matches("name=\"form_token\"").count();
        assert_eq!(tokens, if name == "form_post" { 0 } else { posts }, "{name}: form tokens");
    }
}

#[test]
fn the_sign_in_form_suits_password_managers() {
    let view = Views::open("", None).unwrap();
    let html =
        view.html(&sign_in("Ada", true, false, Some(Trouble { kind: "invalid", wait: None }))).unwrap();
    for needed in [
        "autocomplete=\"username webauthn\"",
        "autocomplete=\"current-password\"",
        "type=\"password\"",
        "role=\"alert\"",
        "aria-describedby=\"trouble\"",
        "aria-invalid=\"true\"",
        "<button type=\"submit\"",
    ] {
        assert!(html.contains(needed), "{needed} in {html}");
    }
}

#[test]
fn a_client_is_named_in_the_readers_language() {
    let view = Views::open("", None).unwrap();
    let mut client = app("Lighthouse");
    client.names =
        [("de", "Leuchtturm"), ("pt-BR", "Farol")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    client.welcome = Some("Welcome <b>".to_owned());
    client.style = Some("/brand/x/style-y".to_owned());
    client.logo = Some("/brand/x/logo-z".to_owned());
    let page = SignIn { client: Some(client), ..sign_in("x", true, false, None) };
    let shown = |lang: &str| {
        let speech = Speech { lang: view.languages().exact(lang).unwrap(), again: None };
        view.html_in(&speech, SignIn::TEMPLATE, Value::from(Serde(&page))).unwrap()
    };
    assert!(shown("de").contains("<bdi>Leuchtturm</bdi>"), "{}", shown("de"));
    let english = shown("en");
    for needed in
        ["<bdi>Lighthouse</bdi>", "Welcome &lt;b&gt;", "href=\"/brand/x/style-y\"", "src=\"/brand/x/logo-z\""]
    {
        assert!(english.contains(needed), "{needed} in {english}");
    }
}

#[test]
fn links_of_clients_lead_to_the_web_only() {
    for (given, kept) in [
        ("https://app.example/policy", true),
        ("http://localhost:3000/", true),
        ("javascript:alert(1)", false),
        (" javascript:alert(1)", false),
        ("data:text/html,x", false),
        ("//app.example", false),
        ("not a url", false),
    ] {
        assert_eq!(web_link(given).is_some(), kept, "{given}");
    }
}

#[test]
fn a_folder_replaces_templates_and_a_broken_one_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signed_out.html");
    std::fs::write(&file, "{% extends \"layout.html\" %}{% block content %}<h1>Bye</h1>{% endblock %}")
        .unwrap();
    let view = Views::open("", Some(folder.path())).unwrap();
    assert!(view.html(&SignedOut { client: None }).unwrap().contains("<h1>Bye</h1>"));
    std::fs::write(&file, "{% if %}").unwrap();
    let error = Views::open("", Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("signed_out.html"), "{error}");
    // A value that no page has: an error page, not a page with a hole.
    std::fs::write(&file, "{{ no_such_value }}").unwrap();
    let view = Views::open("", Some(folder.path())).unwrap();
    let mut answer = view.show(StatusCode::OK, &SignedOut { client: None });
    view.draw(&Speech { lang: view.languages().fallback(), again: None }, &mut answer);
    assert_eq!(answer.status(), 500);
}
