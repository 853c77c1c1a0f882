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

    #[inline]
    fn of(tag: u64, name: &str) -> Option<Self> {
        const ISS: u64 = Registered::Iss.tag();
        const SUB: u64 = Registered::Sub.tag();
        const AUD: u64 = Registered::Aud.tag();
        const EXP: u64 = Registered::Exp.tag();
        const NBF: u64 = Registered::Nbf.tag();
        const IAT: u64 = Registered::Iat.tag();
        const JTI: u64 = Registered::Jti.tag();
        const CLIENT_ID: u64 = Registered::ClientId.tag();
        const AUTH_TIME: u64 = Registered::AuthTime.tag();
        Some(match tag {
            ISS => Self::Iss,
            SUB => Self::Sub,
            AUD => Self::Aud,
            EXP => Self::Exp,
            NBF => Self::Nbf,
            IAT => Self::Iat,
            JTI => Self::Jti,
            // A tag tells the first eight bytes only.
            CLIENT_ID if name == "client_id" => Self::ClientId,
            AUTH_TIME if name == "auth_time" => Self::AuthTime,
            _ => return None,
        })
    }
}

/// Byte positions of values; a value never stands at 0, where the brace is.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Marks([usize; 9]);

impl Marks {
    #[inline]
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
