//! Strings with a length that cannot be exceeded, for whatever a workspace may have made up.

/// `text` cut to at most `max` bytes at a character boundary.
pub fn clip(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Defines a string newtype that refuses, when parsed or deserialised, more than `$max` bytes or an empty text.
macro_rules! bounded_string {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, TS)]
        pub struct $name(String);

        impl $name {
            /// The longest value, in bytes.
            pub const MAX: usize = $max;

            /// The value, or `None` when it is empty or longer than [`Self::MAX`].
            pub fn new(text: impl Into<String>) -> Option<Self> {
                let text = text.into();
                (!text.is_empty() && text.len() <= Self::MAX).then_some(Self(text))
            }

            /// The value, cut to what is allowed; `-` stands for nothing at all.
            pub fn clipped(text: &str) -> Self {
                let text = $crate::bounded::clip(text, Self::MAX);
                Self(if text.is_empty() { "-".to_owned() } else { text.to_owned() })
            }

            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let text = utoipa::openapi::schema::Type::String;
                let object = utoipa::openapi::ObjectBuilder::new().schema_type(text);
                object.min_length(Some(1)).max_length(Some($max)).into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text).ok_or_else(|| {
                    serde::de::Error::custom(concat!(stringify!($name), ": empty or longer than ", $max, " bytes"))
                })
            }
        }
    };
}

pub(crate) use bounded_string;

#[cfg(test)]
mod tests {
    use super::clip;

    #[test]
    fn clip_never_splits_a_character() {
        assert_eq!(clip("작업공간", 4), "작");
        assert_eq!(clip("abc", 10), "abc");
        assert_eq!(clip("é", 1), "");
    }
}
