//! A value before its key has judged it.

use std::fmt;

/// What a file, the environment or a flag can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Text. From the environment and from flags everything is text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl Value {
    pub(super) fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A number between `min` and `max`.
    pub(super) fn u32(&self, min: u32, max: u32) -> Option<u32> {
        let number = match self {
            Self::Integer(value) => u32::try_from(*value).ok(),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }?;
        (min..=max).contains(&number).then_some(number)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A list; text is split at commas.
    pub(super) fn list(&self) -> Option<Vec<String>> {
        match self {
            Self::List(items) => Some(items.clone()),
            Self::Text(text) => Some(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(str::to_owned)
                    .collect(),
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(items) => write!(f, "{items:?}"),
        }
    }
}
