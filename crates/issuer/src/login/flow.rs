//! `next`: the pure function pages, direct API and step-up all ask.

use super::{Factor, Proof, Purpose};
use crate::model::User;
use crate::model::session::Authentication;
use countersign_token::Timestamp;
use std::time::Duration;

/// What is asked of the person.
#[derive(Clone, Debug)]
pub struct Asked {
    /// For what.
    pub purpose: Purpose,
    /// In which flow.
    pub flow: String,
}

/// What the house demands.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Factors that may come first.
    pub first: Vec<Factor>,
    /// How old a proof may be, in seconds.
    pub proof_life: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { first: vec![Factor::Password], proof_life: 600 }
    }
}

/// What comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// One of these is still due.
    NeedFactor(Vec<Factor>),
    /// Signed in.
    Done(Authentication),
    /// Never.
    Refused(&'static str),
}

impl Factor {
    /// RFC 8176.
    fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
        }
    }
}

/// Decides from the account and the proofs so far. A proof of another person, for another purpose, of
/// another flow, against credentials since changed, or too old is no proof.
pub fn next(account: &User, proofs: &[Proof], asked: &Asked, policy: &Policy, now: Timestamp) -> Step {
    if !account.is_active() {
        return Step::Refused("disabled");
    }
    let life = Duration::from_secs(policy.proof_life.into());
    let good = |proof: &&Proof| {
        proof.user == account.id
            && proof.purpose == asked.purpose
            && proof.flow == asked.flow
            && proof.credential_version == account.credential_version
            && now < proof.at + life
            && policy.first.contains(&proof.factor)
    };
    let mut good = proofs.iter().filter(good).peekable();
    if good.peek().is_none() {
        return Step::NeedFactor(policy.first.clone());
    }
    let (mut auth_time, mut amr) = (Timestamp::from_millis(i64::MIN), Vec::new());
    for proof in good {
        auth_time = auth_time.max(proof.at);
        let method = proof.factor.amr().to_owned();
        if !amr.contains(&method) {
            amr.push(method);
        }
    }
    Step::Done(Authentication { auth_time, acr: "urn:countersign:1".into(), amr })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Subject, UserId, UserState};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn account(id: &str) -> User {
        User {
            id: UserId::from_stored(id),
            email: "a@example.test".into(),
            email_verified: true,
            username: None,
            name: None,
            roles: Vec::new(),
            state: UserState::Active,
            credential_version: 3,
            cutoff: None,
            created_at: at(-100),
            updated_at: at(-100),
        }
    }

    fn proof() -> Proof {
        Proof {
            factor: Factor::Password,
            user: UserId::from_stored("u_a"),
            purpose: Purpose::Browser,
            flow: "f".into(),
            credential_version: 3,
            at: at(0),
            subject: Subject { user: account("u_a"), roles: Vec::new() },
        }
    }

    #[test]
    fn a_proof_is_good_for_what_it_was_made_for_only() {
        let asked = Asked { purpose: Purpose::Browser, flow: "f".into() };
        let policy = Policy::default();
        let need = Step::NeedFactor(vec![Factor::Password]);
        let done = |auth_time| {
            Step::Done(Authentication { auth_time, acr: "urn:countersign:1".into(), amr: vec!["pwd".into()] })
        };
        let me = account("u_a");
        let disabled = User { state: UserState::Disabled { at: at(0) }, ..me.clone() };
        let table: Vec<(&str, &User, Vec<Proof>, i64, Step)> = vec![
            ("nothing yet", &me, vec![], 0, need.clone()),
            ("proven", &me, vec![proof()], 1, done(at(0))),
            ("the last proof counts", &me, vec![proof(), Proof { at: at(5), ..proof() }], 6, done(at(5))),
            ("just in time", &me, vec![proof()], 599, done(at(0))),
            ("too old", &me, vec![proof()], 600, need.clone()),
            (
                "another person's",
                &me,
                vec![Proof { user: UserId::from_stored("u_b"), ..proof() }],
                1,
                need.clone(),
            ),
            ("for the direct API", &me, vec![Proof { purpose: Purpose::Direct, ..proof() }], 1, need.clone()),
            ("of another flow", &me, vec![Proof { flow: "g".into(), ..proof() }], 1, need.clone()),
            (
                "credentials changed since",
                &me,
                vec![Proof { credential_version: 2, ..proof() }],
                1,
                need.clone(),
            ),
            ("disabled", &disabled, vec![proof()], 1, Step::Refused("disabled")),
        ];
        for (name, account, proofs, now, due) in table {
            assert_eq!(next(account, &proofs, &asked, &policy, at(now)), due, "{name}");
        }
        let none = Policy { first: vec![], ..policy };
        assert_eq!(
            next(&me, &[proof()], &asked, &none, at(1)),
            Step::NeedFactor(vec![]),
            "not a first factor"
        );
    }
}
