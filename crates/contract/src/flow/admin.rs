//! What operators do, and that a running node honours it.

use super::IP;
use super::direct::tokens;
use super::house::{House, PASSWORD, browser, caller, code, refused};
use crate::Stage;
use countersign_issuer::admin::revoke::{What, revoke};
use countersign_issuer::admin::{clients, resources, roles, users};
use countersign_issuer::model::{ClientId, Cutoff, EventKind, Scopes, Secret};
use countersign_issuer::oauth::bearer;
use countersign_issuer::oauth::grant;
use countersign_issuer::oauth::issue::TokenResponse;
use countersign_issuer::oauth::params::Params;
use countersign_issuer::port::Page;
use countersign_issuer::{Code, Issuer, direct};
use serde_json::{Value, json};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn web(id: &str) -> Value {
    json!({
        "client_id": id, "client_secret": SECRET, "redirect_uris": ["https://app.example.test/cb"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    })
}

fn id(text: &str) -> ClientId {
    ClientId::parse(text).unwrap()
}

/// Is that the client's secret?
async fn has_secret(issuer: &Issuer, client: &str, secret: &str) -> bool {
    let due = issuer.sealer.client_secret(client, &Secret::new(secret));
    let client = issuer.directory.client(&id(client)).await.unwrap().unwrap();
    client.secrets.iter().any(|s| s.matches(&due))
}

/// Signs in as that person by the direct API.
async fn enter(house: &House, name: &str) -> TokenResponse {
    let ask = direct::Login {
        username: name.to_owned(),
        password: Secret::new(PASSWORD),
        wish: direct::Wish::default(),
    };
    tokens(direct::login(&house.issuer, ask, &caller(1)).await.unwrap())
}

async fn works(issuer: &Issuer, tokens: &TokenResponse) -> bool {
    bearer::access_token(issuer, &tokens.access_token).await.is_ok()
}

/// A resource and then its client, used at once at a node whose memory is fresh but older than both.
pub async fn admin_used_at_once(stage: Stage) {
    let house = House::new(stage).await;
    let (issuer, server) = (&house.issuer, house.node().await);
    server.follow().await.unwrap();
    resources::apply(issuer, &json!({"resource": "urn:new", "scopes": ["read"]})).await.unwrap();
    let machine = json!({"client_id": "robot", "client_secret": SECRET, "redirect_uris": [], "response_types": [],
        "grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_post",
        "scope": "read", "resources": ["urn:new"]});
    clients::apply(issuer, &machine).await.unwrap();
    let form = format!("grant_type=client_credentials&client_id=robot&client_secret={SECRET}");
    let params = Params::parse(form.as_bytes()).unwrap();
    let (_, answer) = grant::token(&server, None, &params, IP).await;
    assert_eq!(answer.unwrap().scope, "read");
}

/// Created, changed with the secret kept, rotated, shown, removed; another node follows.
pub async fn admin_clients(stage: Stage) {
    let house = House::new(stage).await;
    let (issuer, server) = (&house.issuer, house.node().await);
    let made = clients::apply(issuer, &json!([web("a"), web("b")])).await.unwrap();
    assert!(made.iter().all(|m| m.created && m.warnings.is_empty()), "{made:?}");
    assert_eq!(made[0].client.updated_at, house.stage.clock.now());
    server.follow().await.unwrap();
    assert!(has_secret(&server, "a", SECRET).await && !has_secret(&server, "a", "other").await);

    let mut changed = web("a");
    changed["client_name"] = json!("App");
    changed.as_object_mut().unwrap().remove("client_secret");
    let updated = clients::apply(issuer, &changed).await.unwrap();
    assert!(!updated[0].created);
    server.follow().await.unwrap();
    assert!(has_secret(&server, "a", SECRET).await, "kept when left out");
    assert_eq!(server.directory.client(&id("a")).await.unwrap().unwrap().display_name(), "App");

    let new = clients::rotate_secret(issuer, "a").await.unwrap();
    server.follow().await.unwrap();
    for secret in [SECRET, new.expose()] {
        assert!(has_secret(&server, "a", secret).await, "both good while it is replaced");
    }
    let newer = clients::rotate_secret(issuer, "a").await.unwrap();
    assert!(!has_secret(issuer, "a", SECRET).await && has_secret(issuer, "a", new.expose()).await);
    clients::apply(issuer, &changed).await.unwrap();
    assert!(!has_secret(issuer, "a", new.expose()).await && has_secret(issuer, "a", newer.expose()).await);

    let shown = clients::show(issuer, "a").await.unwrap();
    assert!(shown.get("client_secret").is_none() && !shown.to_string().contains(SECRET));
    clients::apply(issuer, &shown).await.unwrap();
    assert_eq!(clients::show(issuer, "a").await.unwrap(), shown);

    let page = Page { after: None, limit: 10 };
    assert_eq!(clients::list(issuer, page).await.unwrap().len(), 2);
    clients::remove(issuer, "a").await.unwrap();
    server.follow().await.unwrap();
    assert!(server.directory.client(&id("a")).await.unwrap().is_none());
    assert_eq!(code(clients::remove(issuer, "a").await), Code::NotFound);
    assert_eq!(code(clients::show(issuer, "a").await), Code::NotFound);
    assert_eq!(code(clients::rotate_secret(issuer, "a").await), Code::NotFound);
}

/// One bad client, and none is written; the message names it.
pub async fn admin_clients_all_or_none(stage: Stage) {
    let house = House::new(stage).await;
    let mark = house.stage.mark().await;
    let mut bad = web("b");
    bad["redirect_uris"] = json!(["http://app.example.test/cb"]);
    let r = refused(clients::apply(&house.issuer, &json!([web("a"), bad])).await);
    assert_eq!(r.code, Code::InvalidRedirectUri);
    assert!(r.public.starts_with("client b: redirect_uris"), "{}", r.public);
    let r = refused(clients::apply(&house.issuer, &json!([web("a"), web("a")])).await);
    assert!(r.public.contains("twice"), "{}", r.public);
    assert_eq!(code(clients::apply(&house.issuer, &json!([])).await), Code::InvalidClientMetadata);
    assert_eq!(house.stage.kinds(mark).await, []);
    let public = json!({"client_id": "p", "token_endpoint_auth_method": "none", "redirect_uris": ["https://p.example/"],
        "resources": ["urn:none"]});
    let warned = clients::apply(&house.issuer, &public).await.unwrap();
    assert!(warned[0].warnings[0].contains("urn:none does not exist yet"));
    assert_eq!(code(clients::rotate_secret(&house.issuer, "p").await), Code::InvalidRequest);
}

/// Resources: an HS256 secret is made once and kept; others follow.
pub async fn admin_resources(stage: Stage) {
    let house = House::new(stage).await;
    let (issuer, server) = (&house.issuer, house.node().await);
    let document = json!({"resource": "urn:api", "scopes": ["read"], "signing_alg": "HS256"});
    let first = resources::apply(issuer, &document).await.unwrap();
    assert!(first[0].created && first[0].secret.as_ref().is_some_and(|s| s.expose().len() == 43));
    let second = resources::apply(issuer, &document).await.unwrap();
    assert!(!second[0].created && second[0].secret.is_none(), "shown once");
    assert_eq!(second[0].resource, first[0].resource);
    server.follow().await.unwrap();
    assert!(server.directory.resources().await.unwrap().contains_key("urn:api"));

    let open = resources::apply(issuer, &json!({"resource": "urn:api", "scopes": ["read"]})).await.unwrap();
    assert!(open[0].resource.secret.is_none(), "gone with the algorithm");
    let r = refused(resources::apply(issuer, &json!([{"resource": "urn:b"}, {"resource": "b"}])).await);
    assert!(r.public.starts_with("resource b: "), "{}", r.public);
    assert_eq!(resources::list(issuer).await.unwrap().len(), 1, "all or none");
    resources::remove(issuer, "urn:api").await.unwrap();
    assert_eq!(code(resources::remove(issuer, "urn:api").await), Code::NotFound);
    assert_eq!(code(resources::show(issuer, "urn:api").await), Code::NotFound);
    server.follow().await.unwrap();
    assert!(server.directory.resources().await.unwrap().is_empty());
}

/// Roles, and that a node that has the person in memory learns of them.
pub async fn admin_roles(stage: Stage) {
    let house = House::new(stage).await;
    let (issuer, server) = (&house.issuer, house.node().await);
    let nora = house.person("nora").await;
    let held = async || {
        server.follow().await.unwrap();
        let subject = server.directory.subject(&nora.id).await.unwrap().it.unwrap();
        subject.roles.iter().map(|r| (r.name.clone(), r.grants.len())).collect::<Vec<_>>()
    };
    assert_eq!(held().await, []);
    resources::apply(issuer, &json!({"resource": "urn:api", "scopes": ["read"]})).await.unwrap();
    let grants = |scope: &str| [("urn:api".to_owned(), Scopes::parse(scope).unwrap())].into();
    roles::apply(issuer, "reader", "May read", grants("read")).await.unwrap();
    roles::assign(issuer, "nora", "reader").await.unwrap();
    assert_eq!(held().await, [("reader".to_owned(), 1)]);
    roles::apply(issuer, "reader", "", [].into()).await.unwrap();
    assert_eq!(held().await, [("reader".to_owned(), 0)], "the role itself changed");
    roles::unassign(issuer, "nora@example.test", "reader").await.unwrap();
    assert_eq!(held().await, []);
    roles::assign(issuer, nora.id.as_str(), "reader").await.unwrap();
    roles::remove(issuer, "reader").await.unwrap();
    assert_eq!(held().await, []);

    assert_eq!(code(roles::apply(issuer, "a b", "", [].into()).await), Code::InvalidRequest);
    assert_eq!(code(roles::apply(issuer, "x", "", grants("write")).await), Code::InvalidScope);
    let unknown = [("urn:none".to_owned(), Scopes::default())].into();
    assert_eq!(code(roles::apply(issuer, "x", "", unknown).await), Code::NotFound);
    assert_eq!(code(roles::assign(issuer, "nora", "x").await), Code::NotFound);
    assert_eq!(code(roles::assign(issuer, "nobody", "x").await), Code::NotFound);
    assert_eq!(code(roles::remove(issuer, "x").await), Code::NotFound);
    assert!(roles::list(issuer).await.unwrap().is_empty());
}

/// People: one of each name, with roles made on the way.
pub async fn admin_users(stage: Stage) {
    let house = House::new(stage).await;
    let issuer = &house.issuer;
    let nora = house.person("nora").await;
    let add = |email: &str, username: &str| users::Add {
        email: email.to_owned(),
        username: Some(username.to_owned()),
        ..users::Add::default()
    };
    assert_eq!(code(users::add(issuer, add("NORA@example.test", "n2")).await), Code::Conflict);
    assert_eq!(code(users::add(issuer, add("n2@example.test", "Nora")).await), Code::Conflict);
    assert_eq!(code(users::add(issuer, add("nora", "n2")).await), Code::InvalidRequest);
    let weak = users::Add { password: Some(Secret::new("password")), ..add("w@example.test", "w") };
    assert_eq!(code(users::add(issuer, weak).await), Code::WeakPassword);
    let boss = users::Add { roles: vec!["admin".into(), "admin".into()], ..add("b@example.test", "b") };
    assert_eq!(users::add(issuer, boss).await.unwrap().roles, ["admin"]);
    for name in [nora.id.as_str(), "nora", "Nora@Example.test"] {
        assert_eq!(users::find(issuer, name).await.unwrap().user.id, nora.id);
    }
    assert_eq!(users::list(issuer, Page { after: None, limit: 1 }).await.unwrap().len(), 1);
    users::remove(issuer, "nora").await.unwrap();
    assert_eq!(code(users::find(issuer, "nora").await), Code::NotFound);
    assert_eq!(code(users::remove(issuer, nora.id.as_str()).await), Code::NotFound);
}

/// Disabled by a command: at the running server no session, no token and no sign-in is left.
pub async fn admin_disable(stage: Stage) {
    let house = House::new(stage).await;
    let (server, command) = (&house.issuer, house.node().await);
    house.person("nora").await;
    let (visitor, tokens) = (house.visitor("nora").await, enter(&house, "nora").await);
    house.stage.clock.advance_seconds(1);
    let cookie = house.sign_in("nora", &visitor).await.unwrap().cookie;
    assert!(works(server, &tokens).await);

    users::disable(&command, "nora").await.unwrap();
    users::disable(&command, "nora").await.unwrap();
    server.follow().await.unwrap();
    assert!(!works(server, &tokens).await);
    assert!(house.back(cookie.expose()).await.session.is_none());
    assert_eq!(code(house.sign_in("nora", &browser("flow")).await), Code::InvalidCredentials);

    users::enable(&command, "nora").await.unwrap();
    server.follow().await.unwrap();
    house.stage.clock.advance_seconds(3);
    house.sign_in("nora", &browser("flow")).await.unwrap();
    assert!(!works(server, &tokens).await, "what was revoked stays so");
    assert!(works(server, &enter(&house, "nora").await).await);
}

/// A new password ends every session and token of before.
pub async fn admin_set_password(stage: Stage) {
    let house = House::new(stage).await;
    let issuer = &house.issuer;
    house.person("nora").await;
    let (cookie, tokens) =
        (house.sign_in("nora", &browser("flow")).await.unwrap().cookie, enter(&house, "nora").await);
    let weak = users::set_password(issuer, "nora", Secret::new("nora@example.test")).await;
    assert_eq!(code(weak), Code::WeakPassword);
    assert!(works(issuer, &tokens).await, "nothing happened");

    users::set_password(issuer, "nora", Secret::new("another horse battery staple")).await.unwrap();
    assert!(!works(issuer, &tokens).await);
    assert!(house.back(cookie.expose()).await.session.is_none());
    assert_eq!(code(house.sign_in("nora", &browser("flow")).await), Code::InvalidCredentials);
}

/// `revoke`: each kind takes what it names and nothing else.
pub async fn admin_revoke(stage: Stage) {
    let house = House::new(stage).await;
    let issuer = &house.issuer;
    house.person("nora").await;
    house.person("ida").await;
    let other = enter(&house, "ida").await;

    let tokens = enter(&house, "nora").await;
    revoke(issuer, What::Token(Secret::new(&*tokens.access_token))).await.unwrap();
    assert!(!works(issuer, &tokens).await);
    let r = refused(revoke(issuer, What::Token(Secret::new(&*tokens.access_token))).await);
    assert_eq!(r.code, Code::InvalidToken);
    let refreshed =
        direct::refresh(issuer, tokens.refresh_token.as_deref().unwrap(), caller(1).ip).await.1.unwrap();
    assert!(works(issuer, &refreshed).await, "the session lives");
    let refresh = refreshed.refresh_token.clone().unwrap();
    revoke(issuer, What::Token(Secret::new(format!(" {refresh}\n")))).await.unwrap();
    assert!(!works(issuer, &refreshed).await);
    assert!(direct::refresh(issuer, &refresh, caller(1).ip).await.1.is_err());

    let tokens = enter(&house, "nora").await;
    let sid = tokens.session_id.clone().unwrap();
    revoke(issuer, What::Session(sid.clone())).await.unwrap();
    assert!(!works(issuer, &tokens).await);
    assert_eq!(code(revoke(issuer, What::Session(sid)).await), Code::NotFound);
    assert_eq!(code(revoke(issuer, What::Session("x".into())).await), Code::NotFound);

    let (tokens, visitor) = (enter(&house, "nora").await, house.visitor("nora").await);
    revoke(issuer, What::User("nora".into())).await.unwrap();
    assert!(!works(issuer, &tokens).await && visitor.session.is_some());
    assert!(works(issuer, &other).await, "somebody else's");
    house.stage.clock.advance_seconds(3);
    issuer.follow().await.unwrap();
    assert!(works(issuer, &enter(&house, "nora").await).await, "she may come back");

    clients::apply(issuer, &web("web")).await.unwrap();
    let mark = house.stage.mark().await;
    revoke(issuer, What::Client("web".into())).await.unwrap();
    assert_eq!(house.stage.kinds(mark).await, [EventKind::Revoked]);
    assert!(works(issuer, &other).await);
    let rules = house.stage.store.rules_after(0, 1000).await.unwrap().it.0;
    let last = rules.last().unwrap();
    assert_eq!((last.id.as_str(), last.cutoff), ("web", Cutoff(house.stage.clock.now().seconds() + 2)));
    assert_eq!(code(revoke(issuer, What::Client("none".into())).await), Code::NotFound);

    assert_eq!(code(revoke(issuer, What::Jti("a b".into())).await), Code::InvalidRequest);
    let kid = bearer::access_token(issuer, &other.access_token).await.unwrap().it.kid;
    revoke(issuer, What::Key(kid.to_string())).await.unwrap();
    assert!(!works(issuer, &other).await);
}

/// Rules written elsewhere are in force here at the next turn, and a load that is under way does not bring
/// back what was dropped.
pub async fn admin_directory_follows(stage: Stage) {
    let house = House::new(stage).await;
    let (server, command) = (&house.issuer, house.node().await);
    let nora = house.person("nora").await;
    server.follow().await.unwrap();
    house.store.take();
    for _ in 0..3 {
        server.directory.subject(&nora.id).await.unwrap();
    }
    assert_eq!(house.store.take(), ["subject"], "asked once, then from memory");
    house.stage.clock.advance_seconds(1);
    server.directory.subject(&nora.id).await.unwrap();
    assert_eq!(house.store.take(), ["subject"], "the log was not read for a second: the store is asked");
    server.follow().await.unwrap();
    house.store.take();
    server.directory.subject(&nora.id).await.unwrap();
    assert_eq!(house.store.take(), [""; 0]);
    house.stage.clock.set(house.stage.clock.now() - std::time::Duration::from_secs(3600));
    server.directory.subject(&nora.id).await.unwrap();
    assert_eq!(house.store.take(), ["subject"], "a clock set back makes nothing fresh");

    roles::apply(&command, "admin", "", [].into()).await.unwrap();
    roles::assign(&command, "nora", "admin").await.unwrap();
    server.follow().await.unwrap();
    house.store.take();
    let seen = server.directory.subject(&nora.id).await.unwrap();
    assert_eq!((seen.it.unwrap().roles.len(), house.store.take()), (1, vec!["subject"]));
}
