//! The settings that a person is asked for by clients and catalogues that read a manifest. README.md has all of them.
//!
//! The bundle and `server.json` are made from this list. A client hands over every field of a bundle, so optional
//! settings have the program's own default here. A field without one arrives as a literal `${user_config.…}` when it is
//! left blank. The program takes that for unset, and says so.

use serde_json::{Map, Value, json};

/// A setting.
pub(super) struct Setting {
    /// The variable.
    name: &'static str,
    title: &'static str,
    description: &'static str,
    kind: Kind,
}

/// What a value is, and what holds without one.
enum Kind {
    /// It must be given.
    Required,
    /// It must be given, and nobody may read it.
    Secret,
    /// A text, with its default.
    Text(&'static str),
    /// A file. None has no value that could be a default.
    File,
    /// Yes or no, with its default.
    Choice(bool),
    /// A whole number with default, minimum and maximum.
    Number(u32, u32, u32),
}

/// The settings that most people need. The policy file has the rest.
pub(super) const SETTINGS: [Setting; 9] = [
    Setting {
        name: "ELKS_API_USERNAME",
        title: "API username",
        description: "The API username of your 46elks account. Use a subaccount with a usage limit.",
        kind: Kind::Required,
    },
    Setting {
        name: "ELKS_API_PASSWORD",
        title: "API password",
        description: "The API password of that account.",
        kind: Kind::Secret,
    },
    Setting {
        name: "ELKS_PHONE_NUMBER",
        title: "Sender",
        description: "Who messages are from: a number of the account, like +46766861004, or a name of 3 to 11 letters \
                      and digits.",
        kind: Kind::Required,
    },
    Setting {
        name: "DRY_RUN",
        title: "Dry run",
        description: "While this is on, nothing is ever sent: messages are checked and priced.",
        kind: Kind::Choice(true),
    },
    Setting {
        name: "CONFIRM_SENDS",
        title: "Ask before each send",
        description: "The client shows you each message before it is sent. A client that cannot ask sends nothing.",
        kind: Kind::Choice(false),
    },
    Setting {
        name: "ELKS_ALLOWED_RECIPIENTS",
        title: "Allowed recipients",
        description: "Numbers that may be sent to, with commas between them, and beginnings like +4670*. * is anyone.",
        kind: Kind::Text("*"),
    },
    Setting {
        name: "ELKS_MAX_SMS_PER_DAY",
        title: "Messages a day",
        description: "How many messages are sent in any 24 hours at most.",
        kind: Kind::Number(100, 1, 1_000_000),
    },
    Setting {
        name: "ELKS_SPEND_PER_DAY",
        title: "Amount a day",
        description: "What messages may cost in any 24 hours, in the account's currency, like 25.50. * is no limit.",
        kind: Kind::Text("*"),
    },
    Setting {
        name: "ELKS_POLICY_FILE",
        title: "Policy file",
        description: "The absolute path of a file with more limits, if you have one.",
        kind: Kind::File,
    },
];

impl Setting {
    /// The field of a bundle that holds the setting.
    fn field(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    fn is_required(&self) -> bool {
        matches!(self.kind, Kind::Required | Kind::Secret)
    }
}

/// The fields that a bundle asks for.
pub(super) fn user_config() -> Value {
    let mut fields = Map::new();
    for setting in &SETTINGS {
        let kind = match setting.kind {
            Kind::Required => json!({"type": "string", "required": true}),
            Kind::Secret => json!({"type": "string", "required": true, "sensitive": true}),
            Kind::Text(default) => json!({"type": "string", "required": false, "default": default}),
            Kind::File => json!({"type": "file", "required": false}),
            Kind::Choice(default) => json!({"type": "boolean", "required": false, "default": default}),
            Kind::Number(default, min, max) => {
                json!({"type": "number", "required": false, "default": default, "min": min, "max": max})
            }
        };
        let mut field = json!({"title": setting.title, "description": setting.description});
        merge(&mut field, kind);
        fields.insert(setting.field(), field);
    }
    fields.into()
}

/// How a bundle hands the fields to the program.
pub(super) fn bundle_environment() -> Value {
    let variables = SETTINGS.iter().map(|setting| (setting.name, format!("${{user_config.{}}}", setting.field())));
    variables.map(|(name, value)| (name.to_string(), value.into())).collect::<Map<_, _>>().into()
}

/// The settings as `server.json` lists them.
pub(super) fn environment_variables() -> Value {
    let listed = SETTINGS.iter().map(|setting| {
        let kind = match setting.kind {
            Kind::Required => json!({"format": "string"}),
            Kind::Secret => json!({"format": "string", "isSecret": true}),
            Kind::File => json!({"format": "filepath"}),
            Kind::Text(default) => json!({"format": "string", "default": default}),
            Kind::Choice(default) => json!({"format": "boolean", "default": default.to_string()}),
            Kind::Number(default, ..) => json!({"format": "number", "default": default.to_string()}),
        };
        let mut listed = json!({
            "name": setting.name, "description": setting.description, "isRequired": setting.is_required(),
        });
        merge(&mut listed, kind);
        listed
    });
    listed.collect()
}

/// Adds the members of one object to another.
fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
