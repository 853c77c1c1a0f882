//! The scanner: tokens of the grammar, and values that nobody asked for.

use super::marks::Marks;
use super::names::{Names, Open, tag};
use super::{JsonError, MAX_DEPTH};
use std::borrow::Cow;

/// A number as written.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Number {
    /// Without sign, fraction and exponent.
    Unsigned(u64),
    /// With a sign.
    Signed(i64),
    /// With fraction or exponent; finite.
    Float(f64),
}

/// Reads one document from its beginning to its end.
pub(crate) struct Scanner<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
    names: Names<'de>,
    marks: Marks,
}

impl<'de> Scanner<'de> {
    pub(crate) fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth: 0, names: Names::default(), marks: Marks::default() }
    }

    /// Where the registered claims of the outermost object were met.
    pub(crate) fn marks(&self) -> Marks {
        self.marks
    }

    pub(super) fn refuse<T>(&self, what: &str) -> Result<T, JsonError> {
        Err(JsonError::at(what, self.at))
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space (RFC 8259 2).
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Takes the byte if it is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.refuse("trailing data"),
        }
    }

    fn deeper(&mut self) -> Result<(), JsonError> {
        if self.depth == MAX_DEPTH {
            return self.refuse("nested too deep");
        }
        self.depth += 1;
        Ok(())
    }

    /// Enters the object whose brace is next.
    pub(crate) fn open_object(&mut self) -> Result<Object<'de>, JsonError> {
        self.deeper()?;
        if !self.take(b'{') {
            return self.refuse("not an object");
        }
        Ok(Object { names: self.names.open(), first: true })
    }

    /// The next member's name, its colon taken; at the end of the object, takes the brace.
    pub(crate) fn next_name(&mut self, object: &mut Object<'de>) -> Result<Option<Cow<'de, str>>, JsonError> {
        if self.take(b'}') {
            self.names.close(&object.names);
            self.depth -= 1;
            return Ok(None);
        }
        if !std::mem::take(&mut object.first) && !self.take(b',') {
            return self.refuse("no comma between members");
        }
        if self.peek() != Some(b'"') {
            return self.refuse("no member name");
        }
        let name = self.string()?;
        let tag = tag(name.as_bytes());
        if !self.names.add(&mut object.names, tag, name.clone()) {
            return self.refuse("duplicate member");
        }
        if !self.take(b':') {
            return self.refuse("no colon after a member name");
        }
        if self.depth == 1 {
            self.marks.note(tag, &name, self.at);
        }
        Ok(Some(name))
    }

    /// Enters the array whose bracket is next.
    pub(crate) fn open_array(&mut self) -> Result<Array, JsonError> {
        self.deeper()?;
        if !self.take(b'[') {
            return self.refuse("not an array");
        }
        Ok(Array { first: true })
    }

    /// Whether an element follows, its comma taken; at the end of the array, takes the bracket.
    pub(crate) fn next_element(&mut self, array: &mut Array) -> Result<bool, JsonError> {
        if self.take(b']') {
            self.depth -= 1;
            return Ok(false);
        }
        if !std::mem::take(&mut array.first) && !self.take(b',') {
            return self.refuse("no comma between elements");
        }
        Ok(true)
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
    pub(crate) fn string(&mut self) -> Result<Cow<'de, str>, JsonError> {
        if !self.take(b'"') {
            return self.refuse("not a string");
        }
        let start = self.at;
        self.plain();
        let head = self.text.get(start..self.at).unwrap_or_default();
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(head));
        }
        let mut out = head.to_owned();
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(_) => return self.refuse("control character in a string"),
                None => return self.refuse("string without end"),
            }
            let from = self.at;
            self.plain();
            out.push_str(self.text.get(from..self.at).unwrap_or_default());
        }
    }

    /// Skips what needs no care inside a string: stops at a quote, a backslash, a control character or
    /// the end.
    fn plain(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let (words, tail) = rest.as_chunks::<8>();
        for word in words {
            let stops = special(u64::from_le_bytes(*word));
            if stops != 0 {
                self.at += (stops.trailing_zeros() / 8) as usize;
                return;
            }
            self.at += 8;
        }
        let special = |b: &u8| matches!(*b, b'"' | b'\\' | 0..=0x1f);
        self.at += tail.iter().position(special).unwrap_or(tail.len());
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

    /// RFC 8259 6.
    pub(crate) fn number(&mut self) -> Result<Number, JsonError> {
        self.peek();
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

    /// Checks a value that nobody reads, as strictly as any other.
    pub(crate) fn skip(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => {
                let mut object = self.open_object()?;
                while self.next_name(&mut object)?.is_some() {
                    self.skip()?;
                }
                Ok(())
            }
            Some(b'[') => {
                let mut array = self.open_array()?;
                while self.next_element(&mut array)? {
                    self.skip()?;
                }
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            _ => self.literal().map(drop),
        }
    }
}

/// An object being read.
pub(crate) struct Object<'de> {
    names: Open<'de>,
    first: bool,
}

/// An array being read.
pub(crate) struct Array {
    first: bool,
}

/// Marks, in the high bit of each byte, quotes, backslashes and control characters; exact for the lowest.
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
