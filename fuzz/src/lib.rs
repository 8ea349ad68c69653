//! What several fuzz targets make from the fuzzer's bytes: calls, answers of 46elks, and records of the component.
//!
//! An answer is mostly JSON with the names of 46elks, and a record is mostly the true one with changes: of bytes alone,
//! hardly one would come past the first comparison.

use elks_mcp::config::{Settings, Variables};
use elks_mcp::contract::{
    AccountBalance, DeliveryStatistics, Direction, Encoding, Message, NonGsmCharacter, SentSms, SmsEstimate,
    SmsHistory, SmsStatus, Status,
};
use elks_mcp::tools::{Call, Tool};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// The recipient of every message: one of the numbers that are reserved for films.
pub const TO: &str = "+46701740605";

/// A password. It also has the form of a message id, which is quoted in some failures.
pub const PASSWORD: &str = "s3cretpassw0rd";

/// Most fields of an object, rows of a page, and items of a list. Larger ones repeat what smaller ones do.
const MAX_ITEMS: usize = 12;

/// How many bytes are made of an input, at least: three pages of the history.
const STRETCHED_BYTES: usize = 4096;

/// The input, followed by bytes that its first eight decide. libFuzzer begins with inputs of a few bytes and lengthens
/// them slowly; alone, they would give hardly a page with two messages.
pub fn stretched(input: &[u8]) -> Vec<u8> {
    let mut state =
        input.iter().take(8).fold(1_u64, |state, byte| (state << 8) ^ (state >> 56) ^ u64::from(*byte)).max(1);
    let mut bytes = input.to_vec();
    while bytes.len() < STRETCHED_BYTES {
        // Xorshift (Marsaglia, 2003): never zero again, and every bit changes.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes
}

/// The settings of the simulator, with the operator's dry run or without.
pub fn settings(dry_run: bool) -> Settings {
    let mut settings = Settings::read(&Variables::default(), true).expect("the simulator needs none");
    settings.dry_run = dry_run;
    settings
}

/// A call with arguments that the served schema allows, and the arguments; nothing when they are not allowed.
pub fn call(u: &mut Unstructured<'_>) -> Result<Option<(Call, Value)>> {
    let tool = *u.choose(Tool::ALL)?;
    let mut arguments = Map::new();
    let mut set = |name: &str, value: Value| drop(arguments.insert(name.into(), value));
    match tool {
        Tool::SendSms | Tool::EstimateSmsCost => {
            set("to", json!(TO));
            set("message", json!(text(u)?));
            if u.arbitrary()? {
                set("from", json!(u.choose(&["Elks", "+46 766 86 10 04", "åäö"])?));
            }
            if tool == Tool::SendSms {
                set("dry_run", json!(u.arbitrary::<bool>()?));
                set("flashsms", json!(u.arbitrary::<bool>()?));
            }
        }
        Tool::GetSmsMessages => {
            if u.arbitrary()? {
                set("limit", json!(u.int_in_range(1..=9)?));
            }
            if u.arbitrary()? {
                set("direction", json!(u.choose(&["inbound", "outbound", "both"])?));
            }
            match u.int_in_range(0..=4)? {
                0 => set("cursor", json!(format!("{}~{}", time(u)?, id(u)?))),
                1 => set("cursor", json!(time(u)?)),
                2 => set("start", json!(time(u)?)),
                _ => {}
            }
            if u.ratio(1, 4)? {
                set("end", json!(time(u)?));
            }
            if u.ratio(1, 4)? {
                set("to", json!(TO));
            }
        }
        Tool::CheckSmsStatus => set("message_id", json!(id(u)?)),
        Tool::CheckAccountBalance => {
            if u.arbitrary()? {
                set("to", json!(TO));
            }
        }
        Tool::GetDeliveryStatistics => set("limit", json!(u.int_in_range(1..=9)?)),
        // The host answers it by itself, without a component.
        Tool::GetSendingLimits => return Ok(None),
    }
    let call = Call::parse(tool, arguments.clone()).ok();
    Ok(call.map(|call| (call, Value::Object(arguments))))
}

/// The status and the body of an answer of 46elks.
pub fn answer(u: &mut Unstructured<'_>) -> Result<(u16, Vec<u8>)> {
    let status = if u.ratio(1, 8)? { u.int_in_range(100..=599)? } else { 200 };
    let body = match u.int_in_range(0..=9)? {
        0 => return Ok((status, u.arbitrary()?)),
        1 => u.arbitrary::<String>()?,
        2..=4 => object(u, &MESSAGE)?,
        5..=7 => page(u)?,
        _ => object(u, &ACCOUNT)?,
    };
    let mut body = body.into_bytes();
    // A cut, or another byte somewhere.
    match u.int_in_range(0..=15)? {
        0 => body.truncate(u.choose_index(body.len().max(1))?),
        1 if !body.is_empty() => {
            let at = u.choose_index(body.len())?;
            body[at] = u.arbitrary()?;
        }
        _ => {}
    }
    Ok((status, body))
}

/// What a field of 46elks usually holds.
#[derive(Clone, Copy)]
enum Kind {
    Id,
    Time,
    Text,
    Amount,
    Word(&'static [&'static str]),
}

/// The fields of a message. The first three make it readable.
const MESSAGE: [(&str, Kind); 11] = [
    ("id", Kind::Id),
    ("direction", Kind::Word(&["outgoing", "outgoing-reply", "incoming"])),
    ("created", Kind::Time),
    ("status", Kind::Word(&["created", "sent", "delivered", "failed", "odd"])),
    ("delivered", Kind::Time),
    ("from", Kind::Text),
    ("to", Kind::Text),
    ("message", Kind::Text),
    ("parts", Kind::Amount),
    ("cost", Kind::Amount),
    ("estimated_cost", Kind::Amount),
];

/// The fields of an account.
const ACCOUNT: [(&str, Kind); 7] = [
    ("balance", Kind::Amount),
    ("currency", Kind::Word(&["SEK", "EUR", "kr"])),
    ("id", Kind::Word(&["u1", "a1"])),
    ("displayname", Kind::Text),
    ("name", Kind::Text),
    ("balanceused", Kind::Amount),
    ("usagelimit", Kind::Amount),
];

/// An object with some of these fields, mostly with the first three. A field may occur twice.
fn object(u: &mut Unstructured<'_>, known: &[(&str, Kind)]) -> Result<String> {
    let mut fields = String::new();
    let mut add = |u: &mut Unstructured<'_>, (name, kind): (&str, Kind)| -> Result<()> {
        let separator = if fields.is_empty() { "" } else { "," };
        let mut name: String = name.into();
        if u.ratio(1, 32)? {
            // The same name, spelled in another way.
            name.replace_range(..1, &format!("\\u{:04x}", name.as_bytes()[0]));
        }
        // Writing to a String does not fail.
        let _ = write!(fields, "{separator}\"{name}\":{}", value(u, kind)?);
        Ok(())
    };
    for field in &known[..3] {
        if !u.ratio(1, 16)? {
            add(u, *field)?;
        }
    }
    for _ in 0..u.int_in_range(0..=MAX_ITEMS)? {
        let field = *u.choose(known)?;
        add(u, field)?;
    }
    Ok(format!("{{{fields}}}"))
}

/// A page of the history.
fn page(u: &mut Unstructured<'_>) -> Result<String> {
    let mut rows = Vec::new();
    for _ in 0..u.int_in_range(0..=MAX_ITEMS)? {
        rows.push(if u.ratio(1, 16)? { odd(u)? } else { object(u, &MESSAGE)? });
    }
    let next = if u.arbitrary()? { format!(",\"next\":{}", value(u, Kind::Time)?) } else { String::new() };
    Ok(format!("{{\"data\":[{}]{next}}}", rows.join(",")))
}

/// A JSON value, mostly of the kind that belongs there.
fn value(u: &mut Unstructured<'_>, kind: Kind) -> Result<String> {
    if u.ratio(1, 16)? {
        return odd(u);
    }
    Ok(match kind {
        Kind::Id => quoted(&id(u)?),
        Kind::Time => quoted(&time(u)?),
        Kind::Text => quoted(&text(u)?),
        Kind::Word(words) => quoted(u.choose(words)?),
        Kind::Amount if u.arbitrary()? => u.int_in_range(0..=30_000)?.to_string(),
        Kind::Amount if u.arbitrary()? => format!("{}.0", u.int_in_range(0..=30_000)?),
        Kind::Amount => number(u)?,
    })
}

/// A number of any size and spelling.
fn number(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u.int_in_range(0..=3)? {
        0 => u.arbitrary::<i64>()?.to_string(),
        1 => format!("{}.{}", u.arbitrary::<i64>()?, u.arbitrary::<u16>()?),
        2 => format!("{}.{}E{}", u.arbitrary::<i16>()?, u.arbitrary::<u64>()?, u.int_in_range(-30..=30)?),
        _ => u
            .choose(&["-0", "-0.0", "0e9", "1e400", "1e-400", "007", "+1", "1.", ".5", "8999999999999999.5"])?
            .to_string(),
    })
}

/// A JSON value of any kind, or a text that is none.
fn odd(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u.int_in_range(0..=11)? {
        0 => "null".into(),
        1 => u.arbitrary::<bool>()?.to_string(),
        2 => u.arbitrary::<i64>()?.to_string(),
        3 => u.arbitrary::<u64>()?.to_string(),
        4 => format!("{:e}", u.arbitrary::<f64>()?),
        5 => quoted(&u.arbitrary::<String>()?),
        6 => r#""\ud83d\u0073""#.into(),
        7 => format!("\"\\u0073{}\"", &PASSWORD[1..]),
        8 => r#"[{"id":"s1"},[]]"#.into(),
        9 => format!("\"\\u{:04x}\\u{:04x}\"", u.arbitrary::<u16>()?, u.arbitrary::<u16>()?),
        10 => number(u)?,
        _ => u.arbitrary::<String>()?,
    })
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A text: few characters, many equal ones, a password, or anything.
pub fn text(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u.int_in_range(0..=7)? {
        0 => "Hej".into(),
        1 => "€\u{202e}\u{1b}[2J\r\nError (API): \"x\"".into(),
        2 => PASSWORD.into(),
        3 => TO.into(),
        4 => u.choose(&["x", "å", "€", "\u{200d}", "\r\n"])?.repeat(u.int_in_range(0..=400)?),
        _ => u.arbitrary()?,
    })
}

/// A message id. There are few, so that some occur twice.
fn id(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(if u.ratio(1, 32)? { PASSWORD.into() } else { format!("s{}", u.int_in_range(0..=9)?) })
}

/// A time of 46elks. There are few, so that some occur twice.
fn time(u: &mut Unstructured<'_>) -> Result<String> {
    let fraction = u.choose(&["", ".5", ".429389", ".999999", "Z", ".000000Z"])?;
    Ok(format!("2026-0{}-01T12:00:0{}{fraction}", u.int_in_range(0..=4)?, u.int_in_range(0..=2)?))
}

/// A value of a record: made from nothing, or changed in one place.
pub trait Make: Sized {
    /// Makes any value.
    fn make(u: &mut Unstructured<'_>) -> Result<Self>;

    /// Changes the value in one place. The new one may equal the old one.
    fn change(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        *self = Self::make(u)?;
        Ok(())
    }
}

macro_rules! number {
    ($($type:ty),+) => {
        $(impl Make for $type {
            fn make(u: &mut Unstructured<'_>) -> Result<Self> {
                if u.arbitrary()? { u.int_in_range(0..=20) } else { u.arbitrary() }
            }

            fn change(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
                *self = match u.int_in_range(0..=2)? {
                    0 => self.wrapping_add(1),
                    1 => self.wrapping_sub(1),
                    _ => Self::make(u)?,
                };
                Ok(())
            }
        })+
    };
}

number!(u32, u64, i64);

impl Make for bool {
    fn make(u: &mut Unstructured<'_>) -> Result<Self> {
        u.arbitrary()
    }
}

impl Make for String {
    fn make(u: &mut Unstructured<'_>) -> Result<Self> {
        if u.arbitrary()? { text(u) } else { time(u) }
    }

    fn change(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=2)? {
            0 => drop(self.pop()),
            1 => self.push(u.arbitrary()?),
            _ => *self = Self::make(u)?,
        }
        Ok(())
    }
}

impl<T: Make> Make for Option<T> {
    fn make(u: &mut Unstructured<'_>) -> Result<Self> {
        if u.arbitrary()? { T::make(u).map(Some) } else { Ok(None) }
    }

    fn change(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match self {
            Some(value) if u.arbitrary()? => value.change(u)?,
            Some(_) => *self = None,
            None => *self = Some(T::make(u)?),
        }
        Ok(())
    }
}

impl<T: Make> Make for Vec<T> {
    fn make(u: &mut Unstructured<'_>) -> Result<Self> {
        (0..u.int_in_range(0..=MAX_ITEMS)?).map(|_| T::make(u)).collect()
    }

    fn change(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        if self.is_empty() || u.ratio(1, 8)? {
            self.push(T::make(u)?);
            return Ok(());
        }
        let at = u.choose_index(self.len())?;
        match u.int_in_range(0..=3)? {
            0 => drop(self.remove(at)),
            1 => self.rotate_left(at),
            _ => self[at].change(u)?,
        }
        Ok(())
    }
}

macro_rules! choice {
    ($($type:ident: $($variant:ident),+;)+) => {
        $(impl Make for $type {
            fn make(u: &mut Unstructured<'_>) -> Result<Self> {
                u.choose(&[$(Self::$variant),+]).copied()
            }
        })+
    };
}

choice! {
    Direction: Inbound, Outbound;
    Status: Created, Sent, Delivered, Failed, Unknown;
    Encoding: Gsm7, Utf16;
}

/// Implements [`Make`] for records, which must be listed with all their fields.
macro_rules! record {
    ($($type:ident: $($field:ident),+;)+) => {
        $(impl Make for $type {
            fn make(u: &mut Unstructured<'_>) -> Result<Self> {
                Ok(Self { $($field: Make::make(u)?),+ })
            }

            fn change(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
                let changes: &[fn(&mut Self, &mut Unstructured<'_>) -> Result<()>] =
                    &[$(|record, u| record.$field.change(u)),+];
                u.choose(changes)?(self, u)
            }
        })+
    };
}

record! {
    Message: id, direction, from, to, message, untrusted, status, created, delivered, parts, cost;
    SentSms: sent, dry_run, id, status, from, to, message, created, parts, encoding, cost, estimated_cost, currency,
        checker_notes;
    SmsHistory: messages, currency, next_cursor, stopped_early, unreadable;
    SmsStatus: message, currency;
    NonGsmCharacter: character, replacement;
    SmsEstimate: parts, encoding, characters_left, non_gsm_characters, estimated_cost, currency, checker_notes;
    AccountBalance: name, balance, currency, subaccount, balance_used, usage_limit, messages_left, low_balance;
    DeliveryStatistics: total, delivered, failed, in_transit, unknown, parts, total_cost, mean_cost, currency,
        period_start, period_end, stopped_early, unreadable;
}
