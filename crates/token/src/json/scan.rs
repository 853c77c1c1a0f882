//! The scanner: objects and arrays, kept in order, and values that nobody asked for.

use super::cursor::{Cursor, Number};
use super::marks::Marks;
use super::names::{Names, Open, Span, tag, tag_at};
use super::{JsonError, MAX_DEPTH};
use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

/// Reads one document from its beginning to its end.
pub(crate) struct Scanner<'de> {
    cursor: Cursor<'de>,
    depth: u8,
    names: Names,
    marks: Marks,
}

impl<'de> Deref for Scanner<'de> {
    type Target = Cursor<'de>;
    #[inline]
    fn deref(&self) -> &Cursor<'de> {
        &self.cursor
    }
}

impl DerefMut for Scanner<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.cursor
    }
}

impl<'de> Scanner<'de> {
    /// Of a text under 4 GiB.
    #[inline]
    pub(crate) fn new(text: &'de str) -> Self {
        Self { cursor: Cursor::new(text), depth: 0, names: Names::new(), marks: Marks::default() }
    }

    /// Where the registered claims of the outermost object were met.
    pub(crate) fn marks(&self) -> &Marks {
        &self.marks
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
        match self.peek() {
            Some(b',') if !object.first => self.cursor.at += 1,
            Some(b'"') if object.first => {}
            Some(b'}') => {
                self.cursor.at += 1;
                self.names.close(&object.names);
                self.depth -= 1;
                return Ok(None);
            }
            _ => return self.refuse("no comma between members"),
        }
        object.first = false;
        if self.peek() != Some(b'"') {
            return self.refuse("no member name");
        }
        let start = self.cursor.at + 1;
        let (name, tag) = match self.cursor.quoted() {
            Some(name) => {
                let rest = self.text.as_bytes().get(start..).unwrap_or_default();
                (Cow::Borrowed(name), tag_at(rest, name.len()))
            }
            None => {
                let name = self.string_slowly()?;
                let tag = tag(name.as_bytes());
                (name, tag)
            }
        };
        #[expect(clippy::cast_possible_truncation, reason = "texts are limited far below 4 GiB")]
        let span = (start as u32, (self.cursor.at - 1) as u32);
        if !self.names.add(&mut object.names, tag, span) {
            let cursor = self.cursor;
            if !self.names.add_slowly(&mut object.names, &name, |span| again(cursor, span)) {
                return self.refuse("duplicate member");
            }
        }
        if !self.take(b':') {
            return self.refuse("no colon after a member name");
        }
        if self.depth == 1 {
            self.marks.note(tag, &name, self.cursor.at);
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
        match self.peek() {
            Some(b',') if !array.first => self.cursor.at += 1,
            Some(b']') => {
                self.cursor.at += 1;
                self.depth -= 1;
                return Ok(false);
            }
            _ if array.first => {}
            _ => return self.refuse("no comma between elements"),
        }
        array.first = false;
        Ok(true)
    }

    /// The number that is next, as a value.
    #[inline]
    pub(super) fn number_value(&mut self) -> Result<Number, JsonError> {
        let number = self.cursor.number()?;
        if self.depth == 1 {
            self.marks.note_number(number);
        }
        Ok(number)
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
            Some(b'-' | b'0'..=b'9') => self.number_value().map(drop),
            _ => self.literal().map(drop),
        }
    }
}

/// A name that was read before.
fn again<'de>(cursor: Cursor<'de>, (start, end): Span) -> Cow<'de, str> {
    let raw = cursor.text.get(start as usize..end as usize).unwrap_or_default();
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut cursor = Cursor { at: (start as usize).saturating_sub(1), ..cursor };
    cursor.string().unwrap_or(Cow::Borrowed(raw))
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
