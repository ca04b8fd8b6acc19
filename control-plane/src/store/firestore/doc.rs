//! Documents: their fields as our types, and the names of documents.

use std::collections::HashMap;

use firestore::gcloud_sdk::google::firestore::v1::value::ValueType;
use firestore::gcloud_sdk::google::firestore::v1::{ArrayValue, Document, Value};
use firestore::gcloud_sdk::prost_types::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::super::{Hash, Result, StoreError};

/// A document that was read.
#[derive(Clone, Debug)]
pub(super) struct Doc {
    /// Its path, below the database's documents.
    pub(super) path: String,
    /// When it last changed: what a later write can insist on.
    pub(super) updated: Timestamp,
    fields: HashMap<String, Value>,
}

impl Doc {
    /// Firestore's document, whose name begins with `root` and a slash.
    pub(super) fn from(document: Document, root: &str) -> Result<Self> {
        let path = document.name.strip_prefix(root).and_then(|rest| rest.strip_prefix('/'));
        let path = path.ok_or_else(|| StoreError::malformed(format!("a document {}", document.name)))?;
        let updated =
            document.update_time.ok_or_else(|| StoreError::malformed("a document without a time"))?;
        Ok(Self { path: path.to_owned(), updated, fields: document.fields })
    }

    /// The last part of its path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn value(&self, field: &str) -> Option<&ValueType> {
        self.fields.get(field).and_then(|value| value.value_type.as_ref())
    }

    fn wrong(&self, field: &str) -> StoreError {
        StoreError::malformed(format!("{}: the field {field}", self.path))
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.value(field).is_some()
    }

    pub(super) fn text(&self, field: &str) -> Result<&str> {
        match self.value(field) {
            Some(ValueType::StringValue(text)) => Ok(text),
            _ => Err(self.wrong(field)),
        }
    }

    pub(super) fn maybe_text(&self, field: &str) -> Result<Option<&str>> {
        if self.has(field) { self.text(field).map(Some) } else { Ok(None) }
    }

    pub(super) fn int(&self, field: &str) -> Result<u64> {
        match self.value(field) {
            Some(ValueType::IntegerValue(value)) => u64::try_from(*value).map_err(|_| self.wrong(field)),
            _ => Err(self.wrong(field)),
        }
    }

    pub(super) fn maybe_int(&self, field: &str) -> Result<Option<u64>> {
        if self.has(field) { self.int(field).map(Some) } else { Ok(None) }
    }

    pub(super) fn small(&self, field: &str) -> Result<u32> {
        u32::try_from(self.int(field)?).map_err(|_| self.wrong(field))
    }

    pub(super) fn flag(&self, field: &str) -> Result<bool> {
        match self.value(field) {
            Some(ValueType::BooleanValue(value)) => Ok(*value),
            _ => Err(self.wrong(field)),
        }
    }

    pub(super) fn bytes(&self, field: &str) -> Result<&[u8]> {
        match self.value(field) {
            Some(ValueType::BytesValue(bytes)) => Ok(bytes),
            _ => Err(self.wrong(field)),
        }
    }

    pub(super) fn hash(&self, field: &str) -> Result<Hash> {
        self.bytes(field)?.try_into().map_err(|_| self.wrong(field))
    }

    pub(super) fn id(&self, field: &str) -> Result<Uuid> {
        self.text(field)?.parse().map_err(|_| self.wrong(field))
    }

    /// The id that its name is.
    pub(super) fn own_id(&self) -> Result<Uuid> {
        self.name().parse().map_err(|_| self.wrong("name"))
    }

    /// The hash that its name is.
    pub(super) fn own_hash(&self) -> Result<Hash> {
        let name = self.name();
        let byte =
            |at: usize| name.get(2 * at..2 * at + 2).and_then(|text| u8::from_str_radix(text, 16).ok());
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| self.wrong("name"))
    }

    pub(super) fn json<T: DeserializeOwned>(&self, field: &str) -> Result<T> {
        serde_json::from_slice(self.bytes(field)?).map_err(StoreError::malformed)
    }

    pub(super) fn maybe_json<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>> {
        if self.has(field) { self.json(field).map(Some) } else { Ok(None) }
    }
}

/// Fields to be written. JSON goes in as bytes, which Firestore does not look into.
#[derive(Clone, Default, Debug)]
pub(super) struct Fields(pub(super) HashMap<String, Value>);

impl Fields {
    fn with(mut self, field: &str, value: Option<Value>) -> Self {
        if let Some(value) = value {
            self.0.insert(field.to_owned(), value);
        }
        self
    }

    pub(super) fn text(self, field: &str, value: impl Into<String>) -> Self {
        self.with(field, Some(text(value)))
    }

    pub(super) fn maybe_text(self, field: &str, value: Option<impl Into<String>>) -> Self {
        self.with(field, value.map(text))
    }

    pub(super) fn int(self, field: &str, value: u64) -> Self {
        self.with(field, Some(int(value)))
    }

    pub(super) fn maybe_int(self, field: &str, value: Option<u64>) -> Self {
        self.with(field, value.map(int))
    }

    pub(super) fn flag(self, field: &str, value: bool) -> Self {
        self.with(field, Some(typed(ValueType::BooleanValue(value))))
    }

    pub(super) fn bytes(self, field: &str, value: &[u8]) -> Self {
        self.with(field, Some(typed(ValueType::BytesValue(value.to_vec()))))
    }

    pub(super) fn texts(self, field: &str, values: impl IntoIterator<Item = String>) -> Self {
        let values = values.into_iter().map(text).collect();
        self.with(field, Some(typed(ValueType::ArrayValue(ArrayValue { values }))))
    }

    pub(super) fn json<T: Serialize>(self, field: &str, value: &T) -> Result<Self> {
        let json = serde_json::to_vec(value).map_err(StoreError::malformed)?;
        Ok(self.bytes(field, &json))
    }

    pub(super) fn maybe_json<T: Serialize>(self, field: &str, value: Option<&T>) -> Result<Self> {
        match value {
            Some(value) => self.json(field, value),
            None => Ok(self),
        }
    }
}

/// A value of Firestore's.
pub(super) const fn typed(value: ValueType) -> Value {
    Value { value_type: Some(value) }
}

/// A text.
pub(super) fn text(value: impl Into<String>) -> Value {
    typed(ValueType::StringValue(value.into()))
}

/// A count. Firestore's integers are signed; ours stay far below the limit.
pub(super) fn int(value: u64) -> Value {
    typed(ValueType::IntegerValue(i64::try_from(value).unwrap_or(i64::MAX)))
}

/// The count that a value is.
pub(super) fn count(value: &Value) -> Option<u64> {
    match value.value_type {
        Some(ValueType::IntegerValue(value)) => u64::try_from(value).ok(),
        _ => None,
    }
}

/// A hash as a document's name.
pub(super) fn hex(hash: &[u8]) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The hash of a text, as a document's name: for texts of any length.
pub(super) fn hashed(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// A text as part of a document's name or of a key: letters, digits and hyphens stand for themselves, every other byte is
/// written out, and an empty text is a lone `%`.
pub(super) fn plain(text: &str) -> String {
    if text.is_empty() {
        return "%".to_owned();
    }
    let bytes = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        byte => format!("%{byte:02x}"),
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_texts_have_one_plain_form_and_each_is_a_legal_name() {
        let texts = ["", "%", "ca", "CA", "a/b", "a%2fb", "..", ".", "__x__", "하나", "a b", "a\nb"];
        let plain: std::collections::HashSet<_> = texts.iter().map(|text| plain(text)).collect();
        assert_eq!(plain.len(), texts.len());
        assert!(
            plain
                .iter()
                .all(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-%".contains(&byte)))
        );
    }
}
