//! UC-21: an account that somebody has elsewhere.

use crate::cast::Person;
use crate::http::{Browser, Page};
use crate::issuer::Issuer;
use crate::random;
use crate::scenario::Scenario;
use crate::scenario::login::text;
use crate::scene::Scene;
use crate::service::liar::{Liar, Lie};
use crate::stage::{Places, free_port};
use anyhow::{Context, Result};
use countersign_verifier::Clock;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;
use url::Url;

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-21",
    title: "Sign in with another provider",
    works: "Another issuer, on a host of its own, is the provider. Who is new signs in there and has an account here; \
            who has one links the provider at /account, and signs in by the link from then on.",
    refused: "An ID token with a wrong nonce, issuer or audience, an expired one, one signed by another key. An \
              address that is the same at both opens no account.",
    play: |scene| Box::pin(play(scene)),
};

/// What the providers know this issuer as.
const CLIENT: &str = "here";
const PARTNER: &str = "partner";
const LIAR: &str = "liar";
/// Where one links.
const LINKS: &str = "/account/providers";

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    scene.say(
        "Two more issuers, each with a directory of its own: one under show, the other its partner. The one under \
         show takes sign-ins of the partner, and of a provider that lies.",
    );
    let world = World::start(scene).await?;
    let told = tell(scene, &world).await;
    world.stop().await?;
    told
}

async fn tell(scene: &mut Scene<'_>, world: &World) -> Result<()> {
    newcomer(scene, world).await?;
    linked(scene, world).await?;
    same_address(scene, world).await?;
    lies(scene, world).await
}

/// The issuer under show, and those that its people may have accounts at.
struct World {
    here: Issuer,
    partner: Issuer,
    liar: Liar,
    _dirs: [TempDir; 2],
}

impl World {
    async fn start(scene: &Scene<'_>) -> Result<Self> {
        let dirs = [
            TempDir::with_prefix("countersign-demo-here-")?,
            TempDir::with_prefix("countersign-demo-partner-")?,
        ];
        let [dir, elsewhere] = dirs.each_ref().map(TempDir::path);
        let (partner, liar) = (issuer(scene, PARTNER, elsewhere).await?, Liar::start(CLIENT).await?);
        let secret = random::secret()?;
        let file = dir.join("countersign.toml");
        std::fs::write(&file, config(&[(PARTNER, partner.url()), (LIAR, &liar.url)], &secret))?;
        let here = issuer(scene, "here", dir).await?.with(&["--config", &file.to_string_lossy()]);
        let http = &scene.stage.http;
        tokio::try_join!(here.start(http), partner.start(http))?;
        let client = json!({
            "client_id": CLIENT,
            "client_name": "Here",
            "client_secret": secret,
            "redirect_uris": [format!("{}/login/upstream/{PARTNER}/callback", here.url())],
            "grant_types": ["authorization_code"],
            "scope": "openid profile email",
            "first_party": true,
        });
        partner.apply("client", &client).await?.success()?;
        Ok(Self { here, partner, liar, _dirs: dirs })
    }

    async fn stop(&self) -> Result<()> {
        tokio::try_join!(self.here.stop(), self.partner.stop()).map(drop)
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.here.url())
    }

    /// Presses a provider's button on the sign-in page.
    async fn go(&self, scene: &mut Scene<'_>, browser: &mut Browser, provider: &str) -> Result<Page> {
        let page = browser.open(scene, &self.at("/login")).await?;
        let form = page.form_to(&format!("/login/upstream/{provider}"))?;
        browser.submit(scene, &page, form, &[]).await
    }

    /// By way of the partner, who asks for the password.
    async fn sign_in(&self, scene: &mut Scene<'_>, browser: &mut Browser, who: &Person) -> Result<Page> {
        let there = self.go(scene, browser, PARTNER).await?;
        self.at_partner(scene, browser, there, who).await
    }

    async fn at_partner(
        &self,
        scene: &mut Scene<'_>,
        browser: &mut Browser,
        page: Page,
        who: &Person,
    ) -> Result<Page> {
        let origin = page.url.origin().ascii_serialization();
        scene.same("the password is asked for at", origin.as_str(), self.partner.url())?;
        browser.sign_in(scene, page, who).await
    }

    /// The id of who is signed in here; nothing when nobody is.
    async fn whoami(&self, scene: &mut Scene<'_>, browser: &mut Browser) -> Result<Option<String>> {
        let page = browser.open(scene, &self.at(LINKS)).await?;
        let fields = page.forms.iter().flat_map(|form| &form.fields);
        let me = fields.filter(|field| field.name == "me").map(|field| field.value.clone()).next();
        anyhow::ensure!(me.is_some() == (page.url.path() == LINKS), "{} says neither", page.url);
        Ok(me)
    }

    async fn account(&self, scene: &mut Scene<'_>, email: &str) -> Result<Value> {
        let shown = scene.command_at(&self.here, &["user", "show", email, "--json"]).await?.success()?;
        serde_json::from_str(&shown.stdout).context("the account")
    }

    /// Why the issuer refused last, by its log.
    fn reason(&self) -> Result<String> {
        let detail = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            let ours = line.get("message")? == "sign-in with another provider";
            ours.then_some(line.get("detail")?.as_str()?.to_owned())
        };
        self.here.log()?.lines().rev().find_map(detail).context("the log has no reason")
    }
}

async fn issuer(scene: &Scene<'_>, name: &str, dir: &Path) -> Result<Issuer> {
    let listen = free_port().await?;
    let url = format!("http://{name}.localhost:{}", listen.port());
    Issuer::new(dir, &Places { issuer_listen: listen, issuer: url, ..scene.places().clone() })
}

/// Calls to this machine are allowed; who is new gets an account.
fn config(providers: &[(&str, &str)], secret: &str) -> String {
    let mut out = "[egress]\nallow = [\"127.0.0.1/32\"]\n".to_owned();
    for (name, issuer) in providers {
        out.push_str(&format!(
            "[upstream.{name}]\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{secret}\"\n\
             sign_up = true\n"
        ));
    }
    out
}

async fn newcomer(scene: &mut Scene<'_>, world: &World) -> Result<()> {
    let grace = Person::new("grace", "Grace Elsewhere", &[])?;
    world.partner.admit(&grace).await?;
    scene.say("Grace has an account at the partner and none here. She presses \"Continue with partner\".");
    let unknown = scene.command_at(&world.here, &["user", "show", &grace.email]).await?;
    scene.check(!unknown.ok, "nobody here knows her")?;
    let mut browser = Browser::default();
    let page = world.sign_in(scene, &mut browser, &grace).await?;
    scene.same("signed in, at", page.url.as_str(), &world.at("/account"))?;
    let made = world.account(scene, &grace.email).await?;
    scene.same("her account: name", text(&made, "name"), grace.name.clone())?;
    let confirmed = made.get("email_verified") == Some(&Value::Bool(true));
    scene.check(confirmed, "her address counts as confirmed: the partner says so")?;
    let no_password = made.pointer("/enrolled/password") == Some(&Value::Bool(false));
    scene.check(no_password, "she has no password here")?;
    scene.say("Another day, on another device.");
    let mut again = Browser::default();
    world.sign_in(scene, &mut again, &grace).await?;
    let me = world.whoami(scene, &mut again).await?;
    scene.same("the same account", me, Some(text(&made, "id")))?;
    scene.observe("who was new got an account, the same at the next sign-in");
    Ok(())
}

async fn linked(scene: &mut Scene<'_>, world: &World) -> Result<()> {
    let linus = Person::new("linus", "Linus Example", &[])?;
    world.here.admit(&linus).await?;
    let there = Person::new("linus-at-work", "Linus", &[])?;
    world.partner.admit(&there).await?;
    scene.say(
        "Linus has an account here, and one at the partner with another address. Signed in, he links it.",
    );
    let mut browser = Browser::default();
    let page = browser.open(scene, &world.at("/login")).await?;
    browser.sign_in(scene, page, &linus).await?;
    let page = browser.open(scene, &world.at(LINKS)).await?;
    let button = page.forms.iter().find(|form| {
        form.action == LINKS && form.fields.iter().any(|f| f.name == "provider" && f.value == PARTNER)
    });
    let to = browser.submit(scene, &page, button.context("no button that links")?, &[]).await?;
    let back = world.at_partner(scene, &mut browser, to, &there).await?;
    scene.same("back at", back.url.path(), LINKS)?;
    scene.check(back.answer.body.contains(&there.email), "the page lists the account at the partner")?;
    scene.say("From now on the partner's password is enough, on any device.");
    let mut other = Browser::default();
    world.sign_in(scene, &mut other, &there).await?;
    let me = world.whoami(scene, &mut other).await?;
    let account = world.account(scene, &linus.email).await?;
    scene.same("signed in to his account", me, Some(text(&account, "id")))?;
    scene.observe("an account was linked, and signed in to by the link");
    Ok(())
}

async fn same_address(scene: &mut Scene<'_>, world: &World) -> Result<()> {
    let ada = Person::new("ada", "Ada Example", &[])?;
    world.here.admit(&ada).await?;
    let namesake = Person { name: "Somebody".to_owned(), password: random::password()?, ..ada.clone() };
    world.partner.admit(&namesake).await?;
    scene.say("Somebody at the partner has the address of Ada's account here.");
    let mut browser = Browser::default();
    let page = world.sign_in(scene, &mut browser, &namesake).await?;
    scene.status(&page.answer, 200, "the page asks for a sign-in to that account first")?;
    scene.check(page.link("/login").is_ok() && page.url.path() != "/account", "and leads there")?;
    let me = world.whoami(scene, &mut browser).await?;
    scene.same("signed in", me, None)?;
    let account = world.account(scene, &ada.email).await?;
    scene.same(
        "providers linked to her account",
        account.pointer("/enrolled/providers"),
        Some(&json!([])),
    )?;
    scene.observe("an address alone opened no account");
    Ok(())
}

/// A lie, and the word of the log that says that it was the reason.
struct Case {
    what: &'static str,
    lie: Lie,
    due: &'static str,
}

fn cases(world: &World, now: i64) -> Result<Vec<Case>> {
    let other = Url::parse(&world.liar.url)?.join("/")?;
    let claim = |what, claim, value: Option<Value>, due| {
        let lie = Lie { claims: vec![(claim, value)], forged: false };
        Case { what, lie, due }
    };
    let two = json!([CLIENT, "another-client"]);
    let for_another = vec![("aud", Some(two)), ("azp", Some(json!("another-client")))];
    Ok(vec![
        claim("the nonce of another sign-in", "nonce", Some(json!(random::secret()?)), "(nonce)"),
        claim("no nonce", "nonce", None, "(nonce)"),
        claim("the partner as issuer", "iss", Some(json!(world.partner.url())), "wrong_issuer"),
        claim("the right issuer with a slash more", "iss", Some(json!(other.as_str())), "wrong_issuer"),
        claim("no issuer", "iss", None, "missing_claim"),
        claim("another client as audience", "aud", Some(json!("another-client")), "wrong_audience"),
        claim("no audience", "aud", None, "missing_claim"),
        Case {
            what: "two audiences, made for the other",
            lie: Lie { claims: for_another, forged: false },
            due: "(azp)",
        },
        claim("expired ten minutes ago", "exp", Some(json!(now - 600)), "expired"),
        Case {
            what: "signed by somebody else's key",
            lie: Lie { claims: Vec::new(), forged: true },
            due: "bad_signature",
        },
    ])
}

async fn lies(scene: &mut Scene<'_>, world: &World) -> Result<()> {
    scene.say("The third provider lies in its ID tokens: in one thing at a time, all else is right.");
    let cases = cases(world, scene.stage.clock.now().seconds())?;
    for Case { what, lie, due } in &cases {
        world.liar.tell(lie);
        let mut browser = Browser::default();
        let page = world.go(scene, &mut browser, LIAR).await?;
        scene.status(&page.answer, 502, what)?;
        let reason = world.reason()?;
        scene.check(reason.contains(due), format!("refused for that: {reason}"))?;
        let me = world.whoami(scene, &mut browser).await?;
        scene.same("signed in", me, None)?;
    }
    let email = &world.liar.email;
    let unknown = scene.command_at(&world.here, &["user", "show", email]).await?;
    scene.check(!unknown.ok, "none of it made an account")?;
    scene.say("The same provider, and this time it says the truth.");
    world.liar.tell(&Lie::default());
    let mut browser = Browser::default();
    let page = world.go(scene, &mut browser, LIAR).await?;
    scene.same("signed in, at", page.url.as_str(), &world.at("/account"))?;
    let account = world.account(scene, email).await?;
    let me = world.whoami(scene, &mut browser).await?;
    scene.same("as the person it named", me, Some(text(&account, "id")))?;
    scene.observe(format!(
        "{} ID tokens with one lie each refused, each for that; without a lie the provider was taken",
        cases.len()
    ));
    Ok(())
}
