//! UC-10: a stronger sign-in for what is delicate.

use crate::cast::{Person, TWO_FACTORS, USERS_APP};
use crate::http::{Answer, Ask, Browser, Page};
use crate::random;
use crate::scenario::Scenario;
use crate::scenario::authenticator::Authenticator;
use crate::scenario::login::text;
use crate::scene::{Scene, claims};
use anyhow::{Context, Result};
use url::Url;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-10",
    title: "Step-up",
    works: "An API answers 401 insufficient_user_authentication (RFC 9470); the application asks again with the \
            acr_values of the challenge; who is signed in is asked for the missing factor only.",
    refused: "A token without the factor keeps failing, also after the step-up; a wrong code leads nowhere.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let guest = Person::stranger()?;
    scene.stage.admit(&guest).await?;
    let mut browser = Browser::with_app(&redirect(scene));
    scene.say("Somebody signs in to the team directory with a password.");
    let asking = Asking::new(None)?;
    let page = browser.open(scene, &asking.url(scene)?).await?;
    let page = browser.sign_in(scene, page, &guest).await?;
    let weak = asking.redeem(scene, &page).await?.text("access_token")?;
    let (names, salaries) = (api(scene, "users"), api(scene, "salaries"));
    let served = scene.send(Ask::get(&names).bearer(&weak)).await?;
    scene.status(&served, 200, "names")?;
    let level = demanded(scene, &salaries, &weak).await?;
    let app = Authenticator::set_up(scene, &mut browser).await?;

    scene.say("The application asks again, for the level of the challenge.");
    let asking = Asking::new(Some(&level))?;
    let page = browser.open(scene, &asking.url(scene)?).await?;
    scene.check(page.sign_in().is_none(), "the password is not asked for again")?;
    scene.check(page.form_to("/login/totp").is_ok(), "a code of the app is")?;
    let code = app.next(scene)?;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let page = app.typed(scene, &mut browser, &page, "/login/totp", wrong).await?;
    scene.check(page.handed.is_none(), "a wrong code leads nowhere")?;
    let page = app.typed(scene, &mut browser, &page, "/login/totp", &code).await?;
    let strong = asking.redeem(scene, &page).await?.text("access_token")?;
    scene.same("`acr` of the new token", text(&claims(&strong)?, "acr").as_str(), TWO_FACTORS)?;
    let served = scene.send(Ask::get(&salaries).bearer(&strong)).await?;
    scene.status(&served, 200, "salaries")?;

    scene.say("The first token knows nothing of it.");
    demanded(scene, &salaries, &weak).await?;
    scene.observe(
        "the API named the level, a code of the app was all that was asked; the old token kept failing",
    );
    Ok(())
}

/// The challenge of RFC 9470 3, and the level in it.
async fn demanded(scene: &mut Scene<'_>, url: &str, token: &str) -> Result<String> {
    let answer = scene.send(Ask::get(url).bearer(token)).await?;
    scene.status(&answer, 401, "salaries, with one factor")?;
    let challenge = answer.challenge();
    let says = challenge.contains("error=\"insufficient_user_authentication\"");
    scene.check(says, format!("WWW-Authenticate: {challenge}"))?;
    let level = challenge.split_once("acr_values=\"").and_then(|(_, tail)| tail.split_once('"'));
    let level = level.context("no acr_values in the challenge")?.0.to_owned();
    scene.same("acr_values", level.as_str(), TWO_FACTORS)?;
    Ok(level)
}

fn redirect(scene: &Scene<'_>) -> String {
    format!("{}/callback", scene.places().users)
}

fn api(scene: &Scene<'_>, what: &str) -> String {
    format!("{}/api/{what}", scene.places().users)
}

/// An authorization request of the application, which this scenario plays.
struct Asking<'a> {
    level: Option<&'a str>,
    verifier: String,
    challenge: String,
}

impl<'a> Asking<'a> {
    fn new(level: Option<&'a str>) -> Result<Self> {
        let (verifier, challenge) = random::pkce()?;
        Ok(Self { level, verifier, challenge })
    }

    fn url(&self, scene: &Scene<'_>) -> Result<String> {
        let mut url = Url::parse(&format!("{}/oauth/authorize", scene.places().issuer))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", USERS_APP)
            .append_pair("redirect_uri", &redirect(scene))
            .append_pair("scope", "openid users:read")
            .append_pair("code_challenge", &self.challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(self.level.map(|level| ("acr_values", level)));
        Ok(url.into())
    }

    /// The code the browser came back with, for tokens.
    async fn redeem(&self, scene: &mut Scene<'_>, page: &Page) -> Result<Answer> {
        let back =
            page.handed.as_ref().with_context(|| format!("{}: not back at the application", page.url))?;
        let code = back.query_pairs().find(|(name, _)| name == "code").context("no code in the answer")?.1;
        let redirect = redirect(scene);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", &redirect),
            ("code_verifier", &self.verifier),
        ];
        let tokens = scene.token(USERS_APP, &scene.cast().client_secret, &form).await?;
        scene.status(&tokens, 200, "token endpoint")?;
        Ok(tokens)
    }
}
