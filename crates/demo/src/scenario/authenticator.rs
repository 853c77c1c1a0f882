//! An authenticator app on a person's phone, for the scenarios with a second factor.

use crate::cast::Person;
use crate::http::{Browser, Page};
use crate::scene::Scene;
use anyhow::{Result, anyhow};
use countersign_verifier::Clock;
use totp_rs::Totp;

/// Seconds of a step (RFC 6238 5.2).
const STEP: i64 = 30;

/// The app. A code is good once, and so are all before it: whoever needs one more takes the next step's, which
/// counts already (RFC 6238 5.2: clocks differ).
pub(super) struct Authenticator {
    app: Totp,
}

impl Authenticator {
    /// Sets one up on the account pages, as a person does who is signed in there.
    pub(super) async fn set_up(scene: &mut Scene<'_>, browser: &mut Browser) -> Result<Self> {
        scene.say("On the account page a phone scans the QR code, and the code it shows is typed.");
        let page = browser.open(scene, &format!("{}/account/totp", scene.places().issuer)).await?;
        let link = page.link("otpauth://")?;
        let this = Self { app: Totp::from_url(&link).map_err(|e| anyhow!("{e}"))? };
        let key = page.answer.body.split_once("class=\"key\">").and_then(|(_, tail)| tail.split_once('<'));
        let typed = key.map(|(key, _)| key.replace(' ', "")).unwrap_or_default();
        scene.check(!typed.is_empty() && link.contains(&typed), "the key to type is the same")?;
        let done = this.typed(scene, browser, &page, "/account/totp", &this.now(scene)?).await?;
        scene.status(&done.answer, 200, "the app is set up")?;
        Ok(this)
    }

    /// Signs in with a password first.
    pub(super) async fn of(scene: &mut Scene<'_>, who: &Person) -> Result<Self> {
        let mut browser = Browser::default();
        let page = browser.open(scene, &format!("{}/login", scene.places().issuer)).await?;
        browser.sign_in(scene, page, who).await?;
        Self::set_up(scene, &mut browser).await
    }

    /// Types a code into a form of a page.
    pub(super) async fn typed(
        &self,
        scene: &mut Scene<'_>,
        browser: &mut Browser,
        page: &Page,
        path: &str,
        code: &str,
    ) -> Result<Page> {
        let form = page.form_to(path)?;
        browser.submit(scene, page, form, &[("code", code)]).await
    }

    /// What the phone shows.
    pub(super) fn now(&self, scene: &Scene<'_>) -> Result<String> {
        self.at(scene, 0)
    }

    /// What it shows next.
    pub(super) fn next(&self, scene: &Scene<'_>) -> Result<String> {
        self.at(scene, STEP)
    }

    fn at(&self, scene: &Scene<'_>, ahead: i64) -> Result<String> {
        let at = u64::try_from(scene.stage.clock.now().seconds() + ahead)?;
        Ok(self.app.generate(at).to_string())
    }
}
