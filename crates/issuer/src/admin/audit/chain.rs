//! Is the log whole? Each event carries a link over the one before it and all of itself, under a key derived
//! from the master key: who can write the store but does not have that key can change, put in or take out
//! nothing that this does not find, but for the newest events, which only a head noted outside tells of.

use super::Head;
use crate::model::KeptEvent;
use crate::seal::LogKey;

/// Findings told; a log that has more is broken enough.
const TOLD: usize = 20;

/// Something that is not as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Its link is not over it and the event before it: it was changed or put in, or the one before was.
    Changed(i64),
    /// It has no link, although one before it has: put in, or the link was taken away.
    Unlinked(i64),
    /// The events from the first to the second position are gone.
    Missing(i64, i64),
    /// The first linked event is not the first that was: those before it are gone or changed.
    Beginning(i64),
    /// A head noted outside: the log ends before it.
    HeadGone(Head),
    /// A head noted outside: another event stands there.
    HeadOther(Head),
}

impl Finding {
    /// For people.
    pub fn text(&self) -> String {
        match self {
            Self::Changed(seq) => format!("event {seq} was changed or put in"),
            Self::Unlinked(seq) => format!("event {seq} has no link: put in, or its link was taken away"),
            Self::Missing(from, to) if from == to => format!("event {from} is missing"),
            Self::Missing(from, to) => format!("events {from} to {to} are missing"),
            Self::Beginning(seq) => {
                format!("event {seq} was not the first of the chain: what was before it is gone or changed")
            }
            Self::HeadGone(head) => {
                format!("the log holds no event {} any more: its end is cut off", head.seq)
            }
            Self::HeadOther(head) => format!("event {} is not the one of the head that was noted", head.seq),
        }
    }

    /// Where, in the log.
    pub fn seq(&self) -> i64 {
        match self {
            Self::Changed(seq) | Self::Unlinked(seq) | Self::Missing(seq, _) | Self::Beginning(seq) => *seq,
            Self::HeadGone(head) | Self::HeadOther(head) => head.seq,
        }
    }
}

/// What a walk came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// Events read that belong to the chain.
    pub linked: u64,
    /// Events from before the log was chained: nothing is known of them.
    pub before: u64,
    /// The newest linked event, to be noted outside.
    pub head: Option<Head>,
    /// The first findings, in order; heads at the end.
    pub findings: Vec<Finding>,
    /// There are more.
    pub more: bool,
}

impl Verdict {
    /// Nothing was found.
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Goes through the log in order.
pub struct Walk<'a> {
    key: LogKey,
    heads: &'a [Head],
    met: Vec<Head>,
    /// Position of the newest event, linked or not.
    seq: i64,
    /// The newest one has no link to judge the next one by.
    lost: bool,
    verdict: Verdict,
}

impl<'a> Walk<'a> {
    /// From the first event on; these heads are looked for on the way.
    pub fn new(key: LogKey, heads: &'a [Head]) -> Self {
        Self { key, heads, met: Vec::new(), seq: 0, lost: false, verdict: Verdict::default() }
    }

    /// The next event.
    pub fn step(&mut self, event: &KeptEvent) {
        let last = self.verdict.head;
        let missing = (self.seq.saturating_add(1), event.seq.saturating_sub(1));
        self.seq = event.seq;
        let Some(link) = event.link else {
            match last {
                None => self.verdict.before += 1,
                Some(_) => self.found(Finding::Unlinked(event.seq)),
            }
            self.lost = last.is_some();
            return;
        };
        let [a, b, c, d, e, f, g] = &event.fields;
        let fields = [a, b, c, d, e, f, g].map(Option::as_deref);
        let before = last.as_ref().map(|head| &head.link);
        let follows = self.key.link(before, event.seq, event.at, fields) == link;
        match last {
            // Positions are given one by one: the middle was taken out, or the end before this was written.
            Some(_) if missing.0 <= missing.1 => self.found(Finding::Missing(missing.0, missing.1)),
            Some(_) if !follows && !self.lost => self.found(Finding::Changed(event.seq)),
            None if !follows => self.found(Finding::Beginning(event.seq)),
            _ => {}
        }
        self.lost = false;
        // What comes after is judged by what stands here, so that one change is one finding.
        let head = Head { seq: event.seq, link };
        if self.heads.contains(&head) {
            self.met.push(head);
        }
        self.verdict.linked += 1;
        self.verdict.head = Some(head);
    }

    /// There are no more.
    pub fn end(mut self) -> Verdict {
        let newest = self.verdict.head.map_or(0, |head| head.seq);
        for head in self.heads {
            if self.met.contains(head) {
                continue;
            }
            let gone = if head.seq > newest { Finding::HeadGone(*head) } else { Finding::HeadOther(*head) };
            self.found(gone);
        }
        self.verdict
    }

    fn found(&mut self, what: Finding) {
        if self.verdict.findings.len() < TOLD {
            self.verdict.findings.push(what);
        } else {
            self.verdict.more = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventLink;
    use crate::seal::Sealer;
    use countersign_token::Timestamp;
    use zeroize::Zeroizing;

    fn key(byte: u8) -> LogKey {
        Sealer::new(Zeroizing::new([byte; 32])).log_key()
    }

    fn linked(key: &LogKey, before: Option<&EventLink>, seq: i64, kind: &str) -> KeptEvent {
        let at = Timestamp::from_seconds(1_000 + seq);
        let mut fields: [Option<Vec<u8>>; 7] = Default::default();
        fields[0] = Some(kind.into());
        let link = key.link(before, seq, at, [Some(kind.as_bytes()), None, None, None, None, None, None]);
        KeptEvent { seq, at, fields, link: Some(link) }
    }

    /// Ten events; the first two from before there was a chain.
    fn log() -> Vec<KeptEvent> {
        let (key, mut out) = (key(1), Vec::<KeptEvent>::new());
        for seq in 1..=10 {
            let before = out.last().and_then(|e| e.link);
            let mut event = linked(&key, before.as_ref(), seq, &format!("kind {seq}"));
            event.link = event.link.filter(|_| seq > 2);
            out.push(event);
        }
        out
    }

    fn walk(log: &[KeptEvent], heads: &[Head]) -> Verdict {
        let mut walk = Walk::new(key(1), heads);
        log.iter().for_each(|event| walk.step(event));
        walk.end()
    }

    fn findings(change: impl FnOnce(&mut Vec<KeptEvent>)) -> Vec<Finding> {
        let mut log = log();
        change(&mut log);
        walk(&log, &[]).findings
    }

    #[test]
    fn a_whole_log_is_found_whole() {
        let verdict = walk(&log(), &[]);
        assert_eq!((verdict.linked, verdict.before, verdict.is_whole()), (8, 2, true), "{verdict:?}");
        assert_eq!(verdict.head.unwrap().seq, 10);
        assert_eq!(walk(&[], &[]), Verdict::default());
        let text = verdict.head.unwrap().to_string();
        assert_eq!(Head::parse(&text), verdict.head);
        for bad in ["", "10", "10:", ":x", "x:y", "10:AAAA", &format!("{text}A")] {
            assert_eq!(Head::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_change_is_found_where_it_is() {
        use Finding::{Beginning, Changed, Missing, Unlinked};
        assert_eq!(findings(|log| log[5].fields[0] = Some(b"other".to_vec())), [Changed(6)]);
        assert_eq!(findings(|log| log[5].fields[3] = Some(Vec::new())), [Changed(6)]);
        assert_eq!(findings(|log| log[5].at = Timestamp::from_seconds(1)), [Changed(6)]);
        assert_eq!(findings(|log| log[9].fields[0] = Some(b"the newest".to_vec())), [Changed(10)]);
        assert_eq!(findings(|log| log[5].link = log[4].link), [Changed(6), Changed(7)]);
        assert_eq!(findings(|log| log[5].link = None), [Unlinked(6)]);
        assert_eq!(findings(|log| drop(log.remove(5))), [Missing(6, 6)]);
        assert_eq!(findings(|log| drop(log.drain(4..7))), [Missing(5, 7)]);
        assert_eq!(findings(|log| drop(log.drain(..3))), [Beginning(4)]);
        assert_eq!(findings(|log| log[2].link = None), [Beginning(4)]);
        assert_eq!(findings(|log| log[2].fields[0] = None), [Beginning(3)]);
    }

    #[test]
    fn taking_one_out_and_counting_anew_is_found() {
        let moved = findings(|log| {
            log.remove(5);
            log.iter_mut().skip(5).for_each(|event| event.seq -= 1);
        });
        assert_eq!(moved.first(), Some(&Finding::Changed(6)));
        let swapped = findings(|log| {
            log.swap(5, 6);
            log[5].seq = 6;
            log[6].seq = 7;
        });
        assert_eq!(swapped.first(), Some(&Finding::Changed(6)));
    }

    #[test]
    fn nobody_without_the_key_can_write_it_anew() {
        let mut log = log();
        let thief = key(2);
        let mut before = log[4].link;
        for event in &mut log[5..] {
            let kind = event.fields[0].clone().unwrap();
            *event = linked(&thief, before.as_ref(), event.seq, std::str::from_utf8(&kind).unwrap());
            before = event.link;
        }
        let verdict = walk(&log, &[]);
        assert_eq!(verdict.findings.len(), 5, "each of them: {verdict:?}");
        assert_eq!(verdict.findings[0], Finding::Changed(6));
    }

    #[test]
    fn a_cut_end_is_found_by_a_head_or_by_what_is_written_after() {
        let (whole, key) = (log(), key(1));
        let head = walk(&whole, &[]).head.unwrap();
        let cut = &whole[..7];
        assert!(walk(cut, &[]).is_whole(), "nothing in the log tells");
        assert_eq!(walk(cut, &[head]).findings, [Finding::HeadGone(head)]);
        // The store goes on at the next position; one made to go on where it was cut has another link there.
        let mut on = cut.to_vec();
        on.push(linked(&key, cut[6].link.as_ref(), 11, "after"));
        assert_eq!(walk(&on, &[]).findings, [Finding::Missing(8, 10)]);
        let mut over = cut.to_vec();
        for seq in 8..=12 {
            let before = over.last().unwrap().link;
            over.push(linked(&key, before.as_ref(), seq, "anew"));
        }
        assert!(walk(&over, &[]).is_whole());
        assert_eq!(walk(&over, &[head]).findings, [Finding::HeadOther(head)]);
        let mut grown = whole.clone();
        grown.push(linked(&key, Some(&head.link), 11, "after"));
        assert!(walk(&grown, &[head]).is_whole(), "the head is still in it");
    }

    #[test]
    fn findings_are_bounded() {
        let log: Vec<KeptEvent> = (1..=100).map(|seq| linked(&key(2), None, seq, "x")).collect();
        let verdict = walk(&log, &[]);
        assert_eq!((verdict.findings.len(), verdict.more), (TOLD, true));
    }
}
