//! Where the registered claims (RFC 7519 4.1 and the few the policy knows) stand in a claim set: noted
//! while it is read, so that the policy judges the very bytes the claim type was filled from.

use super::names::tag;

/// The claims whose type is fixed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Registered {
    Iss,
    Sub,
    Aud,
    Exp,
    Nbf,
    Iat,
    Jti,
    ClientId,
    AuthTime,
}

impl Registered {
    pub(crate) const ALL: [Self; 9] = [
        Self::Iss,
        Self::Sub,
        Self::Aud,
        Self::Exp,
        Self::Nbf,
        Self::Iat,
        Self::Jti,
        Self::ClientId,
        Self::AuthTime,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Iss => "iss",
            Self::Sub => "sub",
            Self::Aud => "aud",
            Self::Exp => "exp",
            Self::Nbf => "nbf",
            Self::Iat => "iat",
            Self::Jti => "jti",
            Self::ClientId => "client_id",
            Self::AuthTime => "auth_time",
        }
    }

    const fn tag(self) -> u64 {
        tag(self.name().as_bytes())
    }

    fn of(tag: u64, name: &str) -> Option<Self> {
        const TAGS: [u64; 9] = {
            use Registered as R;
            [
                R::Iss.tag(),
                R::Sub.tag(),
                R::Aud.tag(),
                R::Exp.tag(),
                R::Nbf.tag(),
                R::Iat.tag(),
                R::Jti.tag(),
                R::ClientId.tag(),
                R::AuthTime.tag(),
            ]
        };
        let at = TAGS.iter().position(|t| *t == tag)?;
        Self::ALL.get(at).copied().filter(|claim| claim.name() == name)
    }
}

/// Byte positions of values; a value never stands at 0, where the brace is.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Marks([usize; 9]);

impl Marks {
    pub(super) fn note(&mut self, tag: u64, name: &str, at: usize) {
        if let Some(slot) = Registered::of(tag, name).and_then(|claim| self.0.get_mut(claim as usize)) {
            *slot = at;
        }
    }

    /// Where the claim's value begins; `None` when it is absent.
    pub(crate) fn of(&self, claim: Registered) -> Option<usize> {
        self.0.get(claim as usize).copied().filter(|at| *at != 0)
    }
}
