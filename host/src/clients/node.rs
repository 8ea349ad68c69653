//! A value of a configuration file, in the same form for JSON, TOML and YAML.

/// A value. A map keeps the order of its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A string.
    Text(String),
    /// True or false.
    Flag(bool),
    /// A list.
    List(Vec<Node>),
    /// A map.
    Map(Vec<(String, Node)>),
    /// Anything else, as it stands in the file: this module compares it and never reads it.
    Other(String),
}

impl Node {
    /// A string.
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_string())
    }

    /// A list of strings.
    pub(super) fn texts(texts: &[String]) -> Self {
        Self::List(texts.iter().map(|text| Self::text(text)).collect())
    }

    /// The members of a map.
    pub(super) fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Map(members) => members,
            _ => &[],
        }
    }

    /// A member of a map.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The string that it is.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The strings of a list; nothing if it is no list of strings.
    pub(super) fn as_texts(&self) -> Option<Vec<String>> {
        match self {
            Self::List(list) => list.iter().map(|one| one.as_text().map(str::to_string)).collect(),
            _ => None,
        }
    }

    /// The document without one entry of a section. An empty section counts as none, because an edit may add it.
    pub(super) fn without(&self, section: &str, name: &str) -> Self {
        let mut left = Vec::new();
        for (key, value) in self.members() {
            let value = match value {
                Self::Map(entries) if key == section => {
                    let others: Vec<_> = entries.iter().filter(|(known, _)| known != name).cloned().collect();
                    if others.is_empty() {
                        continue;
                    }
                    Self::Map(others)
                }
                other => other.clone(),
            };
            left.push((key.clone(), value));
        }
        Self::Map(left)
    }
}
