//! The JSON of 46elks, read by the host itself: a dozen fields, borrowed from the response. A field that is null counts
//! as absent, and one of an unexpected type holds nothing, so that it does not make the others unreadable.
//!
//! This is a second reader on purpose. The component reads the same bytes with another library, and the host compares.

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sms_rules::limits::MAX_ROWS;
use std::borrow::Cow;
use std::fmt;

/// The absolute value of an integer, at most. All amounts are smaller, and a float of this size is exact.
const MAX_INTEGER: i64 = 8_999_999_999_999_999;

/// A field of an object.
#[derive(Default)]
pub(super) enum Field<'a> {
    /// It is not there, or null.
    #[default]
    Absent,
    /// A text.
    Text(Cow<'a, str>),
    /// An integer. Some JSON writers give every number a fraction, so `5.0` is one, too.
    Integer(i64),
    /// Anything else.
    Other,
}

impl Field<'_> {
    fn of_integer(number: i64) -> Self {
        if (-MAX_INTEGER..=MAX_INTEGER).contains(&number) { Self::Integer(number) } else { Self::Other }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The integer, if it is one.
    pub(super) fn integer(&self) -> Option<i64> {
        if let Self::Integer(integer) = self { Some(*integer) } else { None }
    }

    /// The integer, if it is one and not negative.
    pub(super) fn amount(&self) -> Option<u64> {
        self.integer().and_then(|amount| amount.try_into().ok())
    }

    /// Whether there is anything.
    pub(super) fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

/// Declares an object with the fields that the host reads.
macro_rules! object {
    ($($name:ident),+ $(,)?) => {
        /// An object: a message, an account, or a page of messages. Of a field that occurs twice, the last one counts.
        #[derive(Default)]
        pub(super) struct Object<'a> {
            $(pub(super) $name: Field<'a>,)+
            /// The rows of a page. A row that is no object is `None`.
            pub(super) data: Option<Vec<Option<Object<'a>>>>,
        }

        impl<'a> Object<'a> {
            /// Reads the fields. A row has no rows of its own, or a small response could make many.
            fn read<A: MapAccess<'a>>(mut map: A, is_row: bool) -> Result<Self, A::Error> {
                let mut object = Self::default();
                while let Some(key) = map.next_key::<Field<'a>>()? {
                    match key.text().unwrap_or_default() {
                        $(stringify!($name) => object.$name = map.next_value()?,)+
                        "data" if !is_row => object.data = map.next_value::<Rows<'a>>()?.0,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(object)
            }
        }
    };
}

object! {
    id, direction, created, status, delivered, from, to, message, parts, cost, estimated_cost,
    displayname, name, currency, balance, balanceused, creditlimit, invoicing, usagelimit, next,
}

impl<'a> Object<'a> {
    /// Reads the body of a response; `None` when it is not an object.
    pub(super) fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<Whole<'a>>(json).ok()?.0
    }
}

/// The rows of a page, if the value is a list.
struct Rows<'a>(Option<Vec<Option<Object<'a>>>>);

/// The whole response, if it is an object.
struct Whole<'a>(Option<Object<'a>>);

/// A row, if the value is an object.
struct Row<'a>(Option<Object<'a>>);

/// Implements `Deserialize` by a visitor that accepts every kind of value: `$other` for all but those that are named.
macro_rules! lenient {
    ($type:ident, $visitor:ident, $other:expr, { $($special:item)* }, [$($plain:ident($value:ty)),* $(,)?]) => {
        struct $visitor;

        impl<'de> Visitor<'de> for $visitor {
            type Value = $type<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }

            $($special)*

            $(fn $plain<E: de::Error>(self, _: $value) -> Result<Self::Value, E> {
                Ok($other)
            })*
        }

        impl<'de> Deserialize<'de> for $type<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($visitor)
            }
        }
    };
}

/// Reads the rest of a list and forgets it.
fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Reads the rest of an object and forgets it.
fn skip_object<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

lenient! { Field, FieldVisitor, Field::Other, {
    fn visit_unit<E>(self) -> Result<Field<'de>, E> {
        Ok(Field::Absent)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field<'de>, E> {
        Ok(Field::Text(Cow::Owned(text.into())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field<'de>, E> {
        Ok(Field::of_integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field<'de>, E> {
        Ok(i64::try_from(number).map_or(Field::Other, Field::of_integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Field<'de>, E> {
        // A float up to MAX_INTEGER is exact, and a larger one becomes a larger integer, which is refused.
        Ok(if number.fract() == 0.0 { Field::of_integer(number as i64) } else { Field::Other })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Field<'de>, A::Error> {
        skip_list(list).map(|()| Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field<'de>, A::Error> {
        skip_object(map).map(|()| Field::Other)
    }
}, [visit_bool(bool)] }

lenient! { Whole, WholeVisitor, Whole(None), {
    fn visit_unit<E>(self) -> Result<Whole<'de>, E> {
        Ok(Whole(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Whole<'de>, A::Error> {
        skip_list(list).map(|()| Whole(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Whole<'de>, A::Error> {
        Object::read(map, false).map(|object| Whole(Some(object)))
    }
}, [visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str)] }

lenient! { Row, RowVisitor, Row(None), {
    fn visit_unit<E>(self) -> Result<Row<'de>, E> {
        Ok(Row(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Row<'de>, A::Error> {
        skip_list(list).map(|()| Row(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Row<'de>, A::Error> {
        Object::read(map, true).map(|object| Row(Some(object)))
    }
}, [visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str)] }

lenient! { Rows, RowsVisitor, Rows(None), {
    fn visit_unit<E>(self) -> Result<Rows<'de>, E> {
        Ok(Rows(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows<'de>, A::Error> {
        let mut rows = Vec::new();
        while let Some(Row(row)) = list.next_element()? {
            if rows.len() == MAX_ROWS {
                return Err(de::Error::custom("too many rows"));
            }
            rows.push(row);
        }
        Ok(Rows(Some(rows)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Rows<'de>, A::Error> {
        skip_object(map).map(|()| Rows(None))
    }
}, [visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str)] }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unexpected_field_does_not_hide_the_others() {
        let json = br#"{"id": "s1", "status": 7, "cost": 5200.0, "parts": 0.5, "delivered": null, "balance": -3,
                        "balanceused": 1e300, "usagelimit": 9000000000000000, "from": ["x"], "to": {"id": "s2"}, "new": [[{}]],
                        "next": true, "message": "h\u00e5\n", "data": [{"id": "s3"}, 5, null, "x", [{}], {"id": 1}]}"#;
        let object = Object::parse(json).expect("is an object");
        assert_eq!((object.id.text(), object.message.text()), (Some("s1"), Some("hå\n")));
        assert_eq!((object.cost.integer(), object.balance.integer()), (Some(5200), Some(-3)));
        assert_eq!((object.cost.amount(), object.balance.amount()), (Some(5200), None));
        for other in [&object.status, &object.parts, &object.balanceused, &object.usagelimit, &object.from, &object.to]
        {
            assert!(other.is_present() && other.text().is_none());
        }
        assert!(object.parts.integer().is_none() && object.usagelimit.integer().is_none());
        assert!(object.next.is_present() && !object.delivered.is_present() && !object.displayname.is_present());
        let rows = object.data.expect("is a list");
        let ids: Vec<_> = rows.iter().map(|row| row.as_ref().map(|row| row.id.text())).collect();
        assert_eq!(ids, [Some(Some("s3")), None, None, None, None, Some(None)]);
    }

    #[test]
    fn of_a_field_that_occurs_twice_the_last_one_counts() {
        let object = Object::parse(br#"{"id": "s1", "\u0069d": "s2", "data": [1], "data": 5}"#).expect("is an object");
        assert_eq!(object.id.text(), Some("s2"));
        assert!(object.data.is_none());
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        for text in ["", "5", "[]", "null", "<html>", r#"{"id":"#, r#"{"id":1}}"#, "{'a':1}"] {
            assert!(Object::parse(text.as_bytes()).is_none(), "{:.20}", text);
        }
        assert!(Object::parse(b"{\"id\":\"\xff\"}").is_none());
    }

    #[test]
    fn a_page_of_too_many_rows_is_refused() {
        let page = |rows: usize| format!(r#"{{"data":[{}0]}}"#, "0,".repeat(rows - 1));
        assert!(Object::parse(page(MAX_ROWS).as_bytes()).is_some());
        assert!(Object::parse(page(MAX_ROWS + 1).as_bytes()).is_none());
    }

    #[test]
    fn a_response_makes_no_more_rows_than_a_page_may_have() {
        // 2 MiB, the largest response: a thousand rows that each hold a thousand rows of their own.
        let inner = format!(r#"{{"data":[{}0]}}"#, "0,".repeat(MAX_ROWS - 1));
        let body = format!(r#"{{"data":[{}]}}"#, vec![inner; MAX_ROWS].join(","));
        assert!(body.len() <= sms_rules::limits::MAX_RESPONSE_BYTES);
        let rows = Object::parse(body.as_bytes()).and_then(|object| object.data).expect("is a page");
        assert_eq!(rows.len(), MAX_ROWS);
        assert!(rows.iter().flatten().all(|row| row.data.is_none()));
        let deep = format!("{}{}", r#"{"data":["#.repeat(100_000), "]}".repeat(100_000));
        let rows = Object::parse(deep.as_bytes()).and_then(|object| object.data);
        assert!(rows.is_none_or(|rows| rows.len() == 1), "however deep it is");
    }
}
