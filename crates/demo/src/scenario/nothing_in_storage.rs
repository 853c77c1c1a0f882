//! BP-06: what a browser keeps of the issuer, and what a script could read of it.

use crate::cast::MOBILE;
use crate::http::form;
use crate::http::{Answer, Ask};
use crate::scenario::Scenario;
use crate::scene::Scene;
use anyhow::{Context, Result};
use serde_json::json;
use url::Url;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "BP-06",
    title: "Nothing in localStorage",
    works: "The issuer's pages keep one HttpOnly cookie a purpose; no page holds a token, no script of theirs \
            touches the browser's storage. In cookie mode the direct API hands out no refresh token either.",
    refused: "A form of another site that rides on the cookie.",
    play: |scene| Box::pin(play(scene)),
};

const SIGN_OUT: &str = "/account/sign-out";

/// Where a script could keep what it should not have.
const STORES: [&str; 5] = ["localStorage", "sessionStorage", "indexedDB", "document.cookie", "caches.open"];

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let issuer = &scene.places().issuer;
    let alice = &scene.cast().alice;
    scene.say("Alice opens the sign-in page.");
    let page = scene.send(Ask::get(format!("{issuer}/login")).accept("text/html")).await?;
    scene.status(&page, 200, "sign-in page")?;
    let scripts = no_storage(scene, &page).await?;
    let flow = kept(scene, &page, "flow")?;

    let fields = form::read(&page.body);
    let password = fields.iter().find(|f| f.password_field().is_some()).context("no password form")?;
    let names = [password.user_field(), password.password_field()];
    let typed: Vec<(&str, &str)> =
        names.into_iter().flatten().zip([alice.username.as_str(), alice.password.as_str()]).collect();
    let form = password.filled(&typed);
    let ask = Ask::post(format!("{issuer}/login")).cookie(&flow).origin(issuer).form(form);
    let done = scene.send(ask).await?;
    scene.status(&done, 303, "signed in")?;
    let session = kept(scene, &done, "session")?;
    let account =
        Ask::get(format!("{issuer}/account")).accept("text/html").cookie(format!("{flow}; {session}"));
    let account = scene.send(account).await?;
    scene.status(&account, 200, "account page")?;
    let value = session.split_once('=').map(|(_, v)| v).unwrap_or_default();
    let silent = |text: &str| !text.contains("eyJ") && !text.contains(value);
    scene.check(silent(&account.body), "the account page holds neither a token nor the cookie's value")?;
    no_storage(scene, &account).await?;

    forged(scene, &account, &format!("{flow}; {session}")).await?;

    scene.say("An application's own sign-in form, in cookie mode.");
    let body = json!({
        "username": alice.username, "password": alice.password, "client_id": MOBILE, "session": "cookie",
    });
    let login = Ask::post(format!("{issuer}/auth/login")).origin(&scene.places().app).json(&body);
    let login = scene.send(login).await?;
    scene.status(&login, 200, "login")?;
    let refresh = kept(scene, &login, "refresh")?;
    let value = refresh.split_once('=').map(|(_, v)| v).unwrap_or_default();
    scene
        .check(!login.body.contains(value), "the body holds no refresh token: nothing to keep in a store")?;
    scene.observe(format!(
        "HttpOnly cookies only, no token in a page, {scripts} script(s) on the sign-in page and none touches storage; \
         another site's form is refused"
    ));
    Ok(())
}

/// The sign-out button, pressed by somebody else's page, then by the person.
async fn forged(scene: &mut Scene<'_>, account: &Answer, cookies: &str) -> Result<()> {
    let issuer = &scene.places().issuer;
    scene.say(
        "Pages of other sites post the form of the sign-out button; suppose the browser added the cookies.",
    );
    let forms = form::read(&account.body);
    let button = forms.iter().find(|f| f.action == SIGN_OUT).context("no button that signs out")?;
    let (right, guessed) = (button.filled(&[]), button.filled(&[("form_token", "guessed")]));
    let press = |fields| Ask::post(format!("{issuer}{SIGN_OUT}")).cookie(cookies).form(fields);
    let elsewhere = "http://other.localhost:4711";
    for (what, ask) in [
        ("a browser that names the other site", press(right.clone()).origin(elsewhere)),
        ("one that says what it is", press(right.clone()).header("sec-fetch-site", "cross-site")),
        ("an old one that says nothing, and a guessed form token", press(guessed)),
    ] {
        let answer = scene.send(ask).await?;
        scene.status(&answer, 403, what)?;
    }
    let page = scene.send(Ask::get(format!("{issuer}/account")).accept("text/html").cookie(cookies)).await?;
    scene.status(&page, 200, "Alice is still signed in")?;
    let own = scene.send(press(right).origin(issuer).header("sec-fetch-site", "same-origin")).await?;
    scene.status(&own, 303, "her own press of the button")?;
    let page = scene.send(Ask::get(format!("{issuer}/account")).accept("text/html").cookie(cookies)).await?;
    scene.status(&page, 303, "signs her out")
}

/// The pages run nothing that is not a file of the issuer's, and none of those touches a store. Answers how many.
async fn no_storage(scene: &mut Scene<'_>, page: &Answer) -> Result<usize> {
    let policy = page.header("content-security-policy");
    let strict = policy.contains("default-src 'none'") && !policy.contains("unsafe");
    scene.check(strict, format!("the page may run nothing of its own text ({policy})"))?;
    let base = Url::parse(&scene.places().issuer)?;
    let tags: Vec<&str> = page.body.split("<script").skip(1).collect();
    for tag in &tags {
        let head = tag.split('>').next().unwrap_or_default();
        let source = head.split("src=\"").nth(1).and_then(|rest| rest.split('"').next());
        let url = base.join(source.context("a script within the page")?)?;
        let script = scene.send(Ask::get(url.as_str())).await?;
        let touched = STORES.iter().find(|store| script.body.contains(**store));
        scene.check(
            url.origin() == base.origin() && touched.is_none(),
            format!("{}: {touched:?}", url.path()),
        )?;
    }
    Ok(tags.len())
}

/// The cookie of that purpose, as `name=value`. No script can read any that the answer sets.
fn kept(scene: &mut Scene<'_>, answer: &Answer, purpose: &str) -> Result<String> {
    let all: Vec<String> = answer.set_cookies().map(str::to_owned).collect();
    for cookie in &all {
        let marks = cookie.to_ascii_lowercase();
        let closed = marks.contains("httponly") && marks.contains("samesite=") && !marks.contains("domain=");
        let name = cookie.split('=').next().unwrap_or_default();
        scene.check(closed, format!("{name} is HttpOnly, SameSite, of this host only"))?;
    }
    let pairs = all.iter().filter_map(|cookie| cookie.split(';').next());
    let named = |pair: &&str| pair.split('=').next().is_some_and(|name| name.contains(purpose));
    pairs.into_iter().find(named).map(str::to_owned).with_context(|| format!("no {purpose} cookie was set"))
}
