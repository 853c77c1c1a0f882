//! The scanner as a serde data format, so that claim types are filled in the same single pass.

use super::scan::{Array, Object};
use super::{JsonError, Number, Scanner};
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StringDeserializer};
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use std::borrow::Cow;

impl<'de> Scanner<'de> {
    fn visit_map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        let object = self.open_object()?;
        let mut members = Members { scanner: self, object, done: false };
        let value = visitor.visit_map(&mut members)?;
        match members.done || members.next_key::<de::IgnoredAny>()?.is_none() {
            true => Ok(value),
            false => self.refuse("more members than expected"),
        }
    }

    fn visit_seq<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        let array = self.open_array()?;
        let mut elements = Elements { scanner: self, array, done: false };
        let value = visitor.visit_seq(&mut elements)?;
        match elements.done || !elements.more()? {
            true => Ok(value),
            false => self.refuse("more elements than expected"),
        }
    }
}

impl<'de> de::Deserializer<'de> for &mut Scanner<'de> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'"') => self.deserialize_str(visitor),
            Some(b'{') => self.visit_map(visitor),
            Some(b'[') => self.visit_seq(visitor),
            Some(b'-' | b'0'..=b'9') => match self.number_value()? {
                Number::Unsigned(n) => visitor.visit_u64(n),
                Number::Signed(n) => visitor.visit_i64(n),
                Number::Float(n) => visitor.visit_f64(n),
            },
            _ => match self.literal()? {
                Some(value) => visitor.visit_bool(value),
                None => visitor.visit_unit(),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'n') => self.literal().and_then(|_| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'{') => self.visit_map(OneMember(visitor)),
            _ => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
                Cow::Owned(text) => visitor.visit_enum(StringDeserializer::new(text)),
            },
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        let next = self.peek();
        match self.quoted() {
            Some(text) => visitor.visit_borrowed_str(text),
            None if next == Some(b'"') => visitor.visit_string(self.string_slowly()?.into_owned()),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// An externally tagged enum: an object of one member.
struct OneMember<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for OneMember<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(MapAccessDeserializer::new(map))
    }
}

struct Members<'a, 'de> {
    scanner: &'a mut Scanner<'de>,
    object: Object<'de>,
    done: bool,
}

impl<'de> MapAccess<'de> for &mut Members<'_, 'de> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        match self.scanner.next_name(&mut self.object)? {
            Some(Cow::Borrowed(name)) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
            Some(Cow::Owned(name)) => seed.deserialize(StringDeserializer::new(name)).map(Some),
            None => {
                self.done = true;
                Ok(None)
            }
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, JsonError> {
        seed.deserialize(&mut *self.scanner)
    }
}

impl<'de> Members<'_, 'de> {
    fn next_key<K: de::Deserialize<'de>>(mut self: &mut Self) -> Result<Option<K>, JsonError> {
        MapAccess::next_key(&mut self)
    }
}

struct Elements<'a, 'de> {
    scanner: &'a mut Scanner<'de>,
    array: Array,
    done: bool,
}

impl Elements<'_, '_> {
    fn more(&mut self) -> Result<bool, JsonError> {
        let more = self.scanner.next_element(&mut self.array)?;
        self.done = !more;
        Ok(more)
    }
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = JsonError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, JsonError> {
        match self.more()? {
            true => seed.deserialize(&mut *self.scanner).map(Some),
            false => Ok(None),
        }
    }
}
