//! The sessions list of a person.

use super::direct::tokens;
use super::house::{House, PASSWORD, browser, caller, code};
use crate::Stage;
use countersign_issuer::account::sessions;
use countersign_issuer::model::{EventKind, Secret};
use countersign_issuer::oauth::bearer;
use countersign_issuer::oauth::issue::TokenResponse;
use countersign_issuer::port::browser_session::LiveBrowser;
use countersign_issuer::{Code, direct};

/// Signs that person in by the direct API.
pub async fn app(house: &House, name: &str) -> TokenResponse {
    let ask = direct::Login {
        username: name.to_owned(),
        password: Secret::new(PASSWORD),
        wish: direct::Wish::default(),
    };
    tokens(direct::login(&house.issuer, ask, &caller(1)).await.unwrap())
}

async fn browsers(house: &House, name: &str) -> LiveBrowser {
    house.visitor(name).await.session.unwrap()
}

/// What is listed can be ended; what is somebody else's cannot.
pub async fn account_sessions(stage: Stage) {
    let house = House::new(stage).await;
    let issuer = &house.issuer;
    house.person("nora").await;
    house.person("ida").await;
    let first = browsers(&house, "nora").await;
    house.stage.clock.advance_seconds(1);
    let me = browsers(&house, "nora").await;
    let (tokens, stranger) = (app(&house, "nora").await, browsers(&house, "ida").await);
    let theirs = app(&house, "ida").await;
    issuer.follow().await.unwrap();

    let seen = sessions::overview(issuer, &me).await.unwrap();
    let listed: Vec<_> = seen.browsers.iter().map(|e| (e.session.id.clone(), e.current)).collect();
    assert_eq!(listed, [(me.session.id.clone(), true), (first.session.id.clone(), false)]);
    let apps: Vec<_> = seen.apps.iter().map(|(s, _)| s.id.to_string()).collect();
    assert_eq!(apps, [tokens.session_id.clone().unwrap()]);

    for foreign in [stranger.session.id.as_str(), theirs.session_id.as_deref().unwrap(), "b_none", "none", ""]
    {
        assert_eq!(code(sessions::end(issuer, &me, foreign, &caller(1)).await), Code::NotFound, "{foreign}");
    }
    assert!(bearer::access_token(issuer, &theirs.access_token).await.is_ok());

    sessions::end(issuer, &me, tokens.session_id.as_deref().unwrap(), &caller(1)).await.unwrap();
    assert!(bearer::access_token(issuer, &tokens.access_token).await.is_err(), "at once");
    sessions::end(issuer, &me, first.session.id.as_str(), &caller(1)).await.unwrap();
    let seen = sessions::overview(issuer, &me).await.unwrap();
    assert_eq!((seen.browsers.len(), seen.apps.len()), (1, 0));
}

/// "End all others" leaves the one asking; "sign out here" ends it, and twice is fine.
pub async fn account_end_others(stage: Stage) {
    let house = House::new(stage).await;
    let issuer = &house.issuer;
    house.person("nora").await;
    let other = house.sign_in("nora", &browser("flow")).await.unwrap();
    let mine = house.sign_in("nora", &browser("flow")).await.unwrap();
    let me = house.back(mine.cookie.expose()).await.session.unwrap();
    let tokens = app(&house, "nora").await;
    let mark = house.stage.mark().await;

    sessions::end_others(issuer, &me, &caller(1)).await.unwrap();
    assert!(house.back(other.cookie.expose()).await.session.is_none());
    assert!(house.back(mine.cookie.expose()).await.session.is_some());
    assert!(bearer::access_token(issuer, &tokens.access_token).await.is_err());
    assert!(house.stage.kinds(mark).await.contains(&EventKind::BrowserSessionEnded));

    assert_eq!(code(sessions::end_current(issuer, &other.session.id, &me, &caller(1)).await), Code::NotFound);
    sessions::end_current(issuer, &me.session.id, &me, &caller(1)).await.unwrap();
    sessions::end_current(issuer, &me.session.id, &me, &caller(1)).await.unwrap();
    assert!(house.back(mine.cookie.expose()).await.session.is_none());
}
