//! The scenarios, one file each, in one table. Registering one is adding its row here.

mod api_authentication;
mod authenticator;
mod authorization;
mod claims_validated;
mod cross_domain;
mod edge;
mod expiry_always;
mod https_always;
mod information_exchange;
mod key_rotation;
mod login;
mod magic_link;
mod minimal_payload;
mod mobile_app;
mod monitor_and_log;
mod multi_factor;
mod nothing_in_storage;
mod oidc;
mod one_time_code;
mod other_provider;
mod refresh;
mod refresh_tokens_safe;
mod revocation;
mod single_sign_on;
mod stateless;
mod step_up;
mod strong_algorithms;
mod strong_secrets;
mod token_tools;

use crate::scene::{Scene, Step, millis};
use crate::stage::Stage;
use anyhow::Result;
use countersign_verifier::Clock;
use futures_util::future::BoxFuture;
use serde::Serialize;

/// One row of the use cases.
pub(crate) struct Scenario {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// What a person sees work.
    pub(crate) works: &'static str,
    /// What is refused.
    pub(crate) refused: &'static str,
    play: for<'a, 's> fn(&'a mut Scene<'s>) -> BoxFuture<'a, Result<()>>,
}

/// Every row that works, in the order of the use cases.
pub(crate) const ALL: &[Scenario] = &[
    login::SCENARIO,
    single_sign_on::SCENARIO,
    api_authentication::SCENARIO,
    mobile_app::SCENARIO,
    oidc::SCENARIO,
    magic_link::SCENARIO,
    one_time_code::SCENARIO,
    multi_factor::SCENARIO,
    step_up::SCENARIO,
    refresh::SCENARIO,
    cross_domain::SCENARIO,
    stateless::SCENARIO,
    authorization::SCENARIO,
    information_exchange::SCENARIO,
    edge::SCENARIO,
    other_provider::SCENARIO,
    token_tools::SCENARIO,
    https_always::SCENARIO,
    expiry_always::SCENARIO,
    minimal_payload::SCENARIO,
    key_rotation::SCENARIO,
    refresh_tokens_safe::SCENARIO,
    nothing_in_storage::SCENARIO,
    strong_algorithms::SCENARIO,
    revocation::SCENARIO,
    claims_validated::SCENARIO,
    strong_secrets::SCENARIO,
    monitor_and_log::SCENARIO,
];

/// How a scenario went.
#[derive(Serialize, Debug)]
pub(crate) struct Story {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) passed: bool,
    /// What was observed, or what went wrong.
    pub(crate) observed: String,
    pub(crate) millis: u64,
    pub(crate) steps: Vec<Step>,
}

/// The row of that id.
pub(crate) fn find(id: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.id == id)
}

/// Plays one.
pub(crate) async fn play(stage: &Stage, scenario: &Scenario) -> Story {
    let started = stage.clock.elapsed();
    let mut scene = Scene::on(stage);
    let outcome = (scenario.play)(&mut scene).await;
    let (steps, observed) = scene.told();
    Story {
        id: scenario.id,
        title: scenario.title,
        passed: outcome.is_ok(),
        observed: outcome.map_or_else(|error| format!("{error:#}"), |()| observed),
        millis: millis(stage.clock.elapsed().saturating_sub(started)),
        steps,
    }
}
