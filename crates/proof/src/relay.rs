//! The relay between issuer and verifier: drops, reorders, repeats, delays, cuts, damages and forges.

use crate::chance::Chance;
use crate::issuer::Issuer;
use crate::tokens::{ISSUER, Token};
use countersign_feed::stream::Event;
use countersign_feed::{Chain, Head, Page};
use countersign_token::SigningKey;

/// The key pair of RFC 8032 7.1, test 2.
const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","d":"TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}"#;

/// Keeps everything it ever saw.
#[derive(Debug)]
pub struct Relay {
    key: SigningKey,
    seen: Vec<Event>,
    waiting: Vec<Event>,
    /// It does its worst only in some courses.
    pub hostile: bool,
}

impl Relay {
    /// One.
    pub fn new(hostile: bool) -> Self {
        let key = SigningKey::from_private_jwk(KEY.as_bytes(), None).unwrap();
        Self { key, seen: Vec::new(), waiting: Vec::new(), hostile }
    }

    /// Takes what the issuer sends.
    pub fn take(&mut self, events: Vec<Event>) {
        self.seen.extend(events.iter().cloned());
        self.waiting.extend(events);
    }

    /// The verifier connected anew: nothing is under way.
    pub fn disconnect(&mut self) {
        self.waiting.clear();
    }

    /// Bytes for the verifier's stream, and whether they are what the issuer sent.
    pub fn deliver(
        &mut self,
        chance: &mut Chance,
        issuer: &Issuer,
        token: &Token,
        now: i64,
    ) -> Option<Vec<u8>> {
        let trick = if self.hostile { chance.below(12) } else { 11 };
        let event = match trick {
            0 => self.seen.get(chance.below(self.seen.len())).cloned()?,
            1 => self.waiting.get(chance.below(self.waiting.len())).cloned()?,
            2 => {
                let place = chance.below(self.waiting.len());
                (place < self.waiting.len()).then(|| self.waiting.remove(place))?
            }
            3 => self.forge_page(chance, issuer, token, now),
            4 => self.forge_head(chance, issuer, now),
            5 => {
                self.waiting.truncate(self.waiting.len().saturating_sub(1 + chance.below(3)));
                return None;
            }
            _ => (!self.waiting.is_empty()).then(|| self.waiting.remove(0))?,
        };
        let mut bytes = event.text().into_bytes();
        if trick == 6 {
            chance.damage(&mut bytes);
        }
        Some(bytes)
    }

    /// Damages what the verifier asked for, or forgets to answer.
    pub fn answer(&self, chance: &mut Chance, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        if self.hostile && chance.one_in(4) {
            if chance.one_in(3) {
                return None;
            }
            chance.damage(&mut bytes);
        }
        Some(bytes)
    }

    /// Rules against somebody whom nobody revoked, at the end of the log, within it, or in an epoch to come.
    fn forge_page(&self, chance: &mut Chance, issuer: &Issuer, token: &Token, now: i64) -> Event {
        let (epoch, end) = issuer.position();
        let after = if chance.one_in(2) { end } else { u64::try_from(chance.below(20)).unwrap() };
        let honest = issuer.page(epoch, after, 5);
        let mut page =
            honest.unwrap_or(Page { epoch, after, chain: Chain([6; 32]), rules: Vec::new(), head: None });
        page.head = None;
        page.epoch += u64::from(chance.one_in(6));
        let forged = token.rule(&issuer.salt(), u32::try_from(now.div_euclid(1000)).unwrap() + 100);
        let place = chance.below(page.rules.len() + 1);
        if chance.one_in(2) {
            page.rules.insert(place, forged);
        } else {
            page.rules.truncate(place);
            page.rules.push(forged);
        }
        Event::Rules(page.bytes())
    }

    /// A head of now over an old log, by a key of its own, under the issuer's key id.
    fn forge_head(&self, chance: &mut Chance, issuer: &Issuer, now: i64) -> Event {
        let (epoch, seq) = issuer.position();
        let seq = u64::try_from(chance.below(usize::try_from(seq + 1).unwrap())).unwrap();
        let chain = issuer.page(epoch, seq, 0).map_or(Chain([6; 32]), |page| page.chain);
        let head = Head {
            iss: ISSUER.into(),
            aud: Head::audience(ISSUER),
            feed: countersign_feed::head::FeedId([1; 16]),
            epoch: epoch + u64::from(chance.one_in(4)),
            seq,
            as_of: now,
            chain,
            snap: None,
            salt: issuer.salt(),
            hb_ms: 500,
            policy: countersign_feed::Staleness::default(),
            jwks: None,
            next_key: Some("mine".into()),
            exp: now / 1000 + 60,
        };
        let key = SigningKey::from_private_jwk(KEY.as_bytes(), None).unwrap().with_kid(issuer.kid());
        let key = if chance.one_in(2) { &key } else { &self.key };
        Event::Head(head.sign(key).unwrap())
    }
}
