//! What a person does not see, or what would steer their screen, is spelled out before it reaches
//! a client or the log. The component does so too, but nobody has to trust that.

#[path = "../../guest/src/rules/invisible.rs"]
#[expect(unreachable_pub, reason = "the file is the guest's, where it is public")]
mod invisible;

pub(crate) use invisible::visible;

use serde_json::Value;
use std::borrow::Cow;

/// Spells out the unseen in every text of a result.
pub(crate) fn clean(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(spelled) = visible(text) {
                *text = spelled;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(fields) => fields.values_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
