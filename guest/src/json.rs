//! JSON of 46elks, read into the fields that the component uses: a field that is null counts as absent, and one of an
//! unexpected type holds nothing, so that it does not make the others unreadable. Nothing else of a response is kept.
//!
//! The library is miniserde: with serde_json, unused error texts and float parsing would be a quarter of the component.
//! It calls a [`Visitor`] for each value that it meets; here a field is its own visitor.

use miniserde::de::{Deserialize, Map, Seq, Visitor};
use miniserde::{Result, json, make_place};
use sms_rules::limits::MAX_ROWS;
use sms_rules::surrogates::replace_lone;

/// The depth of a value that is not kept, at most. 46elks's own responses have three levels in all. The library accepts
/// any depth and takes memory for each level.
const MAX_DEPTH: usize = 32;

/// The absolute value of an integer, at most. All amounts are smaller, the sum of a page of them does not overflow, and
/// a float of this size is exact.
const MAX_INTEGER: i64 = 8_999_999_999_999_999;

/// A field of an object.
#[derive(Default)]
pub(crate) enum Field {
    /// It is not there, or null.
    #[default]
    Absent,
    /// A text.
    Text(String),
    /// An integer. Some JSON writers give every number a fraction, so `5.0` is one, too.
    Integer(i64),
    /// Anything else.
    Other,
}

impl Field {
    fn of_integer(number: i64) -> Self {
        if (-MAX_INTEGER..=MAX_INTEGER).contains(&number) { Self::Integer(number) } else { Self::Other }
    }

    /// Whether there is anything.
    pub(crate) fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The text, if it is one, without a copy.
    pub(crate) fn into_text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The integer, if it is one.
    pub(crate) fn integer(&self) -> Option<i64> {
        if let Self::Integer(integer) = self { Some(*integer) } else { None }
    }

    /// The integer, if it is one and not negative.
    pub(crate) fn amount(&self) -> Option<u64> {
        self.integer().and_then(|integer| u64::try_from(integer).ok())
    }
}

/// Of a field that occurs twice, the last one counts: each visit replaces the one before.
impl Visitor for Field {
    fn null(&mut self) -> Result<()> {
        *self = Self::Absent;
        Ok(())
    }

    fn boolean(&mut self, _: bool) -> Result<()> {
        *self = Self::Other;
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<()> {
        *self = Self::Text(text.into());
        Ok(())
    }

    fn negative(&mut self, number: i64) -> Result<()> {
        *self = Self::of_integer(number);
        Ok(())
    }

    fn nonnegative(&mut self, number: u64) -> Result<()> {
        *self = i64::try_from(number).map_or(Self::Other, Self::of_integer);
        Ok(())
    }

    fn float(&mut self, number: f64) -> Result<()> {
        // A float up to MAX_INTEGER is exact, and a larger one becomes a larger integer, which is refused.
        *self = if number.fract() == 0.0 { Self::of_integer(number as i64) } else { Self::Other };
        Ok(())
    }

    fn seq(&mut self) -> Result<Box<dyn Seq + '_>> {
        *self = Self::Other;
        Ok(Box::new(Skipped::default()))
    }

    fn map(&mut self) -> Result<Box<dyn Map + '_>> {
        *self = Self::Other;
        Ok(Box::new(Skipped::default()))
    }
}

/// Declares an object with the fields that the component reads.
macro_rules! object {
    ($($name:ident),+ $(,)?) => {
        /// An object: a message, an account, or a page of messages.
        #[derive(Default)]
        pub(crate) struct Object {
            $(pub(crate) $name: Field,)+
            /// The rows of a page.
            pub(crate) data: Rows,
        }

        impl Object {
            /// The field with a name, if it is one of those that are read.
            fn field(&mut self, name: &str) -> Option<&mut Field> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }
        }
    };
}

object! {
    id, direction, created, status, delivered, from, to, message, parts, cost, estimated_cost,
    displayname, name, currency, balance, balanceused, creditlimit, invoicing, usagelimit, next,
}

impl Object {
    /// Parses the body of a response; `None` when it is not an object.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let json = replace_lone(body);
        Some(json::from_str::<Whole>(std::str::from_utf8(&json).ok()?).ok()?.0)
    }
}

make_place!(Place);

/// The whole response. Only an object is accepted.
struct Whole(Object);

impl Deserialize for Whole {
    fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
        Place::new(out)
    }
}

impl Visitor for Place<Whole> {
    fn map(&mut self) -> Result<Box<dyn Map + '_>> {
        let object = &mut self.out.insert(Whole(Object::default())).0;
        Ok(Box::new(Fields { object, is_row: false, skipped: Skipped::default() }))
    }
}

/// Reads the fields of an object.
struct Fields<'a> {
    object: &'a mut Object,
    /// A row has no rows of its own, or a small response could make many.
    is_row: bool,
    skipped: Skipped,
}

impl Map for Fields<'_> {
    fn key(&mut self, name: &str) -> Result<&mut dyn Visitor> {
        if name == "data" && !self.is_row {
            return Ok(&mut self.object.data);
        }
        match self.object.field(name) {
            Some(field) => Ok(field),
            None => Ok(&mut self.skipped),
        }
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Implements what a visitor does with a value that is neither a list nor an object: it forgets what it had.
macro_rules! forgets_scalars {
    () => {
        fn null(&mut self) -> Result<()> {
            self.forget()
        }

        fn boolean(&mut self, _: bool) -> Result<()> {
            self.forget()
        }

        fn string(&mut self, _: &str) -> Result<()> {
            self.forget()
        }

        fn negative(&mut self, _: i64) -> Result<()> {
            self.forget()
        }

        fn nonnegative(&mut self, _: u64) -> Result<()> {
            self.forget()
        }

        fn float(&mut self, _: f64) -> Result<()> {
            self.forget()
        }
    };
}

/// The rows of a page. Without a list there are none.
#[derive(Default)]
pub(crate) struct Rows(Option<Vec<Row>>);

/// A row of a page. What is no object is an empty row.
#[derive(Default)]
struct Row(Option<Object>);

impl Rows {
    /// The rows, if there is a list. A row that is no object is `None`.
    pub(crate) fn into_list(self) -> Option<impl ExactSizeIterator<Item = Option<Object>>> {
        Some(self.0?.into_iter().map(|row| row.0))
    }

    fn forget(&mut self) -> Result<()> {
        self.0 = None;
        Ok(())
    }
}

impl Visitor for Rows {
    forgets_scalars!();

    fn seq(&mut self) -> Result<Box<dyn Seq + '_>> {
        Ok(Box::new(RowList(self.0.insert(Vec::new()))))
    }

    fn map(&mut self) -> Result<Box<dyn Map + '_>> {
        self.forget()?;
        Ok(Box::new(Skipped::default()))
    }
}

/// Reads the rows of a list.
struct RowList<'a>(&'a mut Vec<Row>);

impl Seq for RowList<'_> {
    fn element(&mut self) -> Result<&mut dyn Visitor> {
        if self.0.len() == MAX_ROWS {
            return Err(miniserde::Error);
        }
        self.0.push(Row::default());
        self.0.last_mut().map(|row| row as &mut dyn Visitor).ok_or(miniserde::Error)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Row {
    fn forget(&mut self) -> Result<()> {
        self.0 = None;
        Ok(())
    }
}

impl Visitor for Row {
    forgets_scalars!();

    fn seq(&mut self) -> Result<Box<dyn Seq + '_>> {
        Ok(Box::new(Skipped::default()))
    }

    fn map(&mut self) -> Result<Box<dyn Map + '_>> {
        let object = self.0.insert(Object::default());
        Ok(Box::new(Fields { object, is_row: true, skipped: Skipped::default() }))
    }
}

/// Skips a value that is not kept, and the values in it.
struct Skipped {
    /// How many more levels may follow.
    levels: usize,
}

impl Default for Skipped {
    fn default() -> Self {
        Self { levels: MAX_DEPTH }
    }
}

impl Skipped {
    fn forget(&mut self) -> Result<()> {
        Ok(())
    }

    /// One level deeper.
    fn deeper(&self) -> Result<Box<Self>> {
        let levels = self.levels.checked_sub(1).ok_or(miniserde::Error)?;
        Ok(Box::new(Self { levels }))
    }
}

impl Visitor for Skipped {
    forgets_scalars!();

    fn seq(&mut self) -> Result<Box<dyn Seq + '_>> {
        Ok(self.deeper()?)
    }

    fn map(&mut self) -> Result<Box<dyn Map + '_>> {
        Ok(self.deeper()?)
    }
}

impl Seq for Skipped {
    fn element(&mut self) -> Result<&mut dyn Visitor> {
        Ok(self)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Map for Skipped {
    fn key(&mut self, _: &str) -> Result<&mut dyn Visitor> {
        Ok(self)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Option<Object> {
        Object::parse(json.as_bytes())
    }

    #[test]
    fn an_unexpected_field_does_not_hide_the_others() {
        let object = parse(
            r#"{"id": "x\ud83d", "status": 7, "cost": 5200.0, "parts": 0.5, "delivered": null, "balance": -3,
                "balanceused": 1e300, "usagelimit": 9000000000000000, "from": ["x"], "to": {"id": "s2"},
                "new": [[{"id": 1}], "[["], "next": true, "data": [{"id": "s3"}, 5, null, "x", [{}], {"id": 1}]}"#,
        )
        .expect("is an object");
        assert_eq!(object.id.text(), Some("x\u{FFFD}"));
        assert_eq!([&object.cost, &object.balance].map(Field::integer), [Some(5200), Some(-3)]);
        assert_eq!((object.cost.amount(), object.balance.amount()), (Some(5200), None));
        for other in [&object.status, &object.parts, &object.balanceused, &object.usagelimit, &object.from, &object.to]
        {
            assert!(other.is_present() && other.text().is_none());
        }
        assert!(object.parts.integer().is_none() && object.usagelimit.integer().is_none());
        assert!(object.next.is_present() && !object.delivered.is_present() && !object.displayname.is_present());
        let ids: Vec<_> = object.data.into_list().expect("is a list").map(|row| row.map(|row| row.id)).collect();
        assert!(matches!(&ids[..], [Some(Field::Text(_)), None, None, None, None, Some(Field::Integer(1))]));
    }

    #[test]
    fn of_a_field_that_occurs_twice_the_last_one_counts() {
        let object = parse(
            r#"{"id": "s1", "\u0069d": "s2", "status": "sent", "status": null, "data": [1], "data": 5,
                "from": {"id": "s3"}, "from": "x", "to": "y", "to": []}"#,
        )
        .expect("is an object");
        assert_eq!((object.id.text(), object.from.text(), object.to.text()), (Some("s2"), Some("x"), None));
        assert!(!object.status.is_present() && object.data.into_list().is_none());
        let object = parse(r#"{"data": 5, "data": {"data": [1]}, "data": [{"id": "a", "id": "b"}]}"#).expect("is one");
        let ids: Vec<_> = object.data.into_list().expect("is a list").filter_map(|row| row?.id.into_text()).collect();
        assert_eq!(ids, ["b"]);
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        for text in ["", "5", "[]", "null", "<html>", r#"{"id":"#, r#"{"id":1}}"#, "{'id':1}", r#"{"data":[}"#] {
            assert!(parse(text).is_none(), "{:.20}", text);
        }
        assert!(Object::parse(b"{\"id\":\"\xff\"}").is_none());
    }

    #[test]
    fn a_value_may_nest_as_deep_as_its_bound() {
        let nested = |levels: usize| format!(r#"{}0{}"#, "[".repeat(levels), "]".repeat(levels));
        for name in ["id", "new", "data"] {
            let with = |levels| parse(&format!(r#"{{"{name}": {}, "to": "x"}}"#, nested(levels)));
            let to = with(MAX_DEPTH).expect("is not too deep").to;
            assert_eq!(to.text(), Some("x"), "{name}");
            assert!(with(MAX_DEPTH + 4).is_none(), "{name}");
        }
        for endless in ["[".repeat(1_000_000), r#"{"a":"#.repeat(300_000), r#"{"data":["#.repeat(200_000)] {
            assert!(parse(&format!(r#"{{"a": {endless}"#)).is_none());
            assert!(parse(&endless).is_none());
        }
        let levels = r#"{"a":[0,"#.repeat(MAX_DEPTH);
        assert!(parse(&format!("{levels}0{}", "]}".repeat(MAX_DEPTH))).is_none(), "a scalar gives no level back");
    }

    #[test]
    fn a_page_makes_no_more_rows_than_it_may_have() {
        let page = |rows: usize| parse(&format!(r#"{{"data":[{}0]}}"#, "0,".repeat(rows - 1)));
        assert!(page(MAX_ROWS).is_some());
        assert!(page(MAX_ROWS + 1).is_none());
        let rows = |page: Object| page.data.into_list().map(|rows| rows.flatten().count());
        let of_pages = parse(r#"{"data": [{"data": [{"id": "s1"}]}, {"data": 5}]}"#).and_then(rows);
        assert_eq!(of_pages, Some(2), "a row has no rows of its own");
    }
}
