//! Reads typed settings out of values that may all be text, because the
//! environment knows nothing else.

use anyhow::Result;
use serde::{
    Deserializer,
    de::{DeserializeOwned, IntoDeserializer, MapAccess, SeqAccess, Visitor, value::StringDeserializer},
    forward_to_deserialize_any,
};
use serde_json::Value;

use super::env_name;

/// Reads a value; `prefix` is where it stands, for the error.
pub fn read<T: DeserializeOwned>(value: Value, prefix: &[&str]) -> Result<T> {
    T::deserialize(Lenient(value)).map_err(|Error { path, message }| {
        let path: Vec<&str> = prefix.iter().copied().chain(path.iter().rev().map(String::as_str)).collect();
        anyhow::anyhow!("{}: {message}", env_name(&path))
    })
}

struct Lenient(Value);

/// What is wrong and, innermost first, where.
#[derive(Debug)]
struct Error {
    path: Vec<String>,
    message: String,
}

impl Error {
    fn below(mut self, key: &str) -> Self {
        self.path.push(key.to_owned());
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self { path: Vec::new(), message: message.to_string() }
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty, $should:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0 {
                Value::String(text) => match text.trim().parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(serde::de::Error::custom(format!("should be {}, not {text:?}", $should))),
                },
                other => other.$method(visitor).map_err(serde::de::Error::custom),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Lenient {
    type Error = Error;

    parsed! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_u8 visit_u8 u8, "a whole number up to 255";
        deserialize_u16 visit_u16 u16, "a whole number up to 65535";
        deserialize_u32 visit_u32 u32, "a whole number";
        deserialize_u64 visit_u64 u64, "a whole number";
        deserialize_i32 visit_i32 i32, "a whole number";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(map) => visitor.visit_map(Entries { entries: map.into_iter(), value: None }),
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter())),
            other => other.deserialize_any(visitor).map_err(serde::de::Error::custom),
        }
    }

    /// Text is taken as a comma-separated list.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(text) => {
                let items: Vec<_> = text.split(',').map(str::trim).filter(|s| !s.is_empty()).map(Value::from).collect();
                visitor.visit_seq(Items(items.into_iter()))
            }
            other => Self(other).deserialize_any(visitor),
        }
    }

    /// Empty text is nothing set.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            Value::String(text) if text.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// A number in a file is taken for text where text is wanted.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Number(n) => visitor.visit_string(n.to_string()),
            other => Self(other).deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor).map_err(serde::de::Error::custom)
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

struct Entries {
    entries: serde_json::map::IntoIter,
    value: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Error;

    fn next_key_seed<K: serde::de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key.clone(), value));
        let name: StringDeserializer<Error> = key.clone().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|e| e.below(&key))
    }

    fn next_value_seed<V: serde::de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (key, value) = self.value.take().expect("a key came before its value");
        seed.deserialize(Lenient(value)).map_err(|e| e.below(&key))
    }
}

struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Error;

    fn next_element_seed<T: serde::de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|value| seed.deserialize(Lenient(value))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::Secret;

    #[derive(Deserialize, Debug, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Example {
        number: u32,
        flag: bool,
        #[serde(with = "humantime_serde")]
        span: Duration,
        list: Vec<String>,
        secret: Secret,
        inner: Inner,
        maybe: Option<u16>,
    }

    #[derive(Deserialize, Debug, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        size: u64,
    }

    #[test]
    fn text_becomes_what_is_wanted() {
        let example: Example = read(
            json!({"number": "7", "flag": "true", "span": "10m", "list": "a, b", "secret": "007", "inner": {"size": "9"}, "maybe": ""}),
            &["content"],
        )
        .unwrap();
        assert_eq!((example.number, example.flag, example.span), (7, true, Duration::from_secs(600)));
        assert_eq!(example.list, ["a", "b"]);
        assert_eq!((example.secret.expose(), example.inner.size, example.maybe), ("007", 9, None));
    }

    #[test]
    fn errors_name_the_key_and_what_it_should_be() {
        let says = |value| read::<Example>(value, &["content"]).unwrap_err().to_string();
        assert_eq!(
            says(json!({"inner": {"size": "big"}})),
            "FENZ_CONTENT__INNER__SIZE: should be a whole number, not \"big\""
        );
        assert!(says(json!({"inner": {"sice": "1"}})).starts_with("FENZ_CONTENT__INNER__SICE: unknown field"));
        assert!(says(json!({"span": "soon"})).starts_with("FENZ_CONTENT__SPAN: "));
    }
}
