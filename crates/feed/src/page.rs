//! A run of the log: full blocks (`GET /rev/log/{epoch}/{block}`), its tail (`GET /rev/log?from=`), and what
//! a `rules` event carries.
//!
//! Bytes, numbers big-endian: `CSL1`, epoch (8), the number of the rule before the first (8), the chain up to
//! that one (32), how many rules (4), the rules (17 each), the length of a head (4) and the head; a length of
//! zero: no head.

use crate::stream::Position;
use crate::{Chain, FormatError, Rule};

const MAGIC: &[u8; 4] = b"CSL1";
const FIXED: usize = 4 + 8 + 8 + 32 + 4;

/// Most rules of one page.
pub const MOST_RULES: usize = 65_536;
/// Most bytes of a head.
pub const MOST_HEAD: usize = 8 * 1024;

/// A run of rules of one epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The epoch.
    pub epoch: u64,
    /// How many rules come before: the first one here has the number after this.
    pub after: u64,
    /// The chain over those.
    pub chain: Chain,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// A head that covers them, in the tail of the log.
    pub head: Option<String>,
}

impl Page {
    /// The number of the last rule.
    pub fn end(&self) -> u64 {
        self.after.saturating_add(self.rules.len() as u64)
    }

    /// The chain over everything up to the last rule.
    pub fn end_chain(&self) -> Chain {
        self.chain.over(&self.rules)
    }

    /// A run of the log of any length, as pages without a head.
    pub fn run(epoch: u64, after: u64, chain: Chain, rules: &[Rule]) -> impl Iterator<Item = Self> {
        let mut end = (after, chain);
        rules.chunks(MOST_RULES).map(move |rules| {
            let page = Self { epoch, after: end.0, chain: end.1, rules: rules.to_vec(), head: None };
            if rules.len() == MOST_RULES {
                end = (page.end(), page.end_chain());
            }
            page
        })
    }

    /// Writes it.
    pub fn bytes(&self) -> Vec<u8> {
        let head = self.head.as_deref().unwrap_or_default().as_bytes();
        let mut out = Vec::with_capacity(FIXED + self.rules.len() * Rule::BYTES + 4 + head.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.after.to_be_bytes());
        out.extend_from_slice(&self.chain.0);
        let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
        out.extend_from_slice(&length(self.rules.len()));
        for rule in &self.rules {
            out.extend_from_slice(&rule.bytes());
        }
        out.extend_from_slice(&length(head.len()));
        out.extend_from_slice(head);
        out
    }

    /// Reads one; every byte must belong to it.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut bytes = Bytes(bytes);
        if bytes.take::<4>()? != *MAGIC {
            return Err(FormatError::new("unsupported", "not a page of the log"));
        }
        let epoch = u64::from_be_bytes(bytes.take()?);
        let after = u64::from_be_bytes(bytes.take()?);
        let chain = Chain(bytes.take()?);
        let count = bytes.length(MOST_RULES)?;
        let mut rules = Vec::with_capacity(count.min(bytes.0.len() / Rule::BYTES));
        for _ in 0..count {
            rules.push(Rule::read(&bytes.take()?)?);
        }
        let head = bytes.length(MOST_HEAD)?;
        let head = bytes.run(head)?;
        bytes.end()?;
        let head = std::str::from_utf8(head)
            .map_err(|_| FormatError::new("malformed", "a head that is not UTF-8"))?;
        let head = (!head.is_empty()).then(|| head.to_owned());
        Ok(Self { epoch, after, chain, rules, head })
    }
}

/// The position after the last rule of a page, from its bytes alone.
pub(crate) fn end_of(bytes: &[u8]) -> Option<Position> {
    let mut bytes = Bytes(bytes);
    if bytes.take::<4>().ok()? != *MAGIC {
        return None;
    }
    let epoch = u64::from_be_bytes(bytes.take().ok()?);
    let after = u64::from_be_bytes(bytes.take().ok()?);
    bytes.take::<32>().ok()?;
    let count = u32::from_be_bytes(bytes.take().ok()?);
    Some(Position { epoch, seq: after.saturating_add(u64::from(count)) })
}

/// What is left to read.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn run(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Four bytes of length, at most `most`.
    pub(crate) fn length(&mut self, most: usize) -> Result<usize, FormatError> {
        let length = usize::try_from(u32::from_be_bytes(self.take()?)).unwrap_or(usize::MAX);
        match length <= most {
            true => Ok(length),
            false => Err(FormatError::new("too_large", format!("{length}; at most {most} are due"))),
        }
    }

    pub(crate) fn end(&self) -> Result<(), FormatError> {
        match self.0 {
            [] => Ok(()),
            _ => Err(FormatError::new("malformed", "bytes after the end")),
        }
    }
}

fn truncated() -> FormatError {
    FormatError::new("truncated", "the bytes end early")
}
