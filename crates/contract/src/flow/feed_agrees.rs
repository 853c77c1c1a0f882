//! A random program of issuing and revoking: what the feed tells a verifier and what introspection answers is
//! the same, token by token, after every step.

use super::direct::tokens;
use super::feed::{Reader, covered};
use super::{API, ISSUER, PASSWORD, World, caller, claims};
use crate::SeededEntropy;
use crate::stage::Stage;
use countersign_feed::Kind;
use countersign_issuer::admin::{self, revoke::What};
use countersign_issuer::direct;
use countersign_issuer::model::Secret;
use countersign_issuer::oauth::{bearer, issue::TokenResponse};
use countersign_issuer::{Failure, Issuer, Settings};
use std::sync::Arc;

const STEPS: usize = 150;
/// Of the tokens made, so many are asked about.
const ASKED: usize = 24;

struct Play {
    world: World,
    other: Arc<Issuer>,
    dice: SeededEntropy,
    held: Vec<TokenResponse>,
}

/// A token that could not be made is no token: the cutoff of a moment ago is waited out by the asker.
fn made(answer: Result<TokenResponse, Failure>) -> Option<TokenResponse> {
    match answer {
        Ok(tokens) => Some(tokens),
        Err(Failure::Unavailable(_) | Failure::Rejected(_)) => None,
        Err(bug) => panic!("{bug}"),
    }
}

impl Play {
    /// One of so many.
    fn at(&self, count: usize) -> usize {
        usize::try_from(self.dice.below(count as u64)).unwrap()
    }

    async fn issue(&mut self) {
        let name = ["ada", "bob"][self.at(2)];
        let made = match self.dice.below(3) {
            0 => {
                let form = [("grant_type", "client_credentials"), ("resource", API)];
                made(self.world.token("svc", &form).await)
            }
            1 if !self.held.is_empty() => {
                let at = self.at(self.held.len());
                match self.held[at].refresh_token.clone() {
                    Some(token) => made(self.world.refresh("mobile", &token).await),
                    None => None,
                }
            }
            _ => {
                let ask = direct::Login {
                    username: name.to_owned(),
                    password: Secret::new(PASSWORD),
                    wish: direct::Wish {
                        client_id: Some("mobile".to_owned()),
                        resource: vec![API.to_owned()],
                        ..direct::Wish::default()
                    },
                };
                made(direct::login(&self.world.issuer, ask, &caller()).await.map(tokens))
            }
        };
        self.held.extend(made);
        let surplus = self.held.len().saturating_sub(ASKED);
        self.held.drain(..surplus);
    }

    async fn revoke(&mut self) {
        let Some(at) = (!self.held.is_empty()).then(|| self.at(self.held.len())) else {
            return;
        };
        let token = self.held[at].access_token.clone();
        let said = claims(&token);
        let text = |name: &str| said[name].as_str().unwrap_or("none").to_owned();
        let what = match self.dice.below(12) {
            0..3 => What::Token(Secret::new(token)),
            3..5 => What::Jti(text("jti")),
            5..8 => What::Session(text("sid")),
            8 => What::User(["ada", "bob"][self.at(2)].to_owned()),
            9 => What::Client(text("client_id")),
            10 => What::Key(super::header(&token)["kid"].as_str().unwrap().to_owned()),
            _ => {
                let bob = "bob";
                admin::users::disable(&self.world.issuer, bob).await.unwrap();
                return admin::users::enable(&self.world.issuer, bob).await.unwrap();
            }
        };
        // On either node; what is revoked already, or is no session, is refused.
        let node = [&self.world.issuer, &self.other][self.at(2)];
        match admin::revoke::revoke(node, what).await {
            Ok(_) | Err(Failure::Rejected(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }

    async fn step(&mut self) {
        match self.dice.below(20) {
            0..9 => self.issue().await,
            9..14 => self.revoke().await,
            14..19 => {
                self.world.clock().advance(std::time::Duration::from_millis(self.dice.below(3_000)));
            }
            _ => {
                self.world.clock().advance_seconds(self.dice.below(400));
            }
        }
        if self.dice.below(4) == 0 {
            self.world.issuer.tend().await.unwrap();
        }
        for node in [&self.world.issuer, &self.other] {
            node.follow().await.unwrap();
        }
    }

    /// Asks everybody about every token that lives; answers how many of them are revoked.
    async fn agree(&self, why: &str, readers: &mut [(Reader, &Issuer)]) -> usize {
        let now = self.world.clock().now();
        let mut revoked = 0;
        for (who, (reader, node)) in readers.iter_mut().enumerate() {
            let view = reader.read(node, now).await;
            for tokens in &self.held {
                let token = &tokens.access_token;
                if claims(token)["exp"].as_i64().unwrap() <= now.seconds() {
                    continue;
                }
                let active = self.world.active("watcher", token).await;
                let elsewhere = bearer::access_token(&self.other, token).await.is_ok();
                let what = format!("{why}, reader {who}: {}", claims(token));
                assert_eq!(active, elsewhere, "{what}");
                assert_eq!(active, !covered(&view, token), "{what}");
                revoked += usize::from(!active);
            }
        }
        revoked
    }
}

async fn program(world: World, seed: u64) -> usize {
    let other = world.another().await;
    let mut play = Play { world, other, dice: SeededEntropy::new(seed), held: Vec::new() };
    let (a, b) = (Arc::clone(&play.world.issuer), Arc::clone(&play.other));
    for node in [&a, &b] {
        node.follow().await.unwrap();
    }
    let mut readers = [(Reader::new(&a), &*a), (Reader::new(&b), &*b)];
    let mut revoked = 0;
    for step in 0..STEPS {
        play.step().await;
        revoked += play.agree(&format!("seed {seed}, step {step}"), &mut readers).await;
        if step % 20 == 19 {
            // One that starts now knows as much.
            readers[1] = (Reader::new(&b), &*b);
        }
    }
    revoked
}

/// The feed and introspection agree.
pub async fn feed_agrees(stage: Stage) {
    assert!(program(World::new(stage).await, 1).await > 100, "hardly anything was revoked");
}

/// With so few rules allowed that they are put together again and again, they still agree.
pub async fn feed_agrees_in_little_room(stage: Stage) {
    let settings = Settings { max_rules: 3, ..Settings::new(ISSUER) };
    let world = World::with(stage, settings).await;
    let issuer = Arc::clone(&world.issuer);
    assert!(program(world, 2).await > 100, "hardly anything was revoked");
    let rules = super::feed::log(&issuer, 1, 0).await;
    assert!(rules.iter().filter(|rule| rule.kind == Kind::Coarse).count() > 2);
}
