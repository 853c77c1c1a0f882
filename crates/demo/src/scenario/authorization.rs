//! UC-14: roles and permissions in claims decide, at the service.

use crate::cast::{MOBILE, Person};
use crate::http::{Answer, Ask, Browser};
use crate::scenario::Scenario;
use crate::scene::Scene;
use anyhow::Result;
use serde_json::{Value, json};

pub(super) const SCENARIO: Scenario = Scenario {
    id: "UC-14",
    title: "Authorization",
    works: "An administrator's page, a role-limited API and a scope that only a role grants.",
    refused: "The same person without the role: 403 that names what is missing.",
    play: |scene| Box::pin(play(scene)),
};

async fn play(scene: &mut Scene<'_>) -> Result<()> {
    let places = scene.places();
    let admin = format!("{}/api/admin", places.users);
    let rename = format!("{}/api/users/rename", places.users);

    scene.say("Somebody new, without a role.");
    let guest = Person::stranger()?;
    scene.stage.admit(&guest).await?;
    let token = scene.login(&guest, MOBILE, json!({})).await?.text("access_token")?;
    let refused = scene.send(Ask::get(&admin).bearer(&token)).await?;
    lacks_role(scene, &refused)?;
    let refused = scene.send(Ask::post(&rename).bearer(&token)).await?;
    scene.status(&refused, 403, "a scope that only the role grants")?;
    scene.same("missing", refused.json()?.get("missing_scopes").cloned(), Some(json!(["users:write"])))?;
    let page = admin_page(scene, &guest).await?;
    scene.status(&page, 403, "the administrators' page")?;
    scene.check(page.body.contains("admin"), "the page names the role")?;

    scene.say("The same person is made an administrator and signs in again.");
    scene.command(&["role", "assign", &guest.username, "admin"]).await?.success()?;
    let token = scene.login(&guest, MOBILE, json!({})).await?.text("access_token")?;
    for ask in [Ask::get(&admin), Ask::post(&rename)] {
        let what = format!("{} {}", ask.method, ask.url);
        let answer = scene.send(ask.bearer(&token)).await?;
        scene.status(&answer, 200, &what)?;
    }
    let page = admin_page(scene, &guest).await?;
    scene.status(&page, 200, "the administrators' page")?;

    scene.say("The role is taken away again.");
    scene.command(&["role", "unassign", &guest.username, "admin"]).await?.success()?;
    let token = scene.login(&guest, MOBILE, json!({})).await?.text("access_token")?;
    let refused = scene.send(Ask::get(&admin).bearer(&token)).await?;
    lacks_role(scene, &refused)?;
    scene.observe("page, API and scope open with the role; without it 403 names role and scope");
    Ok(())
}

fn lacks_role(scene: &mut Scene<'_>, answer: &Answer) -> Result<()> {
    scene.status(answer, 403, "the administrators' API")?;
    scene.same("missing", answer.json()?.get("missing_roles").cloned(), Some(Value::from(vec!["admin"])))?;
    let named =
        answer.challenge().contains("error=\"insufficient_scope\"") && answer.challenge().contains("admin");
    scene.check(named, "WWW-Authenticate names it, too")
}

async fn admin_page(scene: &mut Scene<'_>, who: &Person) -> Result<Answer> {
    let mut browser = Browser::default();
    let page = browser.open(scene, &format!("{}/login", scene.places().users)).await?;
    browser.sign_in(scene, page, who).await?;
    Ok(browser.open(scene, &format!("{}/admin", scene.places().users)).await?.answer)
}
