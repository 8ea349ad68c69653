//! Contacts in calls: the served schema offers the operator's names, and a name in a call becomes its number before
//! anything else reads the call. Pure.

use super::TOOLS_JSON;
use crate::policy::Policy;
use crate::tools::Tool;
use serde_json::{Map, Value, json};
use sms_rules::phone;

/// The argument that names a person outside the account.
const TO: &str = "to";

/// The tool list as it is served under a policy.
///
/// # Errors
/// The embedded list is not JSON, which a test rules out.
pub fn served(policy: &Policy) -> serde_json::Result<Vec<Value>> {
    let mut tools: Vec<Value> = serde_json::from_str(TOOLS_JSON)?;
    let names = policy.contact_names();
    if names.is_empty() {
        return Ok(tools);
    }
    for tool in &mut tools {
        let Some(known) = tool["name"].as_str().and_then(Tool::named) else { continue };
        let Some(to) = tool["inputSchema"]["properties"].get_mut(TO) else { continue };
        if must_be_named(known, policy) {
            *to = json!({"type": "string", "enum": names, "description": "One of the operator's contacts."});
        } else {
            let described = to["description"].as_str().map_or(String::new(), |text| format!(" {text}"));
            to["description"] = json!(format!("A number, or a contact's name: {}.{described}", names.join(", ")));
            to["minLength"] = json!(1);
        }
    }
    Ok(tools)
}

/// Why a recipient cannot be resolved.
pub(crate) enum Unresolved {
    /// It is no contact's name, although only contacts can be reached.
    NotAContact,
    /// It is a name of the served list that the policy file has taken away, or given another number, since the start.
    Changed,
}

/// Replaces a contact's name in a call's arguments by its number. Returns the name of the contact that the arguments
/// name or whose number they have, as the operator wrote it. `served` is the policy whose names the tool list has.
///
/// # Errors
/// The call needs a name and has something else, or a name that is none any more. Arguments without a recipient are
/// left to the check of the schema.
pub(crate) fn resolve(
    tool: Tool,
    served: &Policy,
    policy: &Policy,
    arguments: &mut Map<String, Value>,
) -> Result<Option<String>, Unresolved> {
    let Some(Value::String(to)) = arguments.get_mut(TO) else { return Ok(None) };
    let Some(number) = policy.contact(to.trim()).map(str::to_string) else {
        if served.contact(to.trim()).is_some() {
            return Err(Unresolved::Changed);
        }
        if must_be_named(tool, policy) {
            return Err(Unresolved::NotAContact);
        }
        // A call with the number of a contact means the contact, too.
        let number = phone::e164(to).ok();
        return Ok(number.and_then(|number| policy.contact_of(&number).map(Into::into)));
    };
    *to = number;
    Ok(policy.contact_of(to).map(Into::into))
}

/// Whether the recipient of a call must be a contact's name: the tools that send or price a message, when the operator
/// allows contacts only.
fn must_be_named(tool: Tool, policy: &Policy) -> bool {
    policy.contacts_only() && matches!(tool, Tool::SendSms | Tool::EstimateSmsCost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Settings, Variables};
    use std::sync::Arc;

    fn policy(more: &[(&str, &str)]) -> Arc<Policy> {
        let mut settings = vec![("ELKS_CONTACTS", "anna=+46701740605, dr-berg=+46 70-174 06 06")];
        settings.extend(more);
        Settings::read(&Variables::from(settings.as_slice()), true).expect("are valid").policy.start()
    }

    fn resolved(tool: Tool, policy: &Policy, to: Value) -> Result<(Option<String>, Value), &'static str> {
        let mut arguments = Map::from_iter([("to".to_string(), to)]);
        let name = resolve(tool, policy, policy, &mut arguments).map_err(|_| "not a contact")?;
        Ok((name, arguments["to"].take()))
    }

    #[test]
    fn a_name_becomes_its_number() {
        let policy = policy(&[]);
        let anna = || Ok((Some("anna".into()), json!("+46701740605")));
        for to in ["anna", "Anna", " ANNA "] {
            assert_eq!(resolved(Tool::SendSms, &policy, json!(to)), anna(), "{to}");
            assert_eq!(resolved(Tool::GetSmsMessages, &policy, json!(to)), anna(), "{to}");
        }
        let number = json!("+46 70-174 06 05");
        let named = Ok((Some("anna".into()), number.clone()));
        assert_eq!(resolved(Tool::SendSms, &policy, number), named, "the number is that of a contact");
        for to in [json!("+46701740609"), json!("bertil"), json!(""), json!(5), json!(null)] {
            assert_eq!(resolved(Tool::SendSms, &policy, to.clone()), Ok((None, to)));
        }
    }

    #[test]
    fn with_contacts_only_a_message_takes_a_name_and_nothing_else() {
        let policy = policy(&[("ELKS_CONTACTS_ONLY", "true")]);
        for tool in [Tool::SendSms, Tool::EstimateSmsCost] {
            assert!(resolved(tool, &policy, json!("dr-berg")).is_ok());
            for to in ["+46701740605", "+46701740607", "bertil", ""] {
                assert_eq!(resolved(tool, &policy, json!(to)), Err("not a contact"), "{to}");
            }
        }
        assert_eq!(
            resolved(Tool::GetSmsMessages, &policy, json!("+46701740607")),
            Ok((None, json!("+46701740607"))),
            "the history can be read as before"
        );
    }

    #[test]
    fn the_served_list_offers_the_names() {
        let to = |policy: &Policy, tool: Tool| {
            let tools = served(policy).expect("is JSON");
            let served = tools.into_iter().find(|served| served["name"] == tool.name()).expect("is served");
            served["inputSchema"]["properties"]["to"].clone()
        };
        let only = policy(&[("ELKS_CONTACTS_ONLY", "true")]);
        for tool in [Tool::SendSms, Tool::EstimateSmsCost] {
            assert_eq!(to(&only, tool)["enum"], json!(["anna", "dr-berg"]));
        }
        for (policy, tool) in [(&policy(&[]), Tool::SendSms), (&only, Tool::GetSmsMessages)] {
            let to = to(policy, tool);
            assert!(
                to["description"]
                    .as_str()
                    .expect("has one")
                    .starts_with("A number, or a contact's name: anna, dr-berg.")
            );
            assert!(to["enum"].is_null());
        }
        let list: Vec<Value> = serde_json::from_str(TOOLS_JSON).expect("is JSON");
        assert_eq!(served(&Policy::defaults()).expect("is JSON"), list, "without contacts nothing changes");
    }
}
