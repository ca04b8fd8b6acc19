//! Calls to Firestore, each with a deadline, tried again where that does no harm.

use std::time::Duration;

use firestore::FirestoreDb;
use firestore::gcloud_sdk::google::firestore::v1::batch_get_documents_response::Result as Found;
use firestore::gcloud_sdk::google::firestore::v1::run_aggregation_query_request;
use firestore::gcloud_sdk::google::firestore::v1::run_query_request::QueryType;
use firestore::gcloud_sdk::google::firestore::v1::structured_aggregation_query as counting;
use firestore::gcloud_sdk::google::firestore::v1::value::ValueType;
use firestore::gcloud_sdk::google::firestore::v1::{
    BatchGetDocumentsRequest, CommitRequest, RunAggregationQueryRequest, RunQueryRequest, RunQueryResponse,
    StructuredAggregationQuery, Write, WriteResult,
};
use firestore::gcloud_sdk::prost::Message;
use firestore::gcloud_sdk::tonic::{Code, Status, Streaming};
use tokio::time::Instant;

use super::super::{Result, StoreError};
use super::doc::Doc;
use super::query::Query;
use super::write::Change;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The pause before the second attempt; it doubles from there.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// What Firestore takes in a document: a little less than 1 MiB, for what it counts besides.
const DOCUMENT: usize = 1_048_576 - 2_048;
/// What Firestore takes in one call: a little less than 4 MiB.
pub(super) const CALL: usize = 4 * 1024 * 1024 - 16_384;
/// How many documents one call changes.
pub(super) const WRITES: usize = 500;
/// How many documents are asked for by name in one call.
const GETS: usize = 300;

/// What may be sent once more when nobody knows whether it came the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Again {
    /// It comes to the same, or its conditions are not met the second time.
    Harmless,
    /// It would count twice, or lose the answer that one caller gets.
    Harmful,
}

/// What became of a commit.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was made.
    Done(Vec<WriteResult>),
    /// A condition was not met; nothing was changed. After an attempt whose fate is unknown, that attempt may be why.
    Unmet,
}

/// A connection to a database.
#[derive(Debug)]
pub(super) struct Client {
    db: FirestoreDb,
    patience: Duration,
}

/// Attempts at one thing, until its time is over.
pub(super) struct Attempts {
    until: Instant,
    pause: Duration,
}

impl Attempts {
    fn new(patience: Duration) -> Self {
        Self { until: Instant::now() + patience, pause: PAUSE }
    }

    /// One attempt, and not longer than there is time.
    async fn one<T, E: From<Status>>(
        &self,
        call: impl Future<Output = std::result::Result<T, E>>,
    ) -> std::result::Result<T, E> {
        let until = self.until.min(Instant::now() + ATTEMPT);
        let late = |_| Err(Status::deadline_exceeded("the store did not answer in time").into());
        tokio::time::timeout_at(until, call).await.unwrap_or_else(late)
    }

    /// Waits before the next attempt, at random, so that many who met do not meet again. `false`: the time is over.
    async fn wait(&mut self) -> bool {
        let pause = self.pause.mul_f64(rand::random_range(0.5..1.5));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        let goes_on = Instant::now() + pause < self.until;
        if goes_on {
            tokio::time::sleep(pause).await;
        }
        goes_on
    }

    /// Waits before the next attempt at something that others changed meanwhile.
    pub(super) async fn again(&mut self) -> Result<()> {
        if self.wait().await {
            return Ok(());
        }
        Err(StoreError::Unavailable("others kept changing it".into()))
    }
}

impl Client {
    pub(super) const fn new(db: FirestoreDb, patience: Duration) -> Self {
        Self { db, patience }
    }

    pub(super) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Attempts at something that takes several calls.
    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.patience)
    }

    fn root(&self) -> &str {
        self.db.get_documents_path()
    }

    /// A path, as Firestore names documents.
    pub(super) fn full(&self, path: &str) -> String {
        format!("{}/{path}", self.root())
    }

    fn database(&self) -> String {
        self.db.get_database_path().clone()
    }

    /// A document.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Doc>> {
        Ok(self.get_all(&[path.to_owned()]).await?.into_iter().next())
    }

    /// A document that should be there.
    pub(super) async fn need(&self, path: &str) -> Result<Doc> {
        self.get(path).await?.ok_or(StoreError::NotFound)
    }

    /// Those of these documents that are there, in no order.
    pub(super) async fn get_all(&self, paths: &[String]) -> Result<Vec<Doc>> {
        let mut docs = Vec::new();
        for paths in paths.chunks(GETS) {
            docs.extend(self.reading(|| self.get_once(paths)).await?);
        }
        Ok(docs)
    }

    async fn get_once(&self, paths: &[String]) -> std::result::Result<Vec<Doc>, Failure> {
        let request = BatchGetDocumentsRequest {
            database: self.database(),
            documents: paths.iter().map(|path| self.full(path)).collect(),
            ..BatchGetDocumentsRequest::default()
        };
        let mut answers = self.db.client().get().batch_get_documents(request).await?.into_inner();
        let mut docs = Vec::new();
        while let Some(answer) = answers.message().await? {
            if let Some(Found::Found(document)) = answer.result {
                docs.push(Doc::from(document, self.root())?);
            }
        }
        Ok(docs)
    }

    /// The documents that a query finds.
    pub(super) async fn query(&self, query: Query) -> Result<Vec<Doc>> {
        self.reading(|| self.query_once(query.clone())).await
    }

    /// What `take` makes, beginning with `fresh`, of the documents that a query finds, and how many it was given. The rest is
    /// not read once it says that it wants no more.
    pub(super) async fn query_into<T>(
        &self,
        query: Query,
        fresh: impl Fn() -> T,
        take: impl Fn(&mut T, &Doc) -> Result<bool>,
    ) -> Result<(T, usize)> {
        self.reading(|| async {
            let mut answers = self.run(query.clone()).await?;
            let (mut made, mut given) = (fresh(), 0);
            while let Some(answer) = answers.message().await? {
                let Some(document) = answer.document else { continue };
                given += 1;
                if !take(&mut made, &Doc::from(document, self.root())?)? {
                    break;
                }
            }
            Ok((made, given))
        })
        .await
    }

    async fn query_once(&self, query: Query) -> std::result::Result<Vec<Doc>, Failure> {
        let mut answers = self.run(query).await?;
        let mut docs = Vec::new();
        while let Some(answer) = answers.message().await? {
            if let Some(document) = answer.document {
                docs.push(Doc::from(document, self.root())?);
            }
        }
        Ok(docs)
    }

    async fn run(&self, query: Query) -> std::result::Result<Streaming<RunQueryResponse>, Failure> {
        let request = RunQueryRequest {
            parent: self.parent(&query),
            query_type: Some(QueryType::StructuredQuery(query.finish(self.root()))),
            ..RunQueryRequest::default()
        };
        Ok(self.db.client().get().run_query(request).await?.into_inner())
    }

    /// How many documents a query finds.
    pub(super) async fn count(&self, query: Query) -> Result<u64> {
        self.reading(|| self.count_once(query.clone())).await
    }

    async fn count_once(&self, query: Query) -> std::result::Result<u64, Failure> {
        let count = counting::Aggregation {
            alias: "count".to_owned(),
            operator: Some(counting::aggregation::Operator::Count(counting::aggregation::Count::default())),
        };
        let parent = self.parent(&query);
        let counted = StructuredAggregationQuery {
            aggregations: vec![count],
            query_type: Some(counting::QueryType::StructuredQuery(query.finish(self.root()))),
        };
        let request = RunAggregationQueryRequest {
            parent,
            query_type: Some(run_aggregation_query_request::QueryType::StructuredAggregationQuery(counted)),
            ..RunAggregationQueryRequest::default()
        };
        let mut answers = self.db.client().get().run_aggregation_query(request).await?.into_inner();
        while let Some(answer) = answers.message().await? {
            let count = answer.result.and_then(|mut result| result.aggregate_fields.remove("count"));
            if let Some(ValueType::IntegerValue(count)) = count.and_then(|count| count.value_type) {
                return u64::try_from(count).map_err(|error| Failure::Here(StoreError::malformed(error)));
            }
        }
        Err(Failure::Here(StoreError::malformed("a count without a number")))
    }

    fn parent(&self, query: &Query) -> String {
        if query.parent.is_empty() { self.root().to_owned() } else { self.full(&query.parent) }
    }

    async fn reading<T, F>(&self, call: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, Failure>>,
    {
        let mut attempts = self.attempts();
        loop {
            match attempts.one(call()).await {
                Ok(found) => return Ok(found),
                Err(Failure::Here(error)) => return Err(error),
                Err(Failure::There(status)) => {
                    if !may_pass(status.code()) || !attempts.wait().await {
                        return Err(because(*status));
                    }
                }
            }
        }
    }

    /// Makes all of these changes, or none.
    pub(super) async fn commit(&self, changes: Vec<Change>, again: Again) -> Result<Outcome> {
        let request = self.request(changes)?;
        let mut attempts = self.attempts();
        loop {
            let call = async { Ok(self.db.client().get().commit(request.clone()).await?) };
            let status = match attempts.one::<_, Box<Status>>(call).await {
                Ok(answer) => return Ok(Outcome::Done(answer.into_inner().write_results)),
                Err(status) => *status,
            };
            if is_unmet(status.code()) {
                return Ok(Outcome::Unmet);
            }
            let harmless = again == Again::Harmless || was_not_made(status.code());
            if !harmless || !may_pass(status.code()) || !attempts.wait().await {
                return Err(because(status));
            }
        }
    }

    /// Makes all of these changes; there are no conditions that might not be met.
    pub(super) async fn done(&self, changes: Vec<Change>, again: Again) -> Result<Vec<WriteResult>> {
        match self.commit(changes, again).await? {
            Outcome::Done(results) => Ok(results),
            Outcome::Unmet => Err(StoreError::Conflict),
        }
    }

    fn request(&self, changes: Vec<Change>) -> Result<CommitRequest> {
        let writes: Vec<Write> = changes.into_iter().map(Write::from).collect();
        if writes.len() > WRITES {
            let words = format!("{} documents at once; Firestore takes {WRITES}", writes.len());
            return Err(StoreError::malformed(words));
        }
        let largest = writes.iter().map(Message::encoded_len).max().unwrap_or_default();
        let request = CommitRequest { database: self.database(), writes, ..CommitRequest::default() };
        let size = request.encoded_len();
        if largest > DOCUMENT || size > CALL {
            let words = format!(
                "a document of {largest} bytes in a call of {size}; Firestore takes {DOCUMENT} and {CALL}"
            );
            return Err(StoreError::malformed(words));
        }
        Ok(request)
    }
}

/// Why a reading call failed.
enum Failure {
    /// Firestore said no, or nothing.
    There(Box<Status>),
    /// What it said makes no sense.
    Here(StoreError),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::There(Box::new(status))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Here(error)
    }
}

/// Whether a commit's condition was not met. (A query never fails so, but for a missing index.)
const fn is_unmet(code: Code) -> bool {
    matches!(code, Code::AlreadyExists | Code::NotFound | Code::FailedPrecondition)
}

/// Whether a commit that failed so was certainly not made.
const fn was_not_made(code: Code) -> bool {
    matches!(code, Code::Aborted | Code::ResourceExhausted)
}

/// Whether the same call may succeed a moment later.
const fn may_pass(code: Code) -> bool {
    matches!(
        code,
        Code::Aborted
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Internal
            | Code::ResourceExhausted
            | Code::Unavailable
            | Code::Unknown
    )
}

/// A failure of Firestore's, as the caller sees it.
fn because(status: Status) -> StoreError {
    match status.code() {
        Code::ResourceExhausted => StoreError::Full(Box::new(status)),
        Code::InvalidArgument | Code::OutOfRange | Code::DataLoss => StoreError::Malformed(Box::new(status)),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::Unauthenticated => StoreError::Unavailable(Box::new(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_used_up_quota_is_full_and_silence_is_unavailable() {
        assert!(matches!(because(Status::resource_exhausted("quota")), StoreError::Full(_)));
        assert!(matches!(because(Status::invalid_argument("too large")), StoreError::Malformed(_)));
        for status in [Status::unavailable("down"), Status::permission_denied("no"), Status::internal("?")] {
            assert!(matches!(because(status), StoreError::Unavailable(_)));
        }
    }

    #[test]
    fn only_what_was_certainly_not_made_is_sent_again_whatever_it_is() {
        for code in
            [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled, Code::Internal, Code::Unknown]
        {
            assert!(may_pass(code) && !was_not_made(code), "{code:?}");
        }
        assert!(was_not_made(Code::Aborted) && may_pass(Code::Aborted));
        for code in [Code::InvalidArgument, Code::PermissionDenied, Code::Unauthenticated, Code::NotFound] {
            assert!(!may_pass(code), "{code:?}");
        }
    }
}
