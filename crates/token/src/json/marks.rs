//! Where the registered claims (RFC 7519 4.1 and the few the policy knows) stand in a claim set: noted
//! while it is read, so that the policy judges the very bytes the claim type was filled from.

use super::cursor::Number;
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

/// Byte positions of values; a value never stands at 0, where the brace is. And their numbers, where they
/// are numbers.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Marks {
    at: [usize; 9],
    numbers: [Option<Number>; 9],
    /// The claim whose value is being read.
    open: Option<Registered>,
}

impl Marks {
    #[inline]
    pub(super) fn note(&mut self, tag: u64, name: &str, at: usize) {
        self.open = Registered::of(tag, name);
        if let Some(slot) = self.open.and_then(|claim| self.at.get_mut(claim as usize)) {
            *slot = at;
        }
    }

    /// A number that is the whole value of the member whose name came last.
    #[inline]
    pub(super) fn note_number(&mut self, number: Number) {
        if let Some(slot) = self.open.and_then(|claim| self.numbers.get_mut(claim as usize)) {
            *slot = Some(number);
        }
    }

    /// Where the claim's value begins; `None` when it is absent.
    pub(crate) fn of(&self, claim: Registered) -> Option<usize> {
        self.at.get(claim as usize).copied().filter(|at| *at != 0)
    }

    /// The claim's value, if it is a number.
    pub(crate) fn number(&self, claim: Registered) -> Option<Number> {
        self.numbers.get(claim as usize).copied().flatten()
    }
}
