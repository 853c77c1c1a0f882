use super::*;
use crate::model::UserId;
use crate::oauth::authorize::request::Prompt;
use crate::oauth::fixture::{API, NOW, browser, client, scopes};
use crate::oauth::params::Params;
use std::time::Duration;

/// What a case varies; the rest is a request with a remembered consent, asked 10 s ago.
#[derive(Clone, Default)]
struct Case {
    prompt: &'static str,
    max_age: Option<u32>,
    /// The request came this moment, not ten seconds ago; the sign-in is half a second older.
    asks_now: bool,
    /// Age of the sign-in in seconds; `None`: nobody is signed in.
    signed_in: Option<u64>,
    hinted: Option<&'static str>,
    no_consent: bool,
    chosen: Option<&'static str>,
    allowed_by: Option<&'static str>,
    /// Fewer scopes than are asked for by now.
    allowed_less: bool,
    first_party: bool,
    native: bool,
    standing: Option<Standing>,
    /// People may not make accounts by themselves.
    closed: bool,
    sign_up_shown: bool,
}

fn outcome(case: &Case) -> &'static str {
    let has = |word| case.prompt.split(' ').any(|p| p == word);
    let prompt = Prompt {
        none: has("none"),
        login: has("login"),
        consent: has("consent"),
        select_account: has("select_account"),
        create: has("create"),
    };
    let request = Request {
        prompt,
        max_age: case.max_age,
        hinted: case.hinted.map(UserId::from_stored),
        scopes: scopes("openid read"),
        resources: vec![API.to_owned()],
        ..Request::default()
    };
    let mut client = client();
    client.metadata.first_party = case.first_party;
    client.metadata.application_type = case.native.then(|| "native".to_owned());
    let moment = Duration::from_millis(if case.asks_now { 500 } else { 0 });
    let session = case.signed_in.map(|age| browser("u_ada", NOW - Duration::from_secs(age) - moment));
    let consent = Consent {
        user: UserId::from_stored("u_ada"),
        client: client.id.clone(),
        scopes: scopes("openid read profile"),
        resources: vec![API.to_owned()],
        granted_at: NOW,
    };
    let resume = Resume {
        params: Params::default(),
        asked_at: NOW - Duration::from_secs(if case.asks_now { 0 } else { 10 }),
        chosen: case.chosen.map(UserId::from_stored),
        page: None,
        sign_up_shown: case.sign_up_shown,
        allowed: case.allowed_by.map(|by| Allowed {
            scopes: scopes(if case.allowed_less { "openid" } else { "openid read" }),
            ..Allowed::of(&UserId::from_stored(by), &request)
        }),
    };
    let facts = Facts {
        standing: case.standing.unwrap_or(Standing::Enough),
        request: &request,
        client: &client,
        session: session.as_ref(),
        consent: (!case.no_consent).then_some(&consent),
        sign_up: !case.closed,
        resume: &resume,
        now: NOW,
    };
    match decide(&facts) {
        Decision::Login { again: false } => "login",
        Decision::Login { again: true } => "login again",
        Decision::SignUp => "sign up",
        Decision::StepUp => "step up",
        Decision::SelectAccount => "select",
        Decision::Consent => "consent",
        Decision::Issue => "issue",
        Decision::Error(refused) => refused.code.name(),
    }
}

fn table(rows: &[(&str, Case)]) {
    for (due, case) in rows {
        assert_eq!(
            outcome(case),
            *due,
            "prompt {:?}, max_age {:?}, signed in {:?} s ago, hint {:?}, consent {}",
            case.prompt,
            case.max_age,
            case.signed_in,
            case.hinted,
            !case.no_consent
        );
    }
}

fn signed_in(age: u64) -> Case {
    Case { signed_in: Some(age), ..Case::default() }
}

#[test]
fn who_is_signed_in() {
    let nobody = Case::default();
    table(&[
        ("login", nobody.clone()),
        ("login_required", Case { prompt: "none", ..nobody.clone() }),
        ("login", Case { prompt: "select_account", ..nobody.clone() }),
        ("login", Case { prompt: "consent", ..nobody }),
        ("issue", signed_in(100)),
        ("issue", Case { prompt: "none", ..signed_in(100) }),
    ]);
}

#[test]
fn a_fresh_proof_is_asked_for() {
    table(&[
        ("login again", Case { prompt: "login", ..signed_in(100) }),
        ("login again", Case { prompt: "login", ..signed_in(11) }),
        // At or after the moment of asking: the proof was made for this request.
        ("issue", Case { prompt: "login", ..signed_in(10) }),
        ("issue", Case { prompt: "login", ..signed_in(3) }),
        ("issue", Case { max_age: Some(100), ..signed_in(100) }),
        ("login again", Case { max_age: Some(99), ..signed_in(100) }),
        ("login again", Case { max_age: Some(0), ..signed_in(11) }),
        ("issue", Case { max_age: Some(0), ..signed_in(5) }),
        ("login again", Case { max_age: Some(0), asks_now: true, ..signed_in(0) }),
        ("issue", Case { max_age: Some(1), asks_now: true, ..signed_in(0) }),
        ("login_required", Case { max_age: Some(99), prompt: "none", ..signed_in(100) }),
        ("issue", Case { max_age: Some(100), prompt: "none", ..signed_in(100) }),
    ]);
}

#[test]
fn a_sign_in_too_weak_is_stepped_up() {
    let standing = |standing| Case { standing: Some(standing), ..signed_in(100) };
    let weak = standing(Standing::Weak);
    table(&[
        ("step up", weak.clone()),
        ("login_required", Case { prompt: "none", ..weak.clone() }),
        // All of it is asked for anew anyway.
        ("login again", Case { prompt: "login", ..weak.clone() }),
        ("login", Case { hinted: Some("u_bob"), ..weak.clone() }),
        ("select", Case { prompt: "select_account", ..weak.clone() }),
        ("step up", Case { prompt: "select_account", chosen: Some("u_ada"), ..weak.clone() }),
        ("step up", Case { no_consent: true, ..weak.clone() }),
        ("step up", Case { signed_in: Some(1), ..weak }),
        ("login again", standing(Standing::Nothing)),
        ("login_required", Case { prompt: "none", ..standing(Standing::Nothing) }),
        ("unmet_authentication_requirements", standing(Standing::OutOfReach)),
        ("unmet_authentication_requirements", Case { prompt: "none", ..standing(Standing::OutOfReach) }),
    ]);
}

#[test]
fn the_hint_names_the_person() {
    table(&[
        ("issue", Case { hinted: Some("u_ada"), ..signed_in(100) }),
        ("login", Case { hinted: Some("u_bob"), ..signed_in(100) }),
        ("login_required", Case { hinted: Some("u_bob"), prompt: "none", ..signed_in(100) }),
        // Just signed in, and it is still somebody else.
        ("login_required", Case { hinted: Some("u_bob"), ..signed_in(1) }),
        ("login", Case { hinted: Some("u_bob"), ..Case::default() }),
    ]);
}

#[test]
fn the_account_is_chosen_by_the_one_signed_in() {
    let select = Case { prompt: "select_account", ..signed_in(100) };
    table(&[
        ("select", select.clone()),
        ("issue", Case { chosen: Some("u_ada"), ..select.clone() }),
        ("select", Case { chosen: Some("u_bob"), ..select.clone() }),
        ("issue", Case { signed_in: Some(2), ..select }),
    ]);
}

#[test]
fn an_account_is_made_once_or_there_is_one() {
    let (create, nobody) = (Case { prompt: "create", ..signed_in(100) }, Case::default());
    let new = Case { prompt: "create", ..nobody };
    let shown = |case: &Case| Case { sign_up_shown: true, ..case.clone() };
    let closed = |case: &Case| Case { closed: true, ..case.clone() };
    table(&[
        ("sign up", new.clone()),
        ("sign up", create.clone()),
        // Back from there without an account made.
        ("login", shown(&new)),
        ("select", shown(&create)),
        ("issue", Case { chosen: Some("u_ada"), ..shown(&create) }),
        // Back with one, or signed in to the one there was.
        ("issue", Case { signed_in: Some(1), ..shown(&create) }),
        ("issue", Case { signed_in: Some(1), ..create.clone() }),
        // Where nobody signs up by themself it is as if it was not asked for.
        ("login", closed(&new)),
        ("issue", closed(&create)),
    ]);
}

#[test]
fn consent_is_given_once_and_by_the_one_signed_in() {
    let new = Case { no_consent: true, ..signed_in(100) };
    table(&[
        ("consent", new.clone()),
        ("consent_required", Case { prompt: "none", ..new.clone() }),
        ("issue", Case { allowed_by: Some("u_ada"), ..new.clone() }),
        ("consent", Case { allowed_by: Some("u_bob"), ..new.clone() }),
        ("consent", Case { allowed_by: Some("u_ada"), allowed_less: true, ..new.clone() }),
        ("issue", Case { first_party: true, ..new.clone() }),
        ("consent", Case { prompt: "consent", first_party: true, ..new }),
        ("consent", Case { prompt: "consent", ..signed_in(100) }),
        ("issue", Case { prompt: "consent", allowed_by: Some("u_ada"), ..signed_in(100) }),
        ("consent", Case { native: true, ..signed_in(100) }),
        ("consent_required", Case { native: true, prompt: "none", ..signed_in(100) }),
        ("issue", Case { native: true, allowed_by: Some("u_ada"), ..signed_in(100) }),
        ("issue", Case { native: true, first_party: true, ..signed_in(100) }),
    ]);
}

#[test]
fn a_consent_covers_what_it_names() {
    let (client, ada) = (client(), UserId::from_stored("u_ada"));
    let consent = |scope: &str, at: &[&str], user: &str| Consent {
        user: UserId::from_stored(user),
        client: client.id.clone(),
        scopes: scopes(scope),
        resources: at.iter().map(|r| (*r).to_owned()).collect(),
        granted_at: NOW,
    };
    for (good, consent) in [
        (true, consent("read openid", &[API], "u_ada")),
        (false, consent("openid", &[API], "u_ada")),
        (false, consent("openid read", &[], "u_ada")),
        (false, consent("openid read", &[API], "u_bob")),
    ] {
        let found = covered(&client, Some(&consent), &ada, &scopes("openid read"), &[API.to_owned()]);
        assert_eq!(found, good, "{consent:?}");
    }
}
