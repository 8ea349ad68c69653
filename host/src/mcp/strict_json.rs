//! JSON that is read strictly: it reports an object that names a key twice. Most parsers take the last value, some the
//! first, so a client could show a person one recipient while another is used.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Any JSON, and whether an object in it names a key twice.
pub(super) struct StrictJson {
    /// The JSON, with the last value of a key that is named twice.
    pub(super) value: Value,
    /// Whether an object names a key twice.
    pub(super) has_duplicate_keys: bool,
}

impl<'de> Deserialize<'de> for StrictJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl StrictJson {
    fn plain(value: impl Into<Value>) -> Self {
        Self { value: value.into(), has_duplicate_keys: false }
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = StrictJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<StrictJson, E> {
        Ok(StrictJson::plain(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<StrictJson, E> {
        Ok(StrictJson::plain(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<StrictJson, E> {
        Ok(StrictJson::plain(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<StrictJson, E> {
        Number::from_f64(value).map(StrictJson::plain).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<StrictJson, E> {
        Ok(StrictJson::plain(value))
    }

    fn visit_unit<E>(self) -> Result<StrictJson, E> {
        Ok(StrictJson::plain(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<StrictJson, A::Error> {
        let (mut all, mut duplicates) = (Vec::new(), false);
        while let Some(item) = items.next_element::<StrictJson>()? {
            duplicates |= item.has_duplicate_keys;
            all.push(item.value);
        }
        Ok(StrictJson { value: all.into(), has_duplicate_keys: duplicates })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<StrictJson, A::Error> {
        let (mut all, mut duplicates) = (Map::new(), false);
        while let Some((name, field)) = fields.next_entry::<String, StrictJson>()? {
            duplicates |= field.has_duplicate_keys | all.insert(name, field.value).is_some();
        }
        Ok(StrictJson { value: all.into(), has_duplicate_keys: duplicates })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> StrictJson {
        serde_json::from_str(json).expect("is JSON")
    }

    #[test]
    fn duplicate_keys_are_found_at_any_depth() {
        for (json, expected) in [
            (r#"{"a":1,"b":1}"#, false),
            (r#"{"a":1,"a":1}"#, true),
            (r#"[{"a":{"b":1}},{"a":{"b":1,"b":2}}]"#, true),
            (r#"{"a":{"a":1}}"#, false),
            (r#"{"a":1,"\u0061":2}"#, true),
        ] {
            assert_eq!(read(json).has_duplicate_keys, expected, "{json}");
        }
    }

    #[test]
    fn every_kind_of_json_is_read_as_serde_json_reads_it() {
        for json in ["null", "true", "-7", "18446744073709551615", "1.5", r#""å""#, "[]", r#"{"a":[{},null,"x"]}"#] {
            let expected: Value = serde_json::from_str(json).expect("is JSON");
            assert_eq!(read(json).value, expected);
        }
        assert!(serde_json::from_str::<StrictJson>("1e999").is_err());
    }
}
