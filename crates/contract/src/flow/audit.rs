//! The event log as an operator sees it: found by names, chained, and without a secret in it.

use super::direct::tokens;
use super::house::{self, House};
use super::totp::{enrolled_with, shown};
use super::{API, IP, PASSWORD, SECRET, VERIFIER, World, caller, post, refusal, signed};
use crate::stage::{Stage, at_once};
use countersign_issuer::account::enrol::recovery_code;
use countersign_issuer::admin::audit::{self, Head, Wanted};
use countersign_issuer::direct::passwordless::{self, By, Within};
use countersign_issuer::direct::{self, Login, Outcome, Wish, mfa};
use countersign_issuer::login::Policy;
use countersign_issuer::model::message::Way;
use countersign_issuer::model::{Event, EventKind, Secret};
use countersign_issuer::oauth::{logout, revoke};
use countersign_issuer::port::Going;
use countersign_issuer::{Failure, Issuer, Settings, admin, outbox};
use std::sync::Arc;
use std::time::Duration;

/// Typed once, and good for nothing.
const WRONG: &str = "wr0ng-guess-77-of-somebody";

async fn found(issuer: &Issuer, wanted: Wanted, going: Going) -> Result<Vec<Event>, Failure> {
    let filter = audit::filter(issuer, &wanted, going).await?;
    audit::search(issuer, &filter, 1_000).await
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.what.kind).collect()
}

async fn direct_login(world: &World, name: &str, password: &str) -> Result<Outcome, Failure> {
    let wish = Wish { client_id: Some("mobile".to_owned()), ..Wish::default() };
    let ask = Login { username: name.to_owned(), password: Secret::new(password), wish };
    direct::login(&world.issuer, ask, &caller()).await
}

/// By person, client, session, kind and time; both ways; with a word for names that are not known.
pub async fn audit_search(stage: Stage) {
    let world = World::new(stage).await;
    let issuer = &world.issuer;
    assert_eq!(refusal(direct_login(&world, "ada", WRONG).await), "invalid_credentials");
    let first = tokens(direct_login(&world, "ada", PASSWORD).await.unwrap());
    world.wait(600).await;
    let ten_minutes_later = world.clock().now();
    tokens(direct_login(&world, "bob", PASSWORD).await.unwrap());
    direct::logout(issuer, &first.access_token, IP).await.1.unwrap();

    let of = |user: &str| Wanted { user: Some(user.to_owned()), ..Wanted::default() };
    let ada = world.person("ada").await.user.id;
    use EventKind::{ClientSessionEnded, ClientSessionStarted, LoginFailed, UserCreated};
    let due = [UserCreated, LoginFailed, ClientSessionStarted, ClientSessionEnded];
    for name in ["ada", "ADA@example.test", ada.as_str()] {
        let oldest_first = found(issuer, of(name), Going::On(0)).await.unwrap();
        assert_eq!(kinds(&oldest_first), due, "{name}");
        let mut newest_first = found(issuer, of(name), Going::Back(None)).await.unwrap();
        newest_first.reverse();
        assert_eq!(newest_first, oldest_first);
        for event in &oldest_first[1..] {
            assert_eq!(event.what.data["ip"], IP.to_string(), "{event:?}");
        }
        let rest = found(issuer, of(name), Going::On(oldest_first[1].seq)).await.unwrap();
        assert_eq!(rest, oldest_first[2..], "a collector goes on where it was");
    }
    let wanted = Wanted { kinds: vec!["login.failed".into(), "user.created".into()], ..of("ada") };
    assert_eq!(kinds(&found(issuer, wanted, Going::On(0)).await.unwrap()), [UserCreated, LoginFailed]);
    let session = Wanted { session: first.session_id, ..Wanted::default() };
    let of_session = found(issuer, session, Going::On(0)).await.unwrap();
    assert_eq!(kinds(&of_session), [ClientSessionStarted, ClientSessionEnded]);
    let client =
        Wanted { client: Some("mobile".into()), since: Some(ten_minutes_later), ..Wanted::default() };
    let later = found(issuer, client.clone(), Going::On(0)).await.unwrap();
    assert_eq!(kinds(&later), [ClientSessionStarted, ClientSessionEnded], "bob's, and the end of ada's");
    let before = Wanted { since: None, until: Some(ten_minutes_later), ..client };
    let before = kinds(&found(issuer, before, Going::On(0)).await.unwrap());
    assert_eq!(before, [EventKind::ClientApplied, ClientSessionStarted]);

    // The log outlives people; their addresses name nobody any more.
    admin::users::remove(issuer, "ada").await.unwrap();
    let gone = found(issuer, of(ada.as_str()), Going::Back(None)).await.unwrap();
    assert_eq!(gone[0].what.kind, EventKind::UserRemoved);
    let kind = |name: &str| Wanted { kinds: vec![name.to_owned()], ..Wanted::default() };
    let client = |id: &str| Wanted { client: Some(id.to_owned()), ..Wanted::default() };
    let session = |id: &str| Wanted { session: Some(id.to_owned()), ..Wanted::default() };
    for (wanted, code, says) in [
        (of("ada"), "not_found", "no user ada"),
        (of("u_nobody"), "not_found", "no user u_nobody"),
        (kind("login.fail"), "invalid_request", "did you mean login.failed?"),
        (client("mobil"), "not_found", "did you mean mobile?"),
        (session("x"), "invalid_request", "id of a session"),
    ] {
        match found(issuer, wanted.clone(), Going::On(0)).await {
            Err(Failure::Rejected(refused)) => {
                assert_eq!(refused.code.name(), code, "{wanted:?}");
                assert!(refused.public.contains(says), "{wanted:?}: {}", refused.public);
            }
            other => panic!("{wanted:?}: {other:?}"),
        }
    }
}

/// Two processes write at once, and it is one chain; who writes beside them without the key sees that found, and
/// so does a head that is not in it.
pub async fn audit_chain(stage: Stage) {
    let house = House::new(stage).await;
    let nodes = [Arc::clone(&house.issuer), house.process().await];
    let early = audit::verify(&nodes[0], &[]).await.unwrap();
    assert!(early.is_whole() && early.before == 0 && early.linked > 0, "{early:?}");
    at_once(64, |n| {
        let issuer = Arc::clone(&nodes[n % 2]);
        async move {
            let (from, key) = (house::caller(u8::try_from(n).unwrap()), Secret::new(WRONG));
            let login = direct::api_login(&issuer, &format!("nobody-{n}"), &key, None, &[], &from).await;
            assert_eq!(refusal(login), "invalid_credentials");
        }
    })
    .await;
    let head = early.head.unwrap();
    let later = audit::verify(&nodes[1], &[head]).await.unwrap();
    assert!(later.is_whole(), "{later:?}");
    assert_eq!(later.linked, early.linked + 64);
    assert_eq!(later.head.unwrap().seq, house.stage.mark().await, "all of it");

    let forged = Head { seq: head.seq - 1, link: head.link };
    let beyond = Head { seq: head.seq + 1_000, link: head.link };
    let verdict = audit::verify(&nodes[0], &[forged, head, beyond]).await.unwrap();
    let at: Vec<i64> = verdict.findings.iter().map(|f| f.seq()).collect();
    assert_eq!(at, [forged.seq, beyond.seq]);

    let stranger = house.stage.another();
    stranger.note(crate::fixture::event(EventKind::LoginSucceeded)).await.unwrap();
    let put_in = house.stage.mark().await;
    let verdict = audit::verify(&nodes[0], &[]).await.unwrap();
    assert_eq!(verdict.findings, [audit::chain::Finding::Unlinked(put_in)]);
}

/// Wrong secrets of clients, and those of machines that are right: told, and not without bound.
pub async fn audit_clients(stage: Stage) {
    let world = World::new(stage).await;
    let mark = world.stage.mark().await;
    let guess = async |name: &str, secret: &str| {
        let body = [("grant_type", "client_credentials"), ("client_id", name), ("client_secret", secret)];
        let params = body.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let answer = countersign_issuer::oauth::grant::token(&world.issuer, None, &params, IP).await.1;
        refusal(answer)
    };
    for _ in 0..50 {
        assert_eq!(guess("svc", WRONG).await, "invalid_client");
    }
    guess("nobody-knows-me", WRONG).await;
    let told = world.stage.events(mark).await;
    assert_eq!(kinds(&told), [EventKind::ClientAuthFailed; 2], "the same wrong secret is one guess");
    assert_eq!(told[0].what.client.as_ref().map(|id| id.as_str()), Some("svc"));
    assert_eq!((&told[1].what.client, told[0].what.data["ip"].as_str().unwrap()), (&None, &*IP.to_string()));

    let mark = world.stage.mark().await;
    let mut refused = 0;
    for n in 0..100 {
        refused += usize::from(guess("svc", &format!("{WRONG} {n}")).await == "too_many_attempts");
    }
    assert!(refused > 70, "{refused}");
    assert_eq!(world.stage.events(mark).await.len(), 100 - refused);
    let mark = world.stage.mark().await;
    world.issuer.tend().await.unwrap();
    world.issuer.tend().await.unwrap();
    let told = world.stage.events(mark).await;
    assert_eq!(kinds(&told), [EventKind::LoginThrottled], "one event for all of them");
    let data = &told[0].what.data;
    assert_eq!((&data["count"], &data["factor"]), (&refused.into(), &"client_secret".into()));
    assert_eq!(data["ip"], IP.to_string());

    world.wait(3_600).await;
    let mark = world.stage.mark().await;
    let form = [("grant_type", "client_credentials"), ("resource", API)];
    for _ in 0..20 {
        world.token("svc", &form).await.unwrap();
    }
    direct::api_login(&world.issuer, "svc", &Secret::new(SECRET), None, &[API.to_owned()], &caller())
        .await
        .unwrap();
    assert_eq!(world.stage.kinds(mark).await, [EventKind::ClientSignedIn]);
    world.wait(600).await;
    world.token("svc", &form).await.unwrap();
    assert_eq!(world.stage.kinds(mark).await, [EventKind::ClientSignedIn; 2]);
}

/// A limiter that turns people away tells of it, once.
pub async fn audit_throttled(stage: Stage) {
    let world = World::new(stage).await;
    let mut refused = 0;
    for n in 0..40 {
        let code = refusal(direct_login(&world, "ada", &format!("{WRONG} {n}")).await);
        refused += usize::from(code == "too_many_attempts");
    }
    let mark = world.stage.mark().await;
    world.issuer.tend().await.unwrap();
    let told = world.stage.events(mark).await;
    assert_eq!(kinds(&told), [EventKind::LoginThrottled]);
    assert_eq!(told[0].what.data["count"], refused);
    assert_eq!(told[0].what.data["factor"], "password");
}

/// Everything secret that went over the counter.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn add(&mut self, secret: &str) {
        assert!(secret.len() >= 6, "{secret:?} would be found by chance");
        self.0.push(secret.to_owned());
    }

    fn tokens(&mut self, tokens: &countersign_issuer::oauth::issue::TokenResponse) {
        let all = [Some(&tokens.access_token), tokens.refresh_token.as_ref(), tokens.id_token.as_ref()];
        for token in all.into_iter().flatten() {
            self.add(token);
            // Not even the part that makes it good.
            self.add(token.rsplit('.').next().unwrap());
        }
    }
}

/// Through the flows, with every secret known: none of them, and nothing like a token, is in any event.
pub async fn audit_holds_no_secret(stage: Stage) {
    let login = Policy { mail: true, ..Policy::default() };
    let world = World::with(stage, Settings { login, ..Settings::new(super::ISSUER) }).await;
    let mut secrets = Secrets::default();
    for secret in [PASSWORD, SECRET, WRONG, VERIFIER] {
        secrets.add(secret);
    }
    by_browser(&world, &mut secrets).await;
    by_factor(&world, &mut secrets).await;
    by_mail(&world, &mut secrets).await;
    by_client(&world, &mut secrets).await;
    for n in 0..30 {
        drop(direct_login(&world, "bob", &format!("{WRONG} {n}")).await);
    }
    world.issuer.tend().await.unwrap();

    let events = found(&world.issuer, Wanted::default(), Going::On(0)).await.unwrap();
    let seen: std::collections::BTreeSet<&str> = events.iter().map(|e| e.what.kind.name()).collect();
    for due in [
        "login.succeeded",
        "login.failed",
        "login.throttled",
        "factor.failed",
        "challenge.sent",
        "client.auth_failed",
        "client.signed_in",
        "client_session.started",
        "client_session.ended",
        "browser_session.ended",
        "code.replayed",
        "refresh.theft",
        "totp.added",
        "recovery_codes.made",
        "recovery_code.used",
        "consent.granted",
        "token.revoked",
    ] {
        assert!(seen.contains(due), "no {due} among {seen:?}");
    }
    for event in &events {
        let text = format!("{:?} {}", event.what, serde_json::to_string(&event.what.data).unwrap());
        for secret in &secrets.0 {
            assert!(!text.contains(secret.as_str()), "{secret:?} in {text}");
        }
        assert!(!text.contains("eyJ"), "a token in {text}");
    }
}

/// Code, refresh token used again, code used again, sign-out.
async fn by_browser(world: &World, secrets: &mut Secrets) {
    let visitor = world.sign_in(&world.visitor(), "ada").await;
    let code = world.code(&visitor, "app", &[]).await;
    let first = world.redeem("app", &code).await.unwrap();
    secrets.add(&code);
    secrets.tokens(&first);
    let mut newest = first.clone();
    for _ in 0..2 {
        newest = world.refresh("app", newest.refresh_token.as_ref().unwrap()).await.unwrap();
        secrets.tokens(&newest);
    }
    refusal(world.refresh("app", first.refresh_token.as_ref().unwrap()).await);
    refusal(world.redeem("app", &code).await);
    let web = world.enter("web").await;
    secrets.tokens(&web);
    let (authorization, params) = signed("web", &[("token", &web.access_token)]);
    revoke::revoke(&world.issuer, authorization.as_deref(), &params, IP).await.1.unwrap();
    let hint = [("id_token_hint".to_owned(), web.id_token.clone().unwrap())].into_iter().collect();
    logout::logout(&world.issuer, &hint, &visitor, IP).await.unwrap();
}

/// An authenticator app, recovery codes, a wrong code, sign-out of an app.
async fn by_factor(world: &World, secrets: &mut Secrets) {
    let ada = world.person("ada").await.user;
    let pending = enrolled_with(&world.issuer, world.clock(), &ada).await;
    secrets.add(pending.key.expose());
    secrets.add(&pending.key.expose().replace(' ', ""));
    let partial = async |world: &World| match direct_login(world, "ada", PASSWORD).await.unwrap() {
        Outcome::MfaRequired(due) => due.token,
        Outcome::Done(_) => panic!("no second factor asked for"),
    };
    let token = partial(world).await;
    secrets.add(&token);
    let right = shown(&pending, world.clock().now());
    secrets.add(right.expose());
    let wrong = if right.expose() == "736251" { "736252" } else { "736251" };
    secrets.add(wrong);
    refusal(mfa::verify(&world.issuer, &token, &Secret::new(wrong), None, &caller()).await);
    let done = mfa::verify(&world.issuer, &token, &right, None, &caller()).await.unwrap();
    let done = tokens(done);
    secrets.tokens(&done);
    direct::logout(&world.issuer, &done.access_token, IP).await.1.unwrap();
    let ada = world.person("ada").await.user;
    let codes = recovery_code::make(&world.issuer, &ada, None, &caller()).await.unwrap();
    for code in &codes {
        secrets.add(code.expose());
        secrets.add(&code.expose().replace('-', ""));
    }
    let token = partial(world).await;
    secrets.add(&token);
    let by_paper = mfa::verify(&world.issuer, &token, &codes[0], Some("recovery_code"), &caller()).await;
    secrets.tokens(&tokens(by_paper.unwrap()));
}

/// A code and a link by mail, the code mistyped first.
async fn by_mail(world: &World, secrets: &mut Secrets) {
    for by in [By::Code, By::Link] {
        let wish = Wish { client_id: Some("mobile".to_owned()), ..Wish::default() };
        let (address, caller) = ("bob@example.test", caller());
        let asked = passwordless::request(&world.issuer, by, address, &wish, None, "", &caller);
        let started = asked.await.unwrap();
        secrets.add(&started.flow);
        let mut mails = Vec::new();
        for taken in outbox::take(&world.issuer, Way::Mail, 100).await.unwrap() {
            mails.push(outbox::open(&world.issuer, &taken.job).unwrap());
            assert!(world.stage.store.job_done(&taken).await.unwrap());
        }
        let mail = mails.iter().rfind(|mail| post::code(mail).is_some()).unwrap();
        let code = post::code(mail).unwrap();
        secrets.add(code);
        let within = || Within { flow: Some(&started.flow), cookie: None };
        if let Some(link) = post::link(mail) {
            secrets.add(link.split_once("token=").unwrap().1);
        }
        let wrong = if code == "736251" { "736252" } else { "736251" };
        for (typed, good) in [(wrong, false), (code, true)] {
            let typed = Secret::new(typed);
            let done = passwordless::verify_code(&world.issuer, address, &typed, within(), &caller).await;
            assert_eq!(done.is_ok(), good, "{:?}", done.err());
            if let Ok(outcome) = done {
                secrets.tokens(&tokens(outcome));
            }
        }
        world.stage.clock.advance(Duration::from_secs(3_600));
        world.issuer.follow().await.unwrap();
    }
}

/// A machine, its key in both places, wrong and right.
async fn by_client(world: &World, secrets: &mut Secrets) {
    for key in [WRONG, SECRET] {
        let (key, at) = (Secret::new(key), [API.to_owned()]);
        if let Ok(done) = direct::api_login(&world.issuer, "svc", &key, None, &at, &caller()).await {
            secrets.tokens(&done);
        }
    }
    let (_, params) = signed("app", &[("grant_type", "client_credentials"), ("client_secret", WRONG)]);
    drop(countersign_issuer::oauth::grant::token(&world.issuer, None, &params, IP).await);
    let done = world.token("svc", &[("grant_type", "client_credentials"), ("resource", API)]).await;
    secrets.tokens(&done.unwrap());
}
