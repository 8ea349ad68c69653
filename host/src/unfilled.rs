//! Values that the person did not write: a variable, a template or a reference that was meant to be replaced before the
//! program started, and was not. Which client leaves which is in `docs/install/settings.md`.

use crate::assignments::Place;

/// What somebody left in the place of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfilled {
    /// `${user_config.NAME}`: the person left an optional field of a bundle blank.
    Blank,
    /// `${NAME}`, also as a part of the value.
    Braces,
    /// `$NAME`, `$env:NAME`, also before the rest of a path.
    Dollar,
    /// `$(command)`.
    Command,
    /// `{{NAME}}`, also as a part of the value.
    Template,
    /// `%NAME%`, also before the rest of a path.
    Percent,
    /// `<your password>`, as samples have it.
    Sample,
    /// `__encrypted__:…`, as Claude Desktop stores a secret.
    Encrypted,
    /// `op://vault/item/field` and the references of other password managers.
    Reference,
    /// `{env:NAME}`, `{file:NAME}`.
    Env,
    /// `undefined`, `null`, `[object Object]`: what programs write when they have no value.
    Nothing,
    /// `********`: a secret as screens show it.
    Masked,
}

/// The words of programs for no value.
const NOTHING: [&str; 5] = ["undefined", "null", "nan", "nil", "none"];

/// How references of password managers begin.
const REFERENCES: [&str; 12] = [
    "op://",
    "vault://",
    "vault:",
    "bws://",
    "keychain://",
    "keyring://",
    "pass://",
    "doppler://",
    "infisical://",
    "aws-sm://",
    "azure-kv://",
    "gcp-sm://",
];

impl Unfilled {
    /// What stands in the place of a value; nothing if it can be a value.
    pub(crate) fn of(value: &str) -> Option<Self> {
        let value = value.trim();
        if between(value, "${user_config.", "}").is_some_and(|name| !name.contains('}')) {
            return Some(Self::Blank);
        }
        let lower = value.to_ascii_lowercase();
        Some(if has(value, "${", "}") {
            Self::Braces
        } else if has(value, "{{", "}}") {
            Self::Template
        } else if between(value, "$(", ")").is_some() {
            Self::Command
        } else if value.strip_prefix('$').is_some_and(|rest| is_name(first(rest.strip_prefix("env:").unwrap_or(rest))))
        {
            Self::Dollar
        } else if between(first(value), "%", "%").is_some_and(is_name) {
            Self::Percent
        } else if between(value, "<", ">").is_some_and(|inside| !inside.is_empty()) {
            Self::Sample
        } else if lower.starts_with("__encrypted__") {
            Self::Encrypted
        } else if REFERENCES.iter().any(|begin| lower.starts_with(begin)) {
            Self::Reference
        } else if between(value, "{env:", "}").or_else(|| between(value, "{file:", "}")).is_some() {
            Self::Env
        } else if NOTHING.contains(&lower.as_str()) || between(&lower, "[object ", "]").is_some() {
            Self::Nothing
        } else if value.chars().count() > 2 && value.chars().all(|c| ['*', '•', '●', '…'].contains(&c)) {
            Self::Masked
        } else {
            return None;
        })
    }

    /// What stands there, and why, behind the name of the setting.
    fn cause(self, place: Place) -> String {
        let unreplaced = match place {
            Place::Environment => "your MCP client did not fill in the variable",
            Place::SettingsFile(_) | Place::PolicyFile(_) => "variables are not filled in here",
        };
        let (literal, cause) = match self {
            Self::Blank | Self::Braces => ("a literal ${…}", unreplaced),
            Self::Dollar => ("a literal $NAME", unreplaced),
            Self::Template => ("a literal {{…}}", unreplaced),
            Self::Percent => ("a literal %NAME%", unreplaced),
            Self::Command => ("a literal $(…)", "no shell has run the command"),
            Self::Sample => ("a literal <…>", "it is the sample's"),
            Self::Encrypted => ("a literal __encrypted__:…", "your MCP client did not decrypt what it had stored"),
            Self::Reference => ("a reference of a password manager, such as op://…", "nobody has looked it up"),
            Self::Env => ("a literal {env:…} or {file:…}", unreplaced),
            Self::Nothing => ("a word like undefined or null", "some program had no value to write there"),
            Self::Masked => ("signs like ****", "some program showed the value masked, and it was copied"),
        };
        format!("holds {literal}: {cause}")
    }

    /// What is wrong and what to do, behind the name of the setting.
    pub(crate) fn problem(self, place: Place) -> String {
        let advice = match self {
            Self::Encrypted => {
                "enter it in the client again, or keep it in a file (--settings, or the variable with _FILE at its end)"
            }
            Self::Reference => {
                "start the program through the manager (as in `op run -- elks-mcp`), or write the value itself"
            }
            _ => "write the value itself",
        };
        format!("{}, so {advice}", self.cause(place))
    }

    /// That the setting counts as not set, behind its name.
    pub(crate) fn warning(self, place: Place) -> String {
        format!("{}; it counts as not set", self.cause(place))
    }
}

/// The text between a beginning and an end that make up the whole value.
fn between<'a>(value: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    value.strip_prefix(begin)?.strip_suffix(end)
}

/// The first part of a path.
fn first(path: &str) -> &str {
    path.split(['/', '\\']).next().unwrap_or_default()
}

/// Whether a beginning stands somewhere, and its end behind it.
fn has(value: &str, begin: &str, end: &str) -> bool {
    value.split_once(begin).is_some_and(|(_, rest)| rest.contains(end))
}

/// Whether a text can be the name of a variable.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_recognised() {
        for (value, expected) in [
            ("${user_config.api_password}", Unfilled::Blank),
            ("${ELKS_API_PASSWORD}", Unfilled::Braces),
            ("${env:ELKS_API_PASSWORD}", Unfilled::Braces),
            ("${input:elks-password}", Unfilled::Braces),
            ("${HOME}/policy", Unfilled::Braces),
            ("${user_config.a}${user_config.b}", Unfilled::Braces),
            ("+46701740605,${MORE}", Unfilled::Braces),
            (" ${X:-default} ", Unfilled::Braces),
            ("$ELKS_API_PASSWORD", Unfilled::Dollar),
            ("$env:ELKS_API_PASSWORD", Unfilled::Dollar),
            ("$(pass show 46elks)", Unfilled::Command),
            ("{{ELKS_API_PASSWORD}}", Unfilled::Template),
            ("{{ secrets.elks }}", Unfilled::Template),
            ("%ELKS_API_PASSWORD%", Unfilled::Percent),
            ("<your-api-password>", Unfilled::Sample),
            ("__encrypted__:djEwAAAA", Unfilled::Encrypted),
            ("op://Private/46elks/password", Unfilled::Reference),
            ("OP://Private/46elks/password", Unfilled::Reference),
            ("$HOME/elks.env", Unfilled::Dollar),
            ("$env:APPDATA\\elks.env", Unfilled::Dollar),
            ("%APPDATA%\\elks-mcp\\settings.env", Unfilled::Percent),
            ("{env:ELKS_API_PASSWORD}", Unfilled::Env),
            ("{file:~/.secrets/elks}", Unfilled::Env),
            ("undefined", Unfilled::Nothing),
            ("NULL", Unfilled::Nothing),
            ("None", Unfilled::Nothing),
            ("NaN", Unfilled::Nothing),
            ("[object Object]", Unfilled::Nothing),
            ("********", Unfilled::Masked),
            ("••••", Unfilled::Masked),
        ] {
            assert_eq!(Unfilled::of(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn values_that_people_write_are_left_alone() {
        for value in [
            "",
            "$",
            "$5",
            "pa$$word",
            "Pa$word",
            "{}",
            "${",
            "}${",
            "%",
            "%%",
            "100%",
            "%41%20",
            "a{{b",
            "<>",
            "a<b>",
            "$a-b",
            "*",
            "…",
            "**",
            "nullable",
            "[object",
            "%41/%20",
            "0A1B2C3D4E5F60718293A4B5C6D7E8F9",
            "+46701740605",
            "MyShop",
            "true",
            "http://proxy.example.com:3128",
            "opel://x",
            "anna=+46701740605, dr-berg=+46766861004",
            "21:00-08:00 Europe/Stockholm",
        ] {
            assert_eq!(Unfilled::of(value), None, "{value}");
        }
    }

    #[test]
    fn only_the_environment_is_the_clients() {
        let of_client = Unfilled::Dollar.problem(Place::Environment);
        assert!(of_client.contains("your MCP client did not fill in the variable, so write the value"), "{of_client}");
        let of_file = Unfilled::Dollar.problem(Place::SettingsFile(3));
        assert_eq!(of_file, "holds a literal $NAME: variables are not filled in here, so write the value itself");
        assert!(Unfilled::Reference.problem(Place::PolicyFile(1)).contains("op run -- elks-mcp"));
        assert!(Unfilled::Blank.warning(Place::Environment).ends_with("; it counts as not set"));
    }
}
