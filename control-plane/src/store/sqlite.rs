//! The embedded store: one SQLite file, in WAL mode, durable at every commit.
//!
//! One thread writes. It takes what has queued up and commits it together (each job in a savepoint of its own), so
//! that a busy store pays one `fsync` for many writers. Reads go to a few connections of their own.

mod access;
mod audit;
mod conversations;
pub mod files;
mod people;
mod schema;
mod secrets;
mod transfer;
mod values;
mod workspaces;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use protocol::Millis;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{Result, Store, StoreError};

/// Writes that may queue up. Beyond it writers wait.
const QUEUE: usize = 1024;
/// How long one that nobody waits for waits for others: a commit, with its `fsync`, costs more than what is in it.
const LINGER: Duration = Duration::from_millis(2);
/// Writes that are committed together at most.
const TOGETHER: usize = 256;
/// Connections for reading.
const READERS: usize = 3;
/// Pages that the writing thread keeps in memory, in KiB. With SQLite's own 2 MiB a thousand conversations that are
/// written to at the same time would be read from the file again and again.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// Pages in the log before it is copied into the file; 16 MiB. The more, the fewer copies of a page that is written to
/// often.
const CHECKPOINT_PAGES: u32 = 4096;
/// How long another process (a backup, a sign-in command) may hold the write lock.
const BUSY: Duration = Duration::from_secs(5);
/// How long emptying the log may wait for what is being read, and writes for it.
const EMPTYING: Duration = Duration::from_millis(500);
/// Tries to switch a fresh file to WAL while others do the same.
const SWITCHES: u32 = 20;

/// What is to be written.
struct Job {
    write: Write,
    /// Nobody waits for it: it may wait for others to be committed with.
    patient: bool,
}
type Write = Box<dyn FnOnce(Option<&Connection>) -> Answer + Send>;
/// Tells the caller how it went, once it is known whether the commit succeeded.
type Answer = Box<dyn FnOnce(Option<&rusqlite::Error>) + Send>;

/// A store in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    writer: mpsc::Sender<Job>,
    readers: Arc<Readers>,
}

#[derive(Debug)]
struct Readers {
    free: Arc<Semaphore>,
    connections: Mutex<Vec<Connection>>,
}

impl Sqlite {
    /// Opens the file, or makes it, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file can't be opened, or belongs to a newer version.
    pub fn open(path: &Path) -> Result<Self> {
        let mut connection = Connection::open(path).map_err(failed)?;
        configure(&connection).map_err(failed)?;
        schema::migrate(&mut connection)?;
        let readers = (0..READERS).map(|_| read_only(path)).collect::<Result<Vec<_>>>()?;
        let (writer, jobs) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write_all(connection, jobs))
            .map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let readers = Readers { free: Arc::new(Semaphore::new(READERS)), connections: Mutex::new(readers) };
        Ok(Self { path: path.to_owned(), writer, readers: Arc::new(readers) })
    }

    /// Copies the log into the file and empties it, so that what was removed is in neither. What is being read keeps it from that
    /// until the next time.
    async fn empty_log(&self) {
        let path = self.path.clone();
        let done = tokio::task::spawn_blocking(move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(EMPTYING)?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))
        });
        match done.await {
            Ok(Ok(false)) => {}
            left => tracing::warn!(?left, "what was removed may still be in the store's log"),
        }
    }

    /// Runs `job` in a transaction on the writing thread. It may be committed together with others.
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_with(false, job).await
    }

    /// The same; `patient`: nobody waits for it.
    async fn write_with<T: Send + 'static>(
        &self,
        patient: bool,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let write = Box::new(move |connection: Option<&Connection>| {
            let done = connection.map_or_else(|| Err(gone()), |connection| undoing(connection, job));
            let told: Answer = Box::new(move |commit_failed| {
                let _ = answer.send(match commit_failed {
                    Some(error) => Err(failed_because(error)),
                    None => done,
                });
            });
            told
        });
        self.writer.send(Job { write, patient }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let readers = Arc::clone(&self.readers);
        let permit = Arc::clone(&readers.free).acquire_owned().await.map_err(|_| gone())?;
        let done = tokio::task::spawn_blocking(move || {
            let take = || readers.connections.lock().unwrap_or_else(PoisonError::into_inner);
            let connection = take().pop().ok_or_else(gone)?;
            let done = job(&connection);
            take().push(connection);
            // Here, not in the caller: one that goes away must not give up a connection that is still in use.
            drop(permit);
            done
        });
        done.await.map_err(|error| StoreError::Unavailable(Box::new(error)))?
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    switch_to_wal(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is removed is overwritten, not only forgotten where it lies.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// While others switch the same fresh file, SQLite refuses at once instead of waiting; so this waits for them to be
/// done, and tries again.
fn switch_to_wal(connection: &Connection) -> rusqlite::Result<()> {
    let switch = || connection.pragma_update(None, "journal_mode", "WAL");
    for _ in 0..SWITCHES {
        match switch() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
            }
            done => return done,
        }
    }
    switch()
}

fn read_only(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The writing thread: ends when the store is dropped.
fn write_all(mut connection: Connection, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.blocking_recv() {
        if first.patient {
            std::thread::park_timeout(LINGER);
        }
        let mut batch = vec![first];
        while batch.len() < TOGETHER
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
        write_batch(&mut connection, batch);
    }
}

fn write_batch(connection: &mut Connection, batch: Vec<Job>) {
    let mut jobs = batch.into_iter();
    while jobs.len() > 0 {
        write_together(connection, &mut jobs);
    }
}

/// Runs jobs in one transaction: all that are left, or up to the first whose failure ends the transaction.
fn write_together(connection: &mut Connection, jobs: &mut std::vec::IntoIter<Job>) {
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => return jobs.for_each(|job| (job.write)(None)(Some(&error))),
    };
    let mut answers: Vec<Answer> = Vec::new();
    for job in jobs {
        let answer = (job.write)(Some(&transaction));
        if transaction.is_autocommit() {
            // On a full disk, say, SQLite undoes the whole transaction: with it those before, but not those to come.
            let undone = undone();
            answers.into_iter().for_each(|answer| answer(Some(&undone)));
            return answer(None);
        }
        answers.push(answer);
    }
    let failed = transaction.commit().err();
    for answer in answers {
        answer(failed.as_ref());
    }
}

/// Runs `body` so that an error undoes what it did and leaves the rest of its batch alone.
fn undoing<T>(connection: &Connection, body: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    run(connection, "SAVEPOINT body")?;
    let done = body(connection);
    if connection.is_autocommit() {
        return done;
    }
    if done.is_err() {
        run(connection, "ROLLBACK TO body")?;
    }
    run(connection, "RELEASE body")?;
    done
}

/// Runs a statement that is run so often that reading it anew each time would show.
fn run(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map_err(failed).map(drop)
}

/// What befell a write that was undone with another's.
fn undone() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK);
    rusqlite::Error::SqliteFailure(code, Some("undone, since a write beside it failed".to_owned()))
}

fn gone() -> StoreError {
    StoreError::Unavailable("the store was closed".into())
}

/// An error of SQLite, as the caller sees it.
fn failed(error: rusqlite::Error) -> StoreError {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, QueryReturnedNoRows,
    };
    match (&error, error.sqlite_error_code()) {
        (_, Some(ErrorCode::DiskFull)) => StoreError::Full(Box::new(error)),
        // What it was to belong to is not there.
        (_, Some(ErrorCode::ConstraintViolation)) if of_foreign_key(&error) => StoreError::NotFound,
        (_, Some(ErrorCode::ConstraintViolation)) => StoreError::Conflict,
        (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        | (FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..), _) => {
            StoreError::Malformed(Box::new(error))
        }
        (QueryReturnedNoRows, _) => StoreError::NotFound,
        _ => StoreError::Unavailable(Box::new(error)),
    }
}

fn of_foreign_key(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}

/// The same for an error that several callers share.
fn failed_because(error: &rusqlite::Error) -> StoreError {
    let words = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full(words.into()),
        _ => StoreError::Unavailable(words.into()),
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn check(&self) -> Result<()> {
        self.write(schema::touch).await?;
        self.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(())).map_err(failed)).await
    }

    async fn tidy(&self, now: Millis) -> Result<()> {
        self.sweep_all().await?;
        self.write(move |connection| access::tidy(connection, now)).await?;
        self.empty_log().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job that keeps a secret of that size, and where its outcome will be.
    fn keep(name: &'static str, size: usize) -> (Job, std::sync::mpsc::Receiver<Result<()>>) {
        let (answer, answered) = std::sync::mpsc::channel();
        let write = Box::new(move |connection: Option<&Connection>| {
            let body = |connection: &Connection| secrets::create(connection, name, &vec![0; size]).map(drop);
            let done = undoing(connection.unwrap(), body);
            let told: Answer = Box::new(move |commit_failed| {
                let _ = answer.send(commit_failed.map_or(done, |error| Err(failed_because(error))));
            });
            told
        });
        (Job { write, patient: false }, answered)
    }

    #[test]
    fn a_write_that_fills_the_disk_is_told_so_and_no_other_is_told_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = Connection::open(dir.path().join("atelier.db")).unwrap();
        configure(&connection).unwrap();
        schema::migrate(&mut connection).unwrap();
        connection.pragma_update(None, "max_page_count", 60).unwrap();
        let (before, told_before) = keep("before", 10);
        let (large, told_large) = keep("large", 1_000_000);
        let (after, told_after) = keep("after", 10);
        write_batch(&mut connection, vec![before, large, after]);
        let sql = "SELECT count(*) FROM secrets WHERE name = ?1";
        let kept = |name| connection.query_row(sql, [name], |row| row.get::<_, u32>(0)).unwrap() == 1;
        let told = told_before.recv().unwrap();
        assert!(matches!(told, Err(StoreError::Unavailable(_))) && !kept("before"), "{told:?}");
        let told = told_large.recv().unwrap();
        assert!(matches!(told, Err(StoreError::Full(_))) && !kept("large"), "{told:?}");
        let told = told_after.recv().unwrap();
        assert!(told.is_ok() && kept("after"), "{told:?}");
    }
}
