//! Codes and links on their way: one wins, five wrong tries end it, and each waits for its own flow.

use crate::fixture::event;
use crate::stage::{Stage, at_once};
use countersign_issuer::login::Purpose;
use countersign_issuer::model::{
    AskedFrom, Challenge, ChallengeId, Digest, EventKind, Factor, Sealed, UserId, Whose,
};
use countersign_issuer::port::challenge::Kind;
use countersign_issuer::port::{NewChallenge, Tried};
use std::sync::Arc;
use std::time::Duration;

const LIFE: Duration = Duration::from_secs(600);
const RIGHT: Digest = Digest([1; 32]);
const WRONG: Digest = Digest([2; 32]);

fn flow(n: u8) -> Digest {
    Digest([n; 32])
}

fn new(stage: &Stage, whose: Whose, factor: Factor, n: u8) -> NewChallenge {
    NewChallenge {
        id: ChallengeId::mint(&stage.entropy),
        whose,
        purpose: Purpose::Browser,
        factor,
        flow: flow(n),
        target: "ada@example.test".to_owned(),
        credential_version: 1,
        code: Some(RIGHT),
        link: None,
        payload: None,
        asked_from: AskedFrom { ip: "192.0.2.1".to_owned(), device: "Test browser".to_owned() },
        life: LIFE,
        most_flows: 3,
    }
}

fn kind(whose: &Whose, factor: Factor) -> Kind {
    Kind { whose: whose.clone(), purpose: Purpose::Browser, factor }
}

async fn ask(stage: &Stage, new: &NewChallenge) {
    stage.store.ask(new.clone(), event(EventKind::ChallengeSent)).await.unwrap();
}

async fn pending(stage: &Stage, kind: &Kind, flow: Option<&Digest>) -> Option<ChallengeId> {
    stage.store.pending(kind, flow).await.unwrap().it.map(|c| c.id)
}

async fn attempt(stage: &Stage, id: ChallengeId, code: &Digest) -> Tried {
    stage.store.try_code(id, code, event(EventKind::FactorFailed)).await.unwrap()
}

async fn ada(stage: &Stage) -> Whose {
    Whose::Person(stage.user("ada").await.id)
}

/// What is asked for reads back, by flow and by link; the code spends it, and the link with it.
pub async fn challenge_round_trip(stage: Stage) {
    let store = &stage.store;
    let whose = ada(&stage).await;
    let link = Digest([9; 32]);
    let asked = NewChallenge {
        link: Some(link),
        payload: Some(Sealed(vec![1, 2, 3])),
        ..new(&stage, whose.clone(), Factor::MagicLink, 1)
    };
    let mark = stage.mark().await;
    ask(&stage, &asked).await;
    assert_eq!(stage.kinds(mark).await, [EventKind::ChallengeSent]);
    let now = stage.clock.now();
    let due = Challenge {
        id: asked.id,
        whose: whose.clone(),
        purpose: asked.purpose,
        factor: asked.factor,
        flow: asked.flow,
        target: asked.target.clone(),
        credential_version: 1,
        payload: asked.payload.clone(),
        asked_from: asked.asked_from.clone(),
        created_at: now,
        expires_at: now + LIFE,
        tries: 0,
        spent_at: None,
    };
    for factor in [Factor::MagicLink, Factor::EmailCode] {
        let read = store.pending(&kind(&whose, factor), Some(&flow(1))).await.unwrap();
        assert_eq!((read.now, read.it.as_ref()), (now, Some(&due)), "a code beside a link is a mail code");
    }
    assert_eq!(store.link(&link).await.unwrap().it, Some(due.clone()));
    assert_eq!(store.link(&Digest([8; 32])).await.unwrap().it, None);

    let now = stage.clock.advance_seconds(1);
    assert_eq!(attempt(&stage, asked.id, &RIGHT).await, Tried::Right);
    assert_eq!(attempt(&stage, asked.id, &RIGHT).await, Tried::Ended, "once");
    assert_eq!(store.spend_link(&link, &flow(1)).await.unwrap().it, None, "the link went with it");
    assert_eq!(store.link(&link).await.unwrap().it, Some(Challenge { spent_at: Some(now), ..due }));
    assert_eq!(pending(&stage, &kind(&whose, Factor::EmailCode), None).await, None);
}

/// Nobody else's, for nothing else, by no other way, in no other flow.
pub async fn challenge_is_bound(stage: Stage) {
    let whose = ada(&stage).await;
    let bob = Whose::Person(stage.user("bob").await.id);
    let asked = new(&stage, whose.clone(), Factor::EmailCode, 1);
    ask(&stage, &asked).await;
    let mail = kind(&whose, Factor::EmailCode);
    assert_eq!(pending(&stage, &mail, Some(&flow(1))).await, Some(asked.id));
    assert_eq!(pending(&stage, &mail, None).await, Some(asked.id), "the newest flow's");
    let others = [
        (kind(&bob, Factor::EmailCode), flow(1)),
        (kind(&Whose::mailbox("ada@example.test"), Factor::EmailCode), flow(1)),
        (kind(&whose, Factor::SmsCode), flow(1)),
        (Kind { purpose: Purpose::Direct, ..mail.clone() }, flow(1)),
        (mail, flow(2)),
    ];
    for (kind, flow) in others {
        assert_eq!(pending(&stage, &kind, Some(&flow)).await, None, "{kind:?}");
    }
}

/// A newer one of the flow voids the older, whichever kind of mail; other flows go on, three at a time.
pub async fn challenge_one_a_flow(stage: Stage) {
    let whose = ada(&stage).await;
    let mail = kind(&whose, Factor::EmailCode);
    let link = Digest([9; 32]);
    let first = NewChallenge { link: Some(link), ..new(&stage, whose.clone(), Factor::MagicLink, 1) };
    ask(&stage, &first).await;
    let second = new(&stage, whose.clone(), Factor::EmailCode, 1);
    ask(&stage, &second).await;
    assert_eq!(attempt(&stage, first.id, &RIGHT).await, Tried::Ended, "the old code died");
    assert_eq!(stage.store.spend_link(&link, &flow(1)).await.unwrap().it, None, "and its link");
    assert_eq!(pending(&stage, &mail, Some(&flow(1))).await, Some(second.id));

    let mut ids = vec![second.id];
    for n in 2..=4 {
        let next = new(&stage, whose.clone(), Factor::EmailCode, n);
        ask(&stage, &next).await;
        assert_eq!(pending(&stage, &mail, None).await, Some(next.id), "the newest, in the same millisecond");
        ids.push(next.id);
    }
    assert_eq!(attempt(&stage, ids[0], &RIGHT).await, Tried::Ended, "the oldest of four flows is void");
    for id in &ids[1..] {
        assert_eq!(attempt(&stage, *id, &RIGHT).await, Tried::Right);
    }
}

/// Five wrong codes end it; each is written. A decoy counts the same, and nothing is right.
pub async fn challenge_tries(stage: Stage) {
    let whose = ada(&stage).await;
    let link = Digest([9; 32]);
    let real = NewChallenge { link: Some(link), ..new(&stage, whose, Factor::MagicLink, 1) };
    let decoy =
        NewChallenge { code: None, ..new(&stage, Whose::mailbox("No@example.test"), Factor::EmailCode, 1) };
    for asked in [&real, &decoy] {
        ask(&stage, asked).await;
        let mark = stage.mark().await;
        for left in [4, 3, 2, 1, 0] {
            assert_eq!(attempt(&stage, asked.id, &WRONG).await, Tried::Wrong { left });
        }
        assert_eq!(attempt(&stage, asked.id, &RIGHT).await, Tried::Ended, "too late to be right");
        assert_eq!(stage.kinds(mark).await, [EventKind::FactorFailed; 5]);
        assert_eq!(pending(&stage, &kind(&asked.whose, Factor::EmailCode), None).await, None);
    }
    let opened = stage.store.spend_link(&link, &flow(1)).await.unwrap().it;
    assert_eq!(opened.map(|c| c.id), Some(real.id), "who guesses codes does not spoil the link");
    let decoy =
        NewChallenge { code: None, ..new(&stage, Whose::mailbox("no@example.test"), Factor::EmailCode, 2) };
    ask(&stage, &decoy).await;
    assert_eq!(attempt(&stage, decoy.id, &RIGHT).await, Tried::Wrong { left: 4 });
}

/// 64 at once: of right codes one wins, of wrong ones five are counted, of uses of a link one.
pub async fn challenge_64_at_once(stage: Stage) {
    let whose = ada(&stage).await;
    let tried = async |code: Digest, n: u8| {
        let asked = new(&stage, whose.clone(), Factor::EmailCode, n);
        ask(&stage, &asked).await;
        at_once(64, |_| {
            let store = Arc::clone(&stage.store);
            async move { store.try_code(asked.id, &code, event(EventKind::FactorFailed)).await.unwrap() }
        })
        .await
    };
    let right = tried(RIGHT, 1).await;
    assert_eq!(right.iter().filter(|t| **t == Tried::Right).count(), 1);
    assert_eq!(right.iter().filter(|t| **t == Tried::Ended).count(), 63);
    let wrong = tried(WRONG, 2).await;
    assert_eq!(wrong.iter().filter(|t| matches!(t, Tried::Wrong { .. })).count(), 5);
    assert_eq!(wrong.iter().filter(|t| **t == Tried::Ended).count(), 59);

    let link = Digest([9; 32]);
    ask(&stage, &NewChallenge { link: Some(link), ..new(&stage, whose.clone(), Factor::MagicLink, 3) }).await;
    let opened = at_once(64, |_| {
        let store = Arc::clone(&stage.store);
        async move { store.spend_link(&link, &flow(3)).await.unwrap().it }
    })
    .await;
    assert_eq!(opened.iter().flatten().count(), 1);
}

/// A link is used in its own flow, in time, and not after it was voided; its page stays for an hour.
pub async fn challenge_link(stage: Stage) {
    let store = &stage.store;
    let whose = ada(&stage).await;
    let link = |n: u8| Digest([100 + n; 32]);
    for n in 1..=3 {
        ask(
            &stage,
            &NewChallenge { link: Some(link(n)), ..new(&stage, whose.clone(), Factor::MagicLink, n) },
        )
        .await;
    }
    assert_eq!(store.spend_link(&link(1), &flow(2)).await.unwrap().it, None, "another flow's");
    assert!(store.spend_link(&link(1), &flow(1)).await.unwrap().it.is_some());
    let second = store.link(&link(2)).await.unwrap().it.unwrap();
    let mark = stage.mark().await;
    assert!(store.void_challenge(second.id, event(EventKind::ChallengeVoided)).await.unwrap());
    assert!(!store.void_challenge(second.id, event(EventKind::ChallengeVoided)).await.unwrap());
    assert_eq!(stage.kinds(mark).await, [EventKind::ChallengeVoided]);
    assert_eq!(store.spend_link(&link(2), &flow(2)).await.unwrap().it, None, "voided");
    assert_eq!(attempt(&stage, second.id, &RIGHT).await, Tried::Ended, "and its code");

    stage.clock.advance(LIFE);
    assert_eq!(store.spend_link(&link(3), &flow(3)).await.unwrap().it, None, "too late");
    stage.clock.advance_seconds(3599);
    assert!(store.link(&link(3)).await.unwrap().it.is_some(), "a page can say so");
    stage.clock.advance_seconds(1);
    assert!(store.link(&link(3)).await.unwrap().it.is_none());
    assert_eq!(store.sweep(1).await.unwrap(), 1, "at most so many");
    assert_eq!(store.sweep(100).await.unwrap(), 2);
}

/// Void at the end of its life, by the person's other doings, and with the person.
pub async fn challenge_ends(stage: Stage) {
    let store = &stage.store;
    let whose = ada(&stage).await;
    let Whose::Person(user) = &whose else { panic!("{whose:?}") };
    let mail = kind(&whose, Factor::EmailCode);
    ask(&stage, &new(&stage, whose.clone(), Factor::EmailCode, 1)).await;
    stage.clock.advance(LIFE - Duration::from_millis(1));
    assert!(pending(&stage, &mail, None).await.is_some());
    stage.clock.advance(Duration::from_millis(1));
    assert_eq!(pending(&stage, &mail, None).await, None);

    ask(&stage, &new(&stage, whose.clone(), Factor::EmailCode, 2)).await;
    store.void_challenges(user, Purpose::Direct).await.unwrap();
    assert!(pending(&stage, &mail, None).await.is_some(), "another purpose's");
    store.void_challenges(user, Purpose::Browser).await.unwrap();
    assert_eq!(pending(&stage, &mail, None).await, None);

    let mark = stage.mark().await;
    ask(&stage, &new(&stage, Whose::Person(UserId::mint(&stage.entropy)), Factor::EmailCode, 3)).await;
    assert_eq!(stage.mark().await, mark, "nothing for somebody who is gone");
}
