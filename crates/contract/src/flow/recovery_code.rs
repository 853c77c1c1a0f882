//! Recovery codes: made, used, made again.

use super::house::{House, caller, code};
use crate::Stage;
use countersign_issuer::account::enrol::recovery_code as enrol;
use countersign_issuer::login::{Proof, Purpose, recovery_code};
use countersign_issuer::model::message::Noticed;
use countersign_issuer::model::{Account, EventKind, Secret, User};
use countersign_issuer::{Code, Result};
use std::collections::BTreeSet;

async fn account(house: &House, user: &User) -> Account {
    house.stage.store.account(&user.id).await.unwrap().it.unwrap()
}

async fn prove(house: &House, user: &User, typed: &str) -> Result<Proof> {
    let has = account(house, user).await;
    let typed = Secret::new(typed);
    recovery_code::prove(&house.issuer, &has, &typed, Purpose::Browser, "flow", &caller(1)).await
}

/// Ten, each good once, typed as people type; the person is told, with how many are left.
pub async fn recovery_codes_are_good_once(stage: Stage) {
    let house = House::new(stage).await;
    let nora = house.person("nora").await;
    assert_eq!(code(prove(&house, &nora, "ABCD-EFGH-JKLM").await), Code::MethodUnavailable);
    let codes = enrol::make(&house.issuer, &nora, None, &caller(1)).await.unwrap();
    let set: BTreeSet<&str> = codes.iter().map(Secret::expose).collect();
    assert_eq!(set.len(), 10, "all different");
    for code in &set {
        let letters: Vec<char> = code.chars().filter(|c| *c != '-').collect();
        assert!(letters.len() >= 10, "at least 50 bits");
        assert!(letters.iter().all(|c| "23456789ABCDEFGHJKLMNPQRSTUVWXYZ".contains(*c)), "{code}");
    }
    let typed = |n: usize| codes[n].expose().to_owned();
    let ways = [
        typed(0),
        typed(1).to_lowercase(),
        typed(2).replace('-', ""),
        typed(3).replace('-', " "),
        format!("  {} ", typed(4).replace('-', "\u{2013}")),
    ];
    assert_eq!(house.told().await, [(Noticed::RecoveryCodesMade, None)]);
    let mark = house.stage.mark().await;
    for (n, way) in ways.iter().enumerate() {
        prove(&house, &nora, way).await.unwrap();
        assert_eq!(code(prove(&house, &nora, way).await), Code::InvalidCode, "{way:?} again");
        let left = account(&house, &nora).await.enrolled.recovery_codes;
        assert_eq!(usize::from(left), 9 - n);
        assert_eq!(house.told().await, [(Noticed::RecoveryCodeUsed, Some(left.to_string()))]);
    }
    let used =
        house.stage.kinds(mark).await.into_iter().filter(|k| *k == EventKind::RecoveryCodeUsed).count();
    assert_eq!(used, 5);

    let stale = enrol::make(&house.issuer, &nora, None, &caller(1)).await;
    assert_eq!(code(stale), Code::Conflict, "decided by what is not so any more");
    assert!(house.told().await.is_empty(), "nothing changed");
    let nora = account(&house, &nora).await.subject.user;
    let new = enrol::make(&house.issuer, &nora, None, &caller(1)).await.unwrap();
    assert_eq!(code(prove(&house, &nora, &typed(9)).await), Code::InvalidCode, "void with the new set");
    prove(&house, &nora, new[0].expose()).await.unwrap();
}

/// Nobody else's, and nothing that is no code.
pub async fn recovery_codes_are_ones_own(stage: Stage) {
    let house = House::new(stage).await;
    let (nora, ida) = (house.person("nora").await, house.person("ida").await);
    let hers = enrol::make(&house.issuer, &ida, None, &caller(1)).await.unwrap();
    enrol::make(&house.issuer, &nora, None, &caller(1)).await.unwrap();
    assert_eq!(code(prove(&house, &nora, hers[0].expose()).await), Code::InvalidCode);
    for typed in ["", "-", "123456", &"A".repeat(13), &"A".repeat(100_000), "\u{0}", "' OR 1=1 --"] {
        let done = code(prove(&house, &nora, typed).await);
        assert_eq!(done, Code::InvalidCode, "{:?}", typed.get(..20).unwrap_or(typed));
        house.stage.clock.advance_seconds(600);
    }
    prove(&house, &ida, hers[0].expose()).await.unwrap();
    assert_eq!(account(&house, &nora).await.enrolled.recovery_codes, 10);
}

/// Guesses at a recovery code and at the app are counted together.
pub async fn recovery_code_guessing(stage: Stage) {
    let house = House::new(stage).await;
    let nora = house.person("nora").await;
    let codes = enrol::make(&house.issuer, &nora, None, &caller(1)).await.unwrap();
    let wrong = "AAAA-AAAA-AAAA";
    let mut last = Code::InvalidCode;
    for _ in 0..20 {
        last = code(prove(&house, &nora, wrong).await);
    }
    assert_eq!(last, Code::TooManyAttempts);
    assert_eq!(code(prove(&house, &nora, codes[0].expose()).await), Code::TooManyAttempts);
}
