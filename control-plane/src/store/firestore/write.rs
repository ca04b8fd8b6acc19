//! What a commit changes, and on what condition.

use firestore::gcloud_sdk::google::firestore::v1::document_transform::FieldTransform;
use firestore::gcloud_sdk::google::firestore::v1::document_transform::field_transform::TransformType;
use firestore::gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use firestore::gcloud_sdk::google::firestore::v1::write::Operation;
use firestore::gcloud_sdk::google::firestore::v1::{Document, DocumentMask, Precondition, Write};
use firestore::gcloud_sdk::prost::Message;
use firestore::gcloud_sdk::prost_types::Timestamp;

use super::client::Client;
use super::doc::{Doc, Fields, int};

/// One document's change.
#[derive(Debug)]
pub(super) struct Change(Write);

impl From<Change> for Write {
    fn from(change: Change) -> Self {
        change.0
    }
}

impl Change {
    /// Only if the document is there.
    pub(super) fn if_there(self) -> Self {
        self.on(ConditionType::Exists(true))
    }

    /// Only if the document has not changed since it was read.
    pub(super) fn if_still(self, doc: &Doc) -> Self {
        self.if_unchanged_since(doc.updated)
    }

    /// Only if the document last changed then.
    pub(super) fn if_unchanged_since(self, updated: Timestamp) -> Self {
        self.on(ConditionType::UpdateTime(updated))
    }

    /// Adds to a count, which begins at zero.
    pub(super) fn adding(self, field: &str, more: u64) -> Self {
        self.transforming(field, TransformType::Increment(int(more)))
    }

    /// Raises a count to at least that.
    pub(super) fn at_least(self, field: &str, value: u64) -> Self {
        self.transforming(field, TransformType::Maximum(int(value)))
    }

    /// How much of a call it takes.
    pub(super) fn size(&self) -> usize {
        self.0.encoded_len()
    }

    fn transforming(mut self, field: &str, transform: TransformType) -> Self {
        let transform = FieldTransform { field_path: field.to_owned(), transform_type: Some(transform) };
        self.0.update_transforms.push(transform);
        self
    }

    fn on(mut self, condition: ConditionType) -> Self {
        self.0.current_document = Some(Precondition { condition_type: Some(condition) });
        self
    }
}

impl Client {
    /// Makes a document that is not there yet.
    pub(super) fn create(&self, path: &str, fields: Fields) -> Change {
        self.set(path, fields).on(ConditionType::Exists(false))
    }

    /// Writes a document whole, in place of what is there.
    pub(super) fn set(&self, path: &str, fields: Fields) -> Change {
        Change(Write { operation: Some(Operation::Update(self.document(path, fields))), ..Write::default() })
    }

    /// Writes these fields of a document and leaves the others alone.
    pub(super) fn update(&self, path: &str, fields: Fields) -> Change {
        let field_paths = fields.0.keys().cloned().collect();
        let Change(write) = self.set(path, fields);
        Change(Write { update_mask: Some(DocumentMask { field_paths }), ..write })
    }

    /// Writes these fields of a document, removes those, and leaves the others alone.
    pub(super) fn update_without(&self, path: &str, fields: Fields, removed: &[&str]) -> Change {
        let mut change = self.update(path, fields);
        if let Some(mask) = &mut change.0.update_mask {
            mask.field_paths.extend(removed.iter().map(|&field| field.to_owned()));
        }
        change
    }

    /// Removes a document, if it is there.
    pub(super) fn delete(&self, path: &str) -> Change {
        Change(Write { operation: Some(Operation::Delete(self.full(path))), ..Write::default() })
    }

    /// Changes nothing, and holds the commit to the document being there.
    pub(super) fn verify(&self, path: &str) -> Change {
        self.update(path, Fields::default()).if_there()
    }

    fn document(&self, path: &str, fields: Fields) -> Document {
        Document { name: self.full(path), fields: fields.0, create_time: None, update_time: None }
    }
}
