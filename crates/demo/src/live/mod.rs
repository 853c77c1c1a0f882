//! The live picture: verifiers that each hear of revocations by a connection of their own, a token that all
//! of them accept, and what each of them says of it from moment to moment.

mod act;
mod routes;
mod tile;

pub(crate) use routes::{Live, routes};

use crate::relay::Relay;
use crate::stage::Stage;
use act::{Act, Deed};
use anyhow::Result;
use countersign_verifier::HttpFetch;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tile::{Lost, Shown, Tile};
use tokio::sync::{Mutex, watch};

/// Verifiers shown.
const TILES: usize = 48;
/// How many of them hang on the cable that can be cut.
const CUTTABLE: usize = 9;
/// How old what they know may get before the rule of their route decides.
const HARD: Duration = Duration::from_secs(3);

/// The picture's verifiers and the token they judge.
pub(crate) struct Wall {
    stage: Arc<Stage>,
    tiles: Vec<Arc<Tile>>,
    cable: Relay,
    act: watch::Sender<Arc<Act>>,
    /// One button at a time.
    turn: Mutex<()>,
    /// Something is to be drawn again.
    changed: watch::Sender<()>,
}

/// What a button asks for.
#[derive(Clone, Copy)]
enum Doing {
    Revoke(Deed),
    Cut,
    Heal,
    Renew,
}

/// The picture at one moment, in words.
#[derive(Serialize)]
pub(crate) struct Picture {
    person: String,
    token: String,
    summary: String,
    /// `good`, `bad` or nothing.
    mood: &'static str,
    receipt: String,
    cuttable: usize,
    hard: u64,
    tiles: Vec<Shown>,
}

impl Wall {
    /// Starts the verifiers and gives them a token.
    async fn hang(stage: Arc<Stage>) -> Result<Arc<Self>> {
        let act = watch::Sender::new(Arc::new(Act::new(&stage).await?));
        let cable = Relay::to(&[stage.places.issuer_listen]).await?;
        // Documents may share connections; every stream has one of its own.
        let fetch = HttpFetch::new()?;
        let rules = [Lost::Closed, Lost::Open, Lost::Introspect];
        let mut tiles = Vec::with_capacity(TILES);
        for at in 0..TILES {
            let on_cable = at >= TILES - CUTTABLE;
            let rule = rules.get(at % rules.len()).copied().filter(|_| on_cable).unwrap_or(Lost::Closed);
            let cable = on_cable.then(|| cable.address());
            tiles.push(Tile::start(&stage, fetch.clone(), rule, cable)?);
        }
        let changed = watch::Sender::new(());
        for tile in &tiles {
            tokio::spawn(Arc::clone(tile).judge(act.subscribe(), changed.clone()));
        }
        Ok(Arc::new(Self { stage, tiles, cable, act, turn: Mutex::default(), changed }))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Does what a button asks for. A token is revoked once.
    async fn press(self: Arc<Self>, doing: Doing) -> Result<()> {
        let _turn = self.turn.lock().await;
        match doing {
            Doing::Cut => self.cable.cut(),
            Doing::Heal => self.cable.heal(),
            Doing::Renew => self.turn_to(Act::new(&self.stage).await?),
            Doing::Revoke(deed) => {
                let act = Arc::clone(&self.act.borrow());
                if let Some(done) = act.with(deed, &self.stage).await? {
                    self.turn_to(done.clone());
                    let wall = Arc::clone(&self);
                    tokio::spawn(async move { wall.receive(done).await });
                }
            }
        }
        self.changed.send_replace(());
        Ok(())
    }

    fn turn_to(&self, act: Act) {
        self.act.send_replace(Arc::new(act));
    }

    /// Shows the receipt, unless there is another token by then.
    async fn receive(&self, done: Act) {
        let receipt = done.ask_receipt(&self.stage, TILES).await;
        let text = receipt.unwrap_or_else(|error| format!("No receipt: {error:#}"));
        self.act.send_if_modified(|act| {
            let same = act.jti() == done.jti();
            if same {
                *act = Arc::new(act.received(text));
            }
            same
        });
        self.changed.send_replace(());
    }

    /// The picture now.
    pub(crate) fn picture(&self) -> Picture {
        let act = Arc::clone(&self.act.borrow());
        let tiles: Vec<_> = self.tiles.iter().map(|tile| tile.shown(&act)).collect();
        let (summary, mood) = act.summary(&tiles, self.cable.is_cut());
        Picture {
            person: act.person().to_owned(),
            token: act.token_shown(),
            summary,
            mood,
            receipt: act.receipt().unwrap_or_default().to_owned(),
            cuttable: CUTTABLE,
            hard: HARD.as_secs(),
            tiles,
        }
    }
}
