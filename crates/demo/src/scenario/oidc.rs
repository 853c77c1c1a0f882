//! UC-06: the code flow of OpenID Connect, step by step.

use crate::cast::{Person, USERS, USERS_APP};
use crate::http::{Answer, Ask, Browser};
use crate::random;
use crate::scenario::Scenario;
use crate::scenario::login::text;
use crate::scene::{Scene, claims};
use anyhow::{Context, Result, anyhow};
use countersign_token::{Algorithm, IdToken, KeySet, Policy, TokenType, verify};
use countersign_verifier::Clock;
use serde_json::Value;
use url::Url;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-06",
    title: "OAuth 2.0 / OpenID Connect",
    works: "Discovery, keys, authorization code + PKCE through the pages, token endpoint, ID token, userinfo.",
    refused: "A code used twice is refused, and what its first use issued is revoked, at the service too.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let issuer = &scene.places().issuer;
    let discovery = scene.send(Ask::get(format!("{issuer}/.well-known/openid-configuration"))).await?;
    scene.status(&discovery, 200, "discovery")?;
    let authorize = discovery.text("authorization_endpoint")?;
    scene.same("authorization endpoint", authorize, format!("{issuer}/oauth/authorize"))?;
    scene.same("issuer", discovery.text("issuer")?.as_str(), issuer)?;
    let jwks = scene.send(Ask::get(discovery.text("jwks_uri")?)).await?;
    scene.status(&jwks, 200, "keys")?;
    let private = ["\"d\"", "\"k\"", "\"p\""].iter().any(|member| jwks.body.contains(member));
    scene.check(!private, "only public keys are published")?;

    let nonce = random::secret()?;
    let (verifier, challenge) = random::pkce()?;
    let redirect = format!("{}/callback", scene.places().users);
    let alice = &scene.cast().alice;
    let ask = Asking { scope: "openid profile email users:read", nonce: &nonce, challenge: &challenge };
    let code = code(scene, alice, &redirect, &ask).await?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", redirect.as_str()),
        ("code_verifier", verifier.as_str()),
    ];
    let secret = &scene.cast().client_secret;
    let tokens = scene.token(USERS_APP, secret, &form).await?;
    scene.status(&tokens, 200, "token endpoint")?;
    id_token(scene, &tokens, &jwks, &nonce)?;
    let access = tokens.text("access_token")?;
    scene.same("audience of the access token", text(&claims(&access)?, "aud").as_str(), USERS)?;
    let endpoint = discovery.text("userinfo_endpoint")?;
    let userinfo = scene.send(Ask::get(&endpoint).bearer(&access)).await?;
    scene.status(&userinfo, 200, "userinfo")?;
    scene.same("userinfo: e-mail", userinfo.text("email")?.as_str(), &scene.cast().alice.email)?;
    let other = scene.send(Ask::get(format!("{issuer}/api/userinfo")).bearer(&access)).await?;
    scene.same("/api/userinfo answers the same", other.json()?, userinfo.json()?)?;
    let active = scene.introspect(&access).await?;
    scene.check(active, "introspection: active")?;

    let api = format!("{}/api/users", scene.places().users);
    let served = scene.send(Ask::get(&api).bearer(&access)).await?;
    scene.status(&served, 200, "service A")?;
    scene.in_touch(&[]).await?;

    scene.say("The same code a second time.");
    let again = scene.token(USERS_APP, secret, &form).await?;
    scene.status(&again, 400, "second use of the code")?;
    scene.same("error", again.error().as_str(), "invalid_grant")?;
    let waited = scene.revoked_at("service A", &api, &access).await?;
    let active = scene.introspect(&access).await?;
    scene.check(!active, "introspection: what the first use issued is revoked")?;
    let after = scene.send(Ask::get(&endpoint).bearer(&access)).await?;
    scene.status(&after, 401, "userinfo with the revoked token")?;
    scene.observe(format!(
        "code + PKCE through the pages, ID token and userinfo agree; a code used twice revokes what it issued, at \
         the service after {waited} ms"
    ));
    Ok(())
}

struct Asking<'a> {
    scope: &'a str,
    nonce: &'a str,
    challenge: &'a str,
}

/// The whole flow for another scenario: the answer of the token endpoint.
pub(super) async fn tokens(scene: &mut Scene<'_>, who: &Person, scope: &str) -> Result<Answer> {
    let (verifier, challenge) = random::pkce()?;
    let redirect = format!("{}/callback", scene.places().users);
    let ask = Asking { scope, nonce: &random::secret()?, challenge: &challenge };
    let code = code(scene, who, &redirect, &ask).await?;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", redirect.as_str()),
        ("code_verifier", verifier.as_str()),
    ];
    let tokens = scene.token(USERS_APP, &scene.cast().client_secret, &form).await?;
    scene.status(&tokens, 200, "token endpoint")?;
    Ok(tokens)
}

/// The browser's way to the code. The application's callback is played by the scenario, which so holds it.
async fn code(scene: &mut Scene<'_>, who: &Person, redirect: &str, ask: &Asking<'_>) -> Result<String> {
    let state = random::secret()?;
    let mut url = Url::parse(&format!("{}/oauth/authorize", scene.places().issuer))?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", USERS_APP)
        .append_pair("redirect_uri", redirect)
        .append_pair("scope", ask.scope)
        .append_pair("state", &state)
        .append_pair("nonce", ask.nonce)
        .append_pair("code_challenge", ask.challenge)
        .append_pair("code_challenge_method", "S256");
    let mut browser = Browser::with_app(redirect);
    let page = browser.open(scene, url.as_str()).await?;
    let done = browser.sign_in(scene, page, who).await?;
    let back = done.handed.context("the browser did not come back to the application")?;
    let field = |name: &str| back.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
    scene.check(field("state") == Some(state), "the answer carries our `state`")?;
    scene.same("`iss` of the answer (RFC 9207)", field("iss"), Some(scene.places().issuer.clone()))?;
    field("code").context("no code in the answer")
}

/// The checks of OpenID Connect Core 3.1.3.7, as a client does them.
fn id_token(scene: &mut Scene<'_>, tokens: &Answer, jwks: &Answer, nonce: &str) -> Result<()> {
    let token = tokens.text("id_token")?;
    let (keys, _) = KeySet::from_jwks(jwks.body.as_bytes()).map_err(|e| anyhow!("{e}"))?;
    let issuer = &scene.places().issuer;
    let policy = |client: &str| {
        Policy::issuer(issuer).audience([client]).token_type(TokenType::Id).algorithms(&[Algorithm::Rs256])
    };
    let now = scene.stage.clock.now();
    let who =
        verify::<IdToken>(&token, &keys, &policy(USERS_APP), now).map_err(|e| anyhow!("ID token: {e}"))?;
    scene.check(true, "ID token: signature (RS256), issuer, audience and times are good")?;
    scene.check(who.claims.nonce.as_deref() == Some(nonce), "ID token: it carries our `nonce`")?;
    let email = who.claims.more.get("email").and_then(Value::as_str);
    scene.same("ID token: e-mail", email, Some(scene.cast().alice.email.as_str()))?;
    let elsewhere = verify::<Value>(&token, &keys, &policy("another-client"), now);
    scene.check(elsewhere.is_err(), "the same ID token at another client is refused")
}
