//! A checked record in the form that clients get: texts escaped, times to the second, and nothing that is usual. A
//! model pays for each byte of it.

use super::Context;
use crate::contract::{Message, SmsHistory, TIMES};
use crate::sanitise::sanitise;
use crate::tools::ToolSpec;
use serde_json::{Value, json};
use sms_rules::cursor::Cursor;
use sms_rules::times::to_the_second;

/// Longest list of messages in a result, in characters of JSON: clients cut longer results, or refuse them. A list
/// holds one message in any case.
pub(crate) const MAX_LIST_CHARS: usize = 40_000;

/// How many characters a message has beside its text, at most, where its parties are numbers or names.
const MAX_CHARS_BESIDE_A_TEXT: usize = 330;

/// A record as JSON, with what the host says beside it.
pub(super) fn record<Spec: ToolSpec>(record: &Spec::Answer, aside: &Spec::Aside, context: &Context<'_>) -> Value {
    // Texts and numbers always serialise. If they did not, the record would be lost, not changed.
    let mut facts = serde_json::to_value(record).unwrap_or_default();
    sanitise(&mut facts);
    cut_times(&mut facts);
    if let (Value::Object(facts), Ok(Value::Object(aside))) = (&mut facts, serde_json::to_value(aside)) {
        facts.extend(aside);
    }
    Spec::add_host_facts(&mut facts, context);
    facts
}

/// Cuts each time to the second. The cursor keeps the milliseconds.
fn cut_times(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(cut_times),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match value {
            Value::String(time) if TIMES.contains(&name.as_str()) => *time = to_the_second(time).into_owned(),
            value => cut_times(value),
        }),
        _ => {}
    }
}

/// A list of messages. How many were searched is said where it is another number.
pub(crate) fn messages(facts: &mut Value, context: &Context<'_>) {
    let messages = facts["messages"].as_array_mut().map(Vec::as_mut_slice).unwrap_or_default();
    messages.iter_mut().for_each(|it| message(it, context));
    let shown = messages.len();
    leave_out(facts, "searched", &json!(shown));
}

/// A message. The person outside the account is the sender of what was received, and the recipient of what was sent.
/// That a message is outbound, and that the other party is the configured sender, is usual. `untrusted` stays: its
/// absence only ever means that the account wrote the text.
pub(crate) fn message(message: &mut Value, context: &Context<'_>) {
    let (party, own) = if message["direction"] == "inbound" { ("from", "to") } else { ("to", "from") };
    contact(message, party, context);
    leave_out(message, own, &json!(context.settings.sender));
    leave_out(message, "direction", &json!("outbound"));
}

/// Adds the name of the party in a field, where it is a contact.
pub(crate) fn contact(facts: &mut Value, party: &str, context: &Context<'_>) {
    if let Some(name) = facts[party].as_str().and_then(|party| context.policy.contact_of(party)) {
        facts["contact"] = json!(name);
    }
}

/// Removes a field that has its usual value.
fn leave_out(facts: &mut Value, name: &str, usual: &Value) {
    if let Some(facts) = facts.as_object_mut().filter(|facts| facts.get(name) == Some(usual)) {
        facts.remove(name);
    }
}

/// Shortens a history whose list would be longer than [`MAX_LIST_CHARS`]. The messages that do not fit are the oldest
/// ones, and the cursor stands before them. Returns whether it did.
pub(crate) fn shorten(history: &mut SmsHistory) -> bool {
    let texts = history.messages.iter().filter_map(|message| message.message.as_deref()).map(str::len);
    // A usual list is not measured. JSON doubles a quotation mark or a line end.
    if texts.map(|text| 2 * text + MAX_CHARS_BESIDE_A_TEXT).sum::<usize>() <= MAX_LIST_CHARS {
        return false;
    }
    let mut chars = 0;
    let fits = |message: &&Message| {
        // The message and its comma.
        chars += serde_json::to_string(message).map_or(0, |json| json.chars().count()) + 1;
        chars <= MAX_LIST_CHARS
    };
    let kept = history.messages.iter().take_while(fits).count().max(1);
    let Some(last) = history.messages.get(kept - 1).filter(|_| kept < history.messages.len()) else { return false };
    history.next_cursor = Some(Cursor::write(&last.created, &last.id));
    history.messages.truncate(kept);
    history.stopped_early = true;
    true
}
