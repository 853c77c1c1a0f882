//! A snapshot: every rule of an epoch that was live at a moment, sorted and delta-coded. Immutable, named in a
//! signed head by its SHA-256; believed under that alone.
//!
//! Bytes, numbers big-endian: `CSS1`, feed (16), epoch (8), seq (8), the chain up to seq (32), the least `until`
//! (4; of no rules: 0), then for each kind 1 to 7 how many rules (4) and the rules, sorted by name. A rule: the
//! difference of its name to the one before (of the first: its name), its cutoff plus one (0: always), its `until`
//! minus the least, each as LEB128 in as few bytes as it takes.

use crate::head::FeedId;
use crate::page::Bytes;
use crate::{Chain, Cutoff, FormatError, Kind, Rule};

const MAGIC: &[u8; 4] = b"CSS1";
const FIXED: usize = 4 + 16 + 8 + 8 + 32 + 4;
/// A byte for each of name, cutoff and until.
const LEAST_RULE: usize = 3;

/// Most rules of a snapshot.
pub const MOST_RULES: usize = 16 * 1024 * 1024;

/// What a snapshot holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The feed.
    pub feed: FeedId,
    /// The epoch.
    pub epoch: u64,
    /// It covers the first so many rules.
    pub seq: u64,
    /// The chain over those.
    pub chain: Chain,
    /// The live ones among them: sorted by kind and name, one rule a name (the widest). No `Coarse`.
    /// [`crate::Table::rules`] gives them so.
    pub rules: Vec<Rule>,
}

impl Snapshot {
    /// Writes it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED + 7 * 4 + self.rules.len() * 16);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.feed.0);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.chain.0);
        let least = self.rules.iter().map(|rule| rule.until).min().unwrap_or(0);
        out.extend_from_slice(&least.to_be_bytes());
        let mut rest = self.rules.as_slice();
        for kind in kinds() {
            let (rules, others) = rest.split_at(rest.partition_point(|rule| rule.kind <= kind));
            out.extend_from_slice(&u32::try_from(rules.len()).unwrap_or(u32::MAX).to_be_bytes());
            let mut before = 0;
            for rule in rules {
                write(&mut out, rule.h.wrapping_sub(before));
                before = rule.h;
                write(&mut out, u64::from(rule.cutoff.0.wrapping_add(1)));
                write(&mut out, u64::from(rule.until.saturating_sub(least)));
            }
            rest = others;
        }
        out
    }

    /// Reads one: strictly sorted, canonical, every byte used.
    pub fn read(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut bytes = Bytes(bytes);
        if bytes.take::<4>()? != *MAGIC {
            return Err(FormatError::new("unsupported", "not a snapshot"));
        }
        let feed = FeedId(bytes.take()?);
        let epoch = u64::from_be_bytes(bytes.take()?);
        let seq = u64::from_be_bytes(bytes.take()?);
        let chain = Chain(bytes.take()?);
        let least = u32::from_be_bytes(bytes.take()?);
        let mut rules = Vec::new();
        for kind in kinds() {
            let count = bytes.length(MOST_RULES - rules.len())?;
            if count > bytes.0.len() / LEAST_RULE {
                return Err(FormatError::new("truncated", format!("no room for {count} rules")));
            }
            rules.reserve_exact(count);
            read_kind(&mut bytes, kind, count, least, &mut rules)?;
        }
        bytes.end()?;
        if rules.iter().map(|rule| rule.until).min().unwrap_or(0) != least {
            return Err(FormatError::new("malformed", "the least until is not one of a rule"));
        }
        Ok(Self { feed, epoch, seq, chain, rules })
    }
}

/// The kinds that stand in a snapshot.
fn kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| *kind != Kind::Coarse)
}

fn read_kind(
    bytes: &mut Bytes<'_>,
    kind: Kind,
    count: usize,
    least: u32,
    rules: &mut Vec<Rule>,
) -> Result<(), FormatError> {
    let too_large = || FormatError::new("malformed", format!("a number of a {} rule", kind.name()));
    let mut h = 0_u64;
    for place in 0..count {
        let delta = read_number(bytes)?;
        if place > 0 && delta == 0 {
            return Err(FormatError::new("malformed", format!("two {} rules of one name", kind.name())));
        }
        h = h.checked_add(delta).ok_or_else(too_large)?;
        if kind == Kind::Bucket && h > u64::from(u16::MAX) {
            return Err(too_large());
        }
        let cutoff = u32::try_from(read_number(bytes)?).map_err(|_| too_large())?;
        let until = u32::try_from(read_number(bytes)?).ok().and_then(|more| least.checked_add(more));
        let until = until.ok_or_else(too_large)?;
        rules.push(Rule { kind, h, cutoff: Cutoff(cutoff.wrapping_sub(1)), until });
    }
    Ok(())
}

/// LEB128: seven bits a byte, the least first; the highest bit says that more follow.
fn write(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = (number & 0x7f).to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn read_number(bytes: &mut Bytes<'_>) -> Result<u64, FormatError> {
    let mut number = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let [byte] = bytes.take()?;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit; a last byte of zero is not needed.
        if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
            return Err(FormatError::new("malformed", "a number in more bytes than it takes"));
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(FormatError::new("malformed", "a number of more than 64 bits"))
}
