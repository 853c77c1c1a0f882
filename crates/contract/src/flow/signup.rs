//! Making an account by oneself.

use super::house::{House, PASSWORD, caller, code, refused};
use super::{ISSUER, World, claims, member, post};
use crate::Stage;
use crate::stage::at_once;
use countersign_issuer::account::signup::{self, Form, SignUp};
use countersign_issuer::login::browser::{complete, session};
use countersign_issuer::login::{Look, Purpose, challenge};
use countersign_issuer::model::message::{About, Way};
use countersign_issuer::model::{EventKind, Secret};
use countersign_issuer::oauth::authorize::{Ask, Choice, Next, Visitor, authorize, choose};
use countersign_issuer::{Code, Result, Settings, outbox};
use std::sync::Arc;

/// A house that lets people in and sends mail.
fn open_house() -> Settings {
    let mut settings = Settings::new(ISSUER);
    settings.sign_up = SignUp { enabled: true, domains: Vec::new() };
    settings.login.mail = true;
    settings
}

fn form(email: &str) -> Form {
    Form {
        email: email.to_owned(),
        name: Some("Nora Field".to_owned()),
        password: Some(Secret::new(PASSWORD)),
        resume: Some("sealed".to_owned()),
    }
}

async fn request(house: &House, form: Form, ip: u8) -> Result<()> {
    let look = Look { lang: "de".to_owned(), client: None };
    signup::request(&house.issuer, form, "flow", &look, &caller(ip)).await
}

/// Nothing is there before the mailbox answers; then the account is, signed in, and on the way to where the
/// person was going. Link and code are good once, together.
pub async fn signup_flow(stage: Stage) {
    let house = House::with(stage, open_house()).await;
    let mark = house.stage.mark().await;
    request(&house, form(" nora@example.test "), 1).await.unwrap();
    assert_eq!(house.stage.kinds(mark).await, [EventKind::ChallengeSent]);
    assert!(house.stage.store.find_account("nora@example.test").await.unwrap().it.is_none());
    let mails = house.mails().await;
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!((post::address(mail), mail.lang.as_str()), ("nora@example.test", "de"));
    let token = house.token(mail);

    for _ in 0..2 {
        let view = challenge::view(&house.issuer, &token).await.unwrap().unwrap();
        assert!(view.asked_by("flow") && !view.asked_by("other"), "looking changes nothing");
    }
    let elsewhere = signup::open(&house.issuer, &token, "other", &caller(1)).await;
    assert_eq!(code(elsewhere), Code::InvalidCode, "another browser");
    let made = signup::open(&house.issuer, &token, "flow", &caller(1)).await.unwrap();
    assert_eq!(made.resume.as_deref(), Some("sealed"));
    let fresh =
        complete(&house.issuer, made.proof, &super::house::browser("flow"), &caller(1)).await.unwrap();
    assert_eq!(fresh.session.authentication.acr, "urn:countersign:1");

    let account = house.stage.store.find_account("nora@example.test").await.unwrap().it.unwrap();
    let user = &account.subject.user;
    assert!(user.email_verified && account.enrolled.password && user.roles.is_empty());
    assert_eq!(user.name.as_deref(), Some("Nora Field"));
    assert_eq!(house.stage.store.locale(&user.id).await.unwrap().as_deref(), Some("de"));
    house.sign_in("nora@example.test", &super::house::browser("flow")).await.unwrap();

    assert_eq!(code(signup::open(&house.issuer, &token, "flow", &caller(1)).await), Code::CodeExpired);
    let beside = Secret::new(post::code(mail).unwrap());
    let again = signup::answer(&house.issuer, "nora@example.test", &beside, "flow", &caller(1)).await;
    assert_eq!(code(again), Code::CodeExpired, "the code went with the link");
}

/// Somebody who has an account: same answer, same calls, same hash jobs, same events, one mail, which says so
/// to its owner, at the address as they wrote it.
pub async fn signup_tells_nothing(stage: Stage) {
    let house = House::with(stage, open_house()).await;
    house.person("nora").await;
    let nora = house.stage.store.find_account("nora").await.unwrap().it.unwrap().subject.user;
    house.mails().await;
    let mut seen = Vec::new();
    for (ip, email) in [(1, "nobody@example.test"), (2, "nora@example.test"), (3, "NORA@example.test")] {
        // Past what is sent to one mailbox at a time.
        house.stage.clock.advance_seconds(3600);
        let mark = house.stage.mark().await;
        house.store.take();
        house.hasher.take();
        request(&house, form(email), ip).await.unwrap();
        let work = (house.store.take(), house.hasher.take());
        let events: Vec<_> =
            house.stage.events(mark).await.into_iter().map(|e| (e.what.kind, e.what.user)).collect();
        let mails = house.mails().await;
        assert_eq!(mails.len(), 1, "{email}");
        assert!(mails[0].name.is_none(), "no name is told: {email}");
        seen.push((email, work, events, mails.into_iter().next().unwrap()));
    }
    let (_, work, events, mail) = &seen[0];
    assert_eq!(work.1, ["as a stranger", "hash"]);
    assert_eq!(events, &[(EventKind::ChallengeSent, None)]);
    assert!(matches!(mail.about, About::SignUp(_)));
    for (email, same_work, same_events, mail) in &seen[1..] {
        assert_eq!((same_work, same_events), (work, events), "{email}");
        assert!(matches!(mail.about, About::AlreadySignedUp(_)), "{email}");
        assert_eq!(post::address(mail), nora.email, "{email}");
    }
    // What is typed into the form that follows tells nothing either.
    for email in ["nobody@example.test", "nora@example.test"] {
        house.stage.clock.advance_seconds(3600);
        request(&house, form(email), 4).await.unwrap();
        let wrong = signup::answer(&house.issuer, email, &Secret::new("000000"), "flow", &caller(9)).await;
        assert_eq!(code(wrong), Code::InvalidCode, "{email}");
    }
}

/// Of one address asked for by many, who all answer at once, there is one account.
pub async fn signup_64_at_once(stage: Stage) {
    let house = House::with(stage, open_house()).await;
    let mut tokens = Vec::new();
    // As many flows of one mailbox as may wait.
    for n in 0..3_u8 {
        let flow = format!("flow{n}");
        signup::request(&house.issuer, form("nora@example.test"), &flow, &Look::default(), &caller(n))
            .await
            .unwrap();
        tokens.push((house.token(&house.mails().await[0]), flow));
    }
    let outcomes = at_once(63, |n| {
        let (issuer, (token, flow)) = (Arc::clone(&house.issuer), tokens[n % 3].clone());
        async move { signup::open(&issuer, &token, &flow, &caller(u8::try_from(n).unwrap())).await.is_ok() }
    })
    .await;
    assert_eq!(outcomes.into_iter().filter(|made| *made).count(), 1);
    let found = house.stage.store.list_users(countersign_issuer::port::Page { after: None, limit: 10 }).await;
    assert_eq!(found.unwrap().len(), 1);
}

/// What cannot be an account is refused before anything is sent, and a house that is closed says so.
pub async fn signup_refused(stage: Stage) {
    let mut settings = open_house();
    settings.sign_up.domains = vec!["example.test".to_owned()];
    let house = House::with(stage, settings).await;
    let mark = house.stage.mark().await;
    let huge = "x".repeat(70_000);
    for (email, why) in [
        ("", Code::InvalidRequest),
        ("nora", Code::InvalidRequest),
        ("no ra@example.test", Code::InvalidRequest),
        ("no\u{202e}ra@example.test", Code::InvalidRequest),
        ("no\u{0}ra@example.test", Code::InvalidRequest),
        (huge.as_str(), Code::InvalidRequest),
        ("nora@example.test.evil", Code::SignUpClosed),
        ("nora@other.test", Code::SignUpClosed),
    ] {
        assert_eq!(code(request(&house, form(email), 1).await), why, "{email:.40}");
    }
    for (password, why) in [
        (Some("short"), Code::WeakPassword),
        (Some("nora@example.test"), Code::WeakPassword),
        (Some("\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}"), Code::WeakPassword),
        (Some(huge.as_str()), Code::WeakPassword),
    ] {
        let form = Form { password: password.map(Secret::new), ..form("nora@example.test") };
        assert_eq!(code(request(&house, form, 1).await), why, "{password:.40?}");
    }
    let long = Form { name: Some("n".repeat(201)), ..form("nora@example.test") };
    assert_eq!(code(request(&house, long, 1).await), Code::InvalidRequest);
    assert_eq!(house.stage.mark().await, mark, "nothing happened");

    let closed = House::with(house.stage, Settings::new(ISSUER)).await;
    let r = refused(request(&closed, form("nora@example.test"), 1).await);
    assert_eq!(r.code, Code::SignUpClosed);
    let bare = Form { password: None, ..form("nora@example.test") };
    assert_eq!(code(request(&closed, bare, 1).await), Code::SignUpClosed);
}

/// Without a password, where one can sign in by mail; closed meanwhile, the link makes nothing. A link of a
/// sign-up is good for nothing else.
pub async fn signup_bound(stage: Stage) {
    let house = House::with(stage, open_house()).await;
    request(&house, Form { password: None, ..form("ida@example.test") }, 1).await.unwrap();
    let token = house.token(&house.mails().await[0]);
    for purpose in [Purpose::Browser, Purpose::Recover, Purpose::VerifyEmail, Purpose::ChangeEmail] {
        let misused = challenge::open(&house.issuer, &token, &[purpose], "flow", &caller(1)).await;
        assert_eq!(code(misused), Code::CodeExpired, "{purpose:?}");
    }
    signup::open(&house.issuer, &token, "flow", &caller(1)).await.unwrap();
    let ida = house.stage.store.find_account("ida@example.test").await.unwrap().it.unwrap();
    assert!(!ida.enrolled.password);

    request(&house, form("late@example.test"), 2).await.unwrap();
    let token = house.token(&house.mails().await[0]);
    house.stage.clock.advance_seconds(601);
    assert_eq!(code(signup::open(&house.issuer, &token, "flow", &caller(2)).await), Code::CodeExpired);
    assert!(house.stage.store.find_account("late@example.test").await.unwrap().it.is_none());
}

/// One network cannot fill the hash queue with accounts to be, nor have passwords judged without end: after its
/// share nothing is paid for it any more, and others notice nothing.
pub async fn signup_pays_for_few_hashes(stage: Stage) {
    const SHARE: usize = 50;
    let house = House::with(stage, open_house()).await;
    house.hasher.take();
    for n in 0..3 * SHARE {
        // Weak ones too: each was looked at.
        let password = if n % 2 == 0 { PASSWORD } else { "password1" };
        let typed =
            Form { password: Some(Secret::new(password)), ..form(&format!("nobody{n}@example.test")) };
        let asked = request(&house, typed, 1).await;
        match n {
            _ if n >= SHARE => assert_eq!(code(asked), Code::TooManyAttempts, "{n}"),
            _ if n % 2 == 0 => asked.unwrap(),
            _ => assert_eq!(code(asked), Code::WeakPassword, "{n}"),
        }
    }
    let hashes = |jobs: Vec<&str>| jobs.into_iter().filter(|job| *job == "hash").count();
    assert_eq!(hashes(house.hasher.take()), SHARE / 2);

    request(&house, form("ida@example.test"), 2).await.unwrap();
    assert_eq!(hashes(house.hasher.take()), 1, "another network");
    house.person("ida").await;
    house.sign_in("ida", &super::house::browser("flow")).await.unwrap();
    house.stage.clock.advance_seconds(3600);
    request(&house, form("late@example.test"), 1).await.unwrap();
}

/// `prompt=create`: the sign-up page once; then whoever comes back has signed up, or has an account.
pub async fn signup_by_prompt(stage: Stage) {
    let world = World::with(stage, open_house()).await;
    let nobody = world.visitor();
    let ask = async |visitor: &Visitor| {
        let request = world.request("mobile", &[("prompt", "create"), ("login_hint", "nora@example.test")]);
        match authorize(&world.issuer, Ask::Fresh(request), visitor).await {
            Next::SignUp { resume, client, hint } => {
                assert_eq!((client.id.as_str(), hint.as_deref()), ("mobile", Some("nora@example.test")));
                resume
            }
            other => panic!("no sign-up: {other:?}"),
        }
    };
    let back = async |visitor: &Visitor, resume: &str| {
        authorize(&world.issuer, Ask::Resume(resume.to_owned()), visitor).await
    };
    let resume = ask(&nobody).await;
    for _ in 0..2 {
        let Next::Login { resume, .. } = back(&nobody, &resume).await else { panic!("not shown again") };
        assert!(matches!(back(&nobody, &resume).await, Next::Login { .. }), "nor from there");
    }
    let look = Look { lang: String::new(), client: None };
    let typed = Form { resume: Some(resume.clone()), ..form("nora@example.test") };
    let flow = nobody.binding.as_str();
    world.wait(60).await;
    signup::request(&world.issuer, typed, flow, &look, &caller(1)).await.unwrap();
    let taken = outbox::take(&world.issuer, Way::Mail, 10).await.unwrap().remove(0);
    let mail = outbox::open(&world.issuer, &taken.job).unwrap();
    let token = post::link(&mail).unwrap().split_once("token=").unwrap().1;
    let made = signup::open(&world.issuer, token, flow, &caller(1)).await.unwrap();
    let fresh = complete(&world.issuer, made.proof, &nobody, &caller(1)).await.unwrap();
    let session = session(&world.issuer, fresh.cookie.expose()).await.unwrap();
    let nora = Visitor { session, ..nobody.clone() };
    let Next::Respond(response) = back(&nora, &made.resume.unwrap()).await else { panic!("no answer") };
    let tokens = world.redeem("mobile", &member(&response, "code").unwrap()).await.unwrap();
    assert_eq!(claims(&tokens.access_token)["sub"], fresh.session.user.as_str());

    // Another account than the one signed in to, or that one after all: by a choice, never by itself.
    world.wait(60).await;
    let resume = ask(&nora).await;
    let Next::SelectAccount { resume, user, .. } = back(&nora, &resume).await else { panic!("no choice") };
    assert_eq!(user.email, "nora@example.test");
    let going_on = choose(&world.issuer, &resume, Choice::Continue, &nora).await;
    assert!(matches!(&going_on, Next::Respond(r) if member(r, "code").is_some()), "{going_on:?}");
}
