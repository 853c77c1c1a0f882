//! A place in a text, and the tokens that can be read there: strings, numbers, literals.

use super::JsonError;
use std::borrow::Cow;

/// A number as written.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Number {
    /// Without sign, fraction and exponent.
    Unsigned(u64),
    /// Below zero.
    Signed(i64),
    /// With fraction or exponent, or `-0`; finite.
    Float(f64),
}

/// Reads on from a place.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'de> {
    pub(super) text: &'de str,
    pub(super) at: usize,
}

impl<'de> Cursor<'de> {
    pub(crate) const fn new(text: &'de str) -> Self {
        Self { text, at: 0 }
    }

    #[cold]
    pub(super) fn refuse<T>(&self, what: &str) -> Result<T, JsonError> {
        Err(JsonError::new(format!("{what} at byte {}", self.at)))
    }

    #[inline]
    pub(super) fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space (RFC 8259 2).
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Takes the byte if it is next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes `true`, `false` or `null`.
    pub(crate) fn literal(&mut self) -> Result<Option<bool>, JsonError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        for (word, value) in [("true", Some(true)), ("false", Some(false)), ("null", None)] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.refuse("no value")
    }

    /// The string whose quote is next. Borrowed unless it holds escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'de, str>, JsonError> {
        self.peek();
        match self.quoted() {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => self.string_slowly(),
        }
    }

    /// The string whose quote stands here, if it holds no escapes; else nothing is taken.
    #[inline]
    pub(super) fn quoted(&mut self) -> Option<&'de str> {
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).filter(|_| self.byte() == Some(b'"'))?;
        let len = stop(rest);
        if rest.get(len) != Some(&b'"') {
            return None;
        }
        self.at = start + len + 1;
        self.text.get(start..start + len)
    }

    /// The string whose quote stands here, if there is one, escapes and all.
    #[cold]
    pub(super) fn string_slowly(&mut self) -> Result<Cow<'de, str>, JsonError> {
        if !self.take(b'"') {
            return self.refuse("not a string");
        }
        self.escaped().map(Cow::Owned)
    }

    /// The array of strings whose bracket is next; `None` when an element is anything else.
    pub(crate) fn strings(&mut self) -> Option<Vec<Cow<'de, str>>> {
        let mut out = Vec::new();
        if !self.take(b'[') || self.take(b']') {
            return Some(out);
        }
        loop {
            out.push(self.string().ok()?);
            if !self.take(b',') {
                return self.take(b']').then_some(out);
            }
        }
    }

    /// A string after its quote, to its end.
    fn escaped(&mut self) -> Result<String, JsonError> {
        let mut out = String::new();
        loop {
            let from = self.at;
            self.at += stop(self.text.as_bytes().get(from..).unwrap_or_default());
            out.push_str(self.text.get(from..self.at).unwrap_or_default());
            let stopped = self.byte();
            self.at += 1;
            match stopped {
                Some(b'"') => return Ok(out),
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return self.refuse("control character in a string"),
                None => return self.refuse("string without end"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = self.byte();
        self.at += 1;
        Ok(match byte {
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return self.refuse("unknown escape"),
        })
    }

    /// RFC 8259 7; a surrogate without its other half is refused.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        let code = match first {
            0xd800..=0xdbff => {
                if self.text.as_bytes().get(self.at..self.at + 2) != Some(b"\\u") {
                    return self.refuse("lone surrogate");
                }
                self.at += 2;
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return self.refuse("lone surrogate");
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            other => other,
        };
        match char::from_u32(code) {
            Some(c) => Ok(c),
            None => self.refuse("lone surrogate"),
        }
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        let mut out = 0;
        for digit in digits {
            let Some(value) = char::from(*digit).to_digit(16) else { return self.refuse("bad \\u escape") };
            out = out << 4 | value;
        }
        if digits.len() != 4 {
            return self.refuse("bad \\u escape");
        }
        self.at += 4;
        Ok(out)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.byte().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    /// RFC 8259 6. Whole numbers of up to 19 digits, which is what claims hold, are read as they come.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Number, JsonError> {
        self.peek();
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let (mut whole, mut digits) = (0u64, 0);
        for byte in rest {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            whole = whole.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        }
        let simple = match rest.get(digits) {
            Some(b'.' | b'e' | b'E') => false,
            _ => digits == 1 || (2..=19).contains(&digits) && rest.first() != Some(&b'0'),
        };
        if simple {
            self.at += digits;
            return Ok(Number::Unsigned(whole));
        }
        self.number_slowly()
    }

    fn number_slowly(&mut self) -> Result<Number, JsonError> {
        let start = self.at;
        let negative = self.take(b'-');
        let leading_zero = self.byte() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return self.refuse("bad number");
        }
        let mut float = false;
        if self.byte() == Some(b'.') {
            self.at += 1;
            float = true;
            if self.digits() == 0 {
                return self.refuse("bad number");
            }
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            float = true;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return self.refuse("bad number");
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let number = if float {
            text.parse().ok().filter(|f: &f64| f.is_finite()).map(Number::Float)
        } else if text == "-0" {
            Some(Number::Float(-0.0))
        } else if negative {
            text.parse().ok().map(Number::Signed)
        } else {
            text.parse().ok().map(Number::Unsigned)
        };
        match number {
            Some(number) => Ok(number),
            None => self.refuse("number out of range"),
        }
    }
}

/// How much of the text needs no care inside a string: up to a quote, a backslash, a control character
/// or the end.
#[inline(never)]
fn stop(rest: &[u8]) -> usize {
    let (words, tail) = rest.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let stops = special(u64::from_le_bytes(*word));
        if stops != 0 {
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + tail.iter().position(|b| matches!(*b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(tail.len())
}

/// Marks, in the high bit of each byte, quotes, backslashes and control characters; exact for the lowest.
#[inline]
const fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    ((quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word))
        & HIGH
}
