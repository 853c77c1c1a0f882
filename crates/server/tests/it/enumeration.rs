//! Who has an account here? No entry tells: the same status, body, headers, cookies, hash jobs and mails for an
//! address that is known, unknown, disabled, never confirmed, or has a second factor.

use crate::direct_mfa::enrolled;
use crate::pages::request;
use crate::tab::{Browser, Form, form_to};
use crate::wire::{Answer, get, post};
use crate::world::{PASSWORD, World, world_where};
use countersign_issuer::account::signup::SignUp;
use countersign_issuer::admin::users;
use countersign_issuer::model::Secret;
use countersign_issuer::port::Outbox;
use serde_json::json;

/// Of one length, so that nothing differs by it. The first one is known, active and confirmed.
const PEOPLE: [&str; 5] =
    ["two@example.test", "ada@example.test", "nil@example.test", "off@example.test", "new@example.test"];

/// Where an address or a name can be tried.
const ENTRIES: [&str; 8] = [
    "sign-in page",
    "direct login",
    "recovery",
    "sign-up",
    "mail on the sign-in page",
    "passwordless link",
    "passwordless code",
    "login_hint",
];

async fn world() -> World {
    let set = |settings: &mut countersign_issuer::Settings| {
        (settings.login.mail, settings.login.sms) = (true, true);
        settings.sign_up = SignUp { enabled: true, domains: Vec::new() };
    };
    let world = world_where(|_| {}, set).await;
    enrolled(&world).await;
    for (name, email_verified) in [("two", true), ("off", true), ("new", false)] {
        let add = users::Add {
            email: format!("{name}@example.test"),
            email_verified,
            password: Some(Secret::new(PASSWORD)),
            ..users::Add::default()
        };
        users::add(&world.issuer, add).await.unwrap();
    }
    users::disable(&world.issuer, "off@example.test").await.unwrap();
    world
}

/// All answers on the way, up to a secret that is wrong.
async fn tried(world: &World, entry: &str, address: &str) -> Vec<Answer> {
    let mut browser = Browser::new(world);
    let wrong = "wrong horse battery staple";
    match entry {
        "sign-in page" => {
            let page = browser.open("/login").await;
            let form = form_to(&page, "/login").set("username", address).set("password", wrong);
            vec![browser.post(&form).await]
        }
        "direct login" => {
            let ask = json!({ "username": address, "password": wrong, "client_id": "spa" });
            vec![world.send(post("/auth/login").json(&ask)).await]
        }
        "recovery" | "sign-up" => {
            let path = if entry == "recovery" { "/recover" } else { "/signup" };
            let form = form_to(&browser.open(path).await, path).set("email", address);
            let form = if entry == "sign-up" { form.set("name", "N").set("password", wrong) } else { form };
            let sent = browser.post(&form).await;
            let code = form_to(&sent, &format!("{path}/confirm")).set("code", "000000");
            vec![sent, browser.post(&code).await]
        }
        "mail on the sign-in page" => {
            let form = form_to(&browser.open("/login").await, "/login").set("username", address);
            let sent = browser.post(&Form { action: "/login/email".to_owned(), ..form }).await;
            let code = form_to(&sent, "/login/email_code").set("code", "000000");
            vec![sent, browser.post(&code).await]
        }
        "login_hint" => vec![browser.send(get(&request(&[("login_hint", address)]))).await],
        _ => {
            let by = if entry == "passwordless link" { "request" } else { "code" };
            let ask = json!({ "email": address, "client_id": "spa" });
            let sent = world.send(post(&format!("/auth/passwordless/{by}")).json(&ask)).await;
            let code = json!({ "email": address, "code": "000000", "flow": sent.json()["flow"] });
            vec![sent, world.send(post("/auth/passwordless/verify").json(&code)).await]
        }
    }
}

/// Text without what is random in it: long runs of base64url keep their length only.
fn masked(text: &str, address: &str) -> String {
    let text = text.replace(address, "ADDRESS").replace(&address.replace('@', "%40"), "ADDRESS");
    let (mut out, mut run) = (String::new(), String::new());
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
            run.push(c);
            continue;
        }
        out.push_str(&if run.len() >= 40 { format!("<{}>", run.len()) } else { run.clone() });
        out.push(c);
        run.clear();
    }
    out
}

/// What can be seen of an answer, line by line.
fn seen(answer: &Answer, address: &str) -> Vec<String> {
    let mut lines: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"))
        .map(|(name, value)| masked(&format!("{name}: {value}"), address))
        .collect();
    lines.sort();
    lines.insert(0, format!("{} with {} bytes", answer.status, answer.body.len()));
    lines.extend(masked(&answer.text(), address).lines().map(str::to_owned));
    lines
}

#[tokio::test]
async fn no_entry_tells_who_has_an_account() {
    let world = world().await;
    for entry in ENTRIES {
        let mut first: Option<Vec<String>> = None;
        for address in PEOPLE {
            // Past what is sent, and what is refused, at a time.
            world.clock.advance_seconds(3601);
            let mails = world.store.list_jobs(None, 1000).await.unwrap().it.len();
            let jobs = world.hashed();
            let answers = tried(&world, entry, address).await;
            let mut all: Vec<String> = answers.iter().flat_map(|answer| seen(answer, address)).collect();
            let mails = world.store.list_jobs(None, 1000).await.unwrap().it.len() - mails;
            all.push(format!("{mails} mails, {} hash jobs", world.hashed() - jobs));
            let due = first.get_or_insert_with(|| all.clone());
            for (line, due) in all.iter().zip(due.iter()) {
                assert_eq!(line, due, "{entry}: {address}");
            }
            assert_eq!(all.len(), due.len(), "{entry}: {address}");
        }
        let first = first.unwrap();
        let work = match entry {
            "sign-in page" | "direct login" => "0 mails, 1 hash jobs",
            "sign-up" => "1 mails, 1 hash jobs",
            "login_hint" => "0 mails, 0 hash jobs",
            _ => "1 mails, 0 hash jobs",
        };
        assert_eq!(first.last().unwrap(), work, "{entry}");
        assert!(!first[0].starts_with('5'), "{entry}: {}", first[0]);
    }
}

/// Who guesses too often hears it alike, for a name that somebody has and for one that nobody has.
#[tokio::test]
async fn too_many_guesses_tell_nothing_either() {
    let world = world().await;
    for entry in ["sign-in page", "direct login"] {
        let mut all = Vec::new();
        for address in &PEOPLE[..3] {
            world.clock.advance_seconds(24 * 3600);
            let mut course = Vec::new();
            for _ in 0..8 {
                let answers = tried(&world, entry, address).await;
                course.extend(answers.iter().flat_map(|answer| seen(answer, address)));
            }
            all.push(course);
        }
        assert!(all[0].iter().any(|line| line.starts_with("429")), "{entry}");
        assert!(all.iter().all(|course| *course == all[0]), "{entry}");
    }
}
