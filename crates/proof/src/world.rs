//! A course of events, and what must hold after each.

use crate::chance::Chance;
use crate::issuer::{Flaw, Issuer};
use crate::relay::Relay;
use crate::tokens::Token;
use crate::verifier::Verifier;
use countersign_feed::head::SKEW;
use countersign_feed::{Kind, Need};
use std::fmt;

/// When every course begins, in milliseconds since 1970.
const START: i64 = 1_800_000_000_000;
const STEPS: usize = 220;
const USERS: usize = 12;
/// A healed world is in order after so many rounds.
const ROUNDS: usize = 60;

/// What a course went through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Course {
    /// Revocations that were acknowledged.
    pub revoked: usize,
    /// Of those: checks that one was refused under a head later than its acknowledgement.
    pub checked: usize,
    /// Restarts of the verifier.
    pub restarts: usize,
    /// Stores put back.
    pub restores: usize,
    /// Whether the verifier saw that the log was changed under it.
    pub forked: bool,
}

/// What did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The seed that shows it.
    pub seed: u64,
    /// After how many steps.
    pub step: usize,
    /// What.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, step {}: {}", self.seed, self.step, self.what)
    }
}

struct World {
    now: i64,
    issuer: Issuer,
    relay: Relay,
    verifier: Verifier,
    /// Somebody whom nobody revokes.
    bystander: Token,
    /// Hints are sent in this course.
    hints: bool,
    course: Course,
}

/// Runs one course.
pub fn simulate(seed: u64, flaw: Flaw) -> Result<Course, Broken> {
    let mut chance = Chance::new(seed);
    let issuer = Issuer::new(flaw);
    let mut world = World {
        now: START,
        verifier: Verifier::new(&issuer, START),
        issuer,
        relay: Relay::new(!chance.one_in(4)),
        bystander: Token::new(1_000_000, 1_000_000, Kind::Sid, START / 1000, START / 1000 + 1_000_000),
        hints: chance.one_in(4),
        course: Course::default(),
    };
    let broken = |step, what| Broken { seed, step, what };
    for step in 0..STEPS {
        world.now += chance.millis(700);
        world.step(&mut chance);
        world.check().map_err(|what| broken(step, what))?;
    }
    world.heal(&mut chance).map_err(|what| broken(STEPS, what))?;
    world.course.revoked = world.issuer.revocations.iter().filter(|r| r.acknowledged.is_some()).count();
    Ok(world.course)
}

impl World {
    fn step(&mut self, chance: &mut Chance) {
        match chance.below(100) {
            0..=11 => self.revoke(chance),
            12..=41 => self.sequence(chance),
            42..=66 => self.deliver(chance),
            67..=80 => {
                self.verifier.ask(&self.issuer, &self.relay, chance, self.now);
            }
            81..=87 => self.verifier.save(self.hints),
            88..=90 => {
                self.verifier.restart(&self.issuer, &mut self.relay, chance, self.now);
                self.course.restarts += 1;
            }
            91 => self.jump(chance),
            92 => self.issuer.back_up(),
            93 if chance.one_in(3) => {
                let (new_epoch, new_salt) = (!chance.one_in(4), chance.one_in(3));
                self.issuer.restore(new_epoch, new_salt);
                self.course.restores += 1;
            }
            94 => self.issuer.snapshot(self.now),
            95 => self.issuer.prune(),
            96 => self.issuer.coarsen(self.now),
            // Rules end, and heads grow old.
            97 => self.now += chance.millis(200_000),
            _ => {
                let wall = self.verifier.wall(self.now);
                self.verifier.follower().expire(wall);
            }
        }
    }

    fn revoke(&mut self, chance: &mut Chance) {
        const KINDS: [Kind; 8] =
            [Kind::Sid, Kind::Sid, Kind::Sid, Kind::Sub, Kind::Sub, Kind::Jti, Kind::Cid, Kind::Kid];
        let seconds = self.now.div_euclid(1000);
        let kind = *chance.pick(&KINDS).unwrap();
        let (iat, exp) = (seconds - chance.millis(60), seconds + 20 + chance.millis(600));
        let number = self.issuer.revocations.len();
        let hint = self.issuer.revoke(Token::new(number, chance.below(USERS), kind, iat, exp), self.now);
        if self.hints && chance.one_in(2) {
            self.verifier.follower().hint(&hint);
        }
    }

    fn sequence(&mut self, chance: &mut Chance) {
        let node = chance.below(2);
        let events = self.issuer.step(node, chance, self.now);
        self.relay.take(events);
    }

    fn deliver(&mut self, chance: &mut Chance) {
        for _ in 0..=chance.below(4) {
            let bytes = self.relay.deliver(chance, &self.issuer, &self.bystander, self.now);
            if let Some(bytes) = bytes {
                self.verifier.stream(&bytes, &mut self.relay, self.now);
            }
        }
    }

    fn jump(&mut self, chance: &mut Chance) {
        let ahead = match chance.below(5) {
            0 => 0,
            1 => chance.millis(8_000) - 4_000,
            2 => chance.millis(40_000_000),
            3 => -chance.millis(40_000_000),
            _ => -chance.millis(20_000),
        };
        self.verifier.set_clock(ahead);
    }

    /// What must hold at every moment.
    fn check(&mut self) -> Result<(), String> {
        let now = self.now;
        let proven = self.verifier.follower().proven().map(|head| head.as_of);
        for (number, revocation) in self.issuer.revocations.iter().enumerate() {
            if !revocation.token.lives(now) {
                self.verifier.refused.remove(&number);
                continue;
            }
            let refused = self.verifier.refuses(&revocation.token);
            let before = |as_of: i64| revocation.acknowledged.is_some_and(|done| done < as_of);
            if proven.is_some_and(before) && !revocation.lost {
                if !refused {
                    return Err(format!("revocation {number} is missing under a head as of {proven:?}"));
                }
                self.course.checked += 1;
            }
            if refused {
                self.verifier.refused.insert(number);
            } else if self.verifier.refused.contains(&number) {
                return Err(format!("revocation {number} was refused and is no more"));
            }
        }
        if self.verifier.refuses(&self.bystander) && !self.issuer.may_be_coarse(&self.bystander) {
            return Err("a token that nobody revoked is refused".into());
        }
        let age = self.verifier.view().age(self.verifier.elapsed(now));
        let skew = i64::try_from(SKEW.as_millis()).unwrap();
        if let (Some(as_of), Some(age), true) = (proven, age, self.verifier.furthest_behind >= -skew) {
            let age = i64::try_from(age.as_millis()).unwrap();
            if age + skew < now - as_of {
                return Err(format!("called {age} ms old, and is {} ms", now - as_of));
            }
        }
        self.course.forked |= self.verifier.view().status().forked;
        Ok(())
    }

    /// The relay carries, the clock is right, the store is in order: the verifier must soon be complete.
    fn heal(&mut self, chance: &mut Chance) -> Result<(), String> {
        self.relay.hostile = false;
        self.relay.disconnect();
        self.verifier.set_clock(0);
        if self.issuer.rolled_back {
            self.issuer.start_epoch(false);
        }
        for _ in 0..ROUNDS {
            self.now += 500;
            for _ in 0..3 {
                self.sequence(chance);
            }
            for _ in 0..3 {
                self.verifier.ask(&self.issuer, &self.relay, chance, self.now);
                self.check()?;
            }
        }
        let age = self.verifier.view().age(self.verifier.elapsed(self.now));
        let (need, position) = (self.verifier.follower().need(), self.issuer.position());
        let proven = self.verifier.follower().proven().map(|head| (head.epoch, head.seq));
        let fresh = age.is_some_and(|age| age.as_secs() < 10);
        if (proven, &need, fresh) == (Some(position), &Need::Nothing, true) {
            return Ok(());
        }
        Err(format!("proven {proven:?} of {position:?}, {age:?} old, wants {need:?} in a healed world"))
    }
}
