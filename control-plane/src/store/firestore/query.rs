//! Questions that Firestore's automatic indexes answer: one collection, conditions on one field, in its order.

use std::collections::BTreeSet;

use firestore::gcloud_sdk::google::firestore::v1::structured_query::composite_filter::Operator as Together;
use firestore::gcloud_sdk::google::firestore::v1::structured_query::field_filter::Operator;
use firestore::gcloud_sdk::google::firestore::v1::structured_query::filter::FilterType;
use firestore::gcloud_sdk::google::firestore::v1::structured_query::{
    CollectionSelector, CompositeFilter, Direction, FieldFilter, FieldReference, Filter, Order, Projection,
};
use firestore::gcloud_sdk::google::firestore::v1::value::ValueType;
use firestore::gcloud_sdk::google::firestore::v1::{Cursor, StructuredQuery, Value};

use super::doc::{int, text, typed};

/// A document's name, as a field.
const NAME: &str = "__name__";

/// A question to one collection.
#[derive(Clone, Debug)]
pub(super) struct Query {
    /// The document that the collection is below; empty: the database itself.
    pub(super) parent: String,
    query: StructuredQuery,
    conditions: Vec<Filter>,
    /// The document to go on after.
    after: Option<String>,
}

impl Query {
    /// All documents of a collection at the top.
    pub(super) fn all(collection: &str) -> Self {
        Self::below("", collection)
    }

    /// All documents of a collection below a document.
    pub(super) fn below(parent: &str, collection: &str) -> Self {
        let from = vec![CollectionSelector { collection_id: collection.to_owned(), all_descendants: false }];
        let query = StructuredQuery { from, ..StructuredQuery::default() };
        Self { parent: parent.to_owned(), query, conditions: Vec::new(), after: None }
    }

    fn when(mut self, field: &str, op: Operator, value: Value) -> Self {
        let filter = FieldFilter { field: Some(reference(field)), op: op.into(), value: Some(value) };
        self.conditions.push(Filter { filter_type: Some(FilterType::FieldFilter(filter)) });
        self
    }

    pub(super) fn equals(self, field: &str, value: &str) -> Self {
        self.when(field, Operator::Equal, text(value))
    }

    pub(super) fn equals_bytes(self, field: &str, value: &[u8]) -> Self {
        self.when(field, Operator::Equal, typed(ValueType::BytesValue(value.to_vec())))
    }

    pub(super) fn is(self, field: &str) -> Self {
        self.when(field, Operator::Equal, typed(ValueType::BooleanValue(true)))
    }

    pub(super) fn has(self, field: &str, value: &str) -> Self {
        self.when(field, Operator::ArrayContains, text(value))
    }

    pub(super) fn at_most(self, field: &str, value: u64) -> Self {
        self.when(field, Operator::LessThanOrEqual, int(value))
    }

    pub(super) fn at_least(self, field: &str, value: u64) -> Self {
        self.when(field, Operator::GreaterThanOrEqual, int(value))
    }

    pub(super) fn under(self, field: &str, value: u64) -> Self {
        self.when(field, Operator::LessThan, int(value))
    }

    pub(super) fn over(self, field: &str, value: u64) -> Self {
        self.when(field, Operator::GreaterThan, int(value))
    }

    /// Texts between these two, without either.
    pub(super) fn between(self, field: &str, low: &str, high: &str) -> Self {
        self.when(field, Operator::GreaterThan, text(low)).when(field, Operator::LessThan, text(high))
    }

    pub(super) fn up(self, field: &str) -> Self {
        self.by(field, Direction::Ascending)
    }

    pub(super) fn down(self, field: &str) -> Self {
        self.by(field, Direction::Descending)
    }

    /// By name, after the document of that path.
    pub(super) fn by_name(self, after: Option<String>) -> Self {
        Self { after, ..self.by(NAME, Direction::Ascending) }
    }

    fn by(mut self, field: &str, direction: Direction) -> Self {
        self.query.order_by.push(Order { field: Some(reference(field)), direction: direction.into() });
        self
    }

    pub(super) fn limit(mut self, limit: usize) -> Self {
        self.query.limit = i32::try_from(limit).ok();
        self
    }

    /// These fields alone; none: just the names.
    pub(super) fn only(mut self, fields: &[&str]) -> Self {
        let fields = if fields.is_empty() { &[NAME][..] } else { fields };
        let fields = fields.iter().map(|field| reference(field)).collect();
        self.query.select = Some(Projection { fields });
        self
    }

    /// As Firestore takes it; `root` is the path of the database's documents.
    pub(super) fn finish(self, root: &str) -> StructuredQuery {
        debug_assert!(self.is_about_one_field(), "an index of its own would be needed: {self:?}");
        let mut query = self.query;
        query.r#where = match self.conditions.len() {
            0 => None,
            1 => self.conditions.into_iter().next(),
            _ => {
                let filters = CompositeFilter { op: Together::And.into(), filters: self.conditions };
                Some(Filter { filter_type: Some(FilterType::CompositeFilter(filters)) })
            }
        };
        query.start_at = self.after.map(|path| {
            let values = vec![typed(ValueType::ReferenceValue(format!("{root}/{path}")))];
            Cursor { values, before: false }
        });
        query
    }
}

impl Query {
    /// Whether an automatic index answers: conditions on one field at most, and its order or that of names. The emulator
    /// answers anything; so every test holds every question to this.
    fn is_about_one_field(&self) -> bool {
        let conditions = self.conditions.iter().filter_map(|condition| match &condition.filter_type {
            Some(FilterType::FieldFilter(filter)) => filter.field.as_ref(),
            _ => None,
        });
        let orders = self.query.order_by.iter().filter_map(|order| order.field.as_ref());
        let by_name_down = self.query.order_by.iter().any(|order| {
            order.direction == i32::from(Direction::Descending)
                && order.field.as_ref().is_some_and(|field| field.field_path == NAME)
        });
        let fields = conditions.chain(orders).map(|field| field.field_path.as_str());
        let fields: BTreeSet<_> = fields.filter(|field| *field != NAME).collect();
        fields.len() <= 1 && !by_name_down
    }
}

fn reference(field: &str) -> FieldReference {
    FieldReference { field_path: field.to_owned() }
}
