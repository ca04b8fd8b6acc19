//! Moving everything from one store to another: in pages, taken up again where it was cut off, and compared at the end.

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use super::{Digest, Table};
use crate::store::Store;

/// The mark of a store that a move into was begun: where from, and how far it has come.
const ARRIVING: &str = "arriving";
/// The mark of a store that everything was moved out of: where to.
const DEPARTED: &str = "departed";

/// How far a move has come.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Arriving {
    from: String,
    /// The table, and where in it; `None`: everything has come, and is being compared.
    at: Option<(String, Option<String>)>,
}

/// What was moved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Each table, and its fingerprint on both sides. None: everything had been moved before.
    pub tables: Vec<(Table, Digest)>,
}

/// Moves everything. Neither store may be in use. A move that was cut off goes on where it was. With `copy`, the source
/// goes on being the one that counts.
///
/// # Errors
/// When a store fails, the target holds something else, or what came is not what went.
pub async fn move_all(
    (from, from_name): (&dyn Store, &str),
    (to, to_name): (&dyn Store, &str),
    copy: bool,
) -> anyhow::Result<Moved> {
    match from.mark(DEPARTED).await? {
        Some(elsewhere) if elsewhere != to_name => {
            bail!("everything in {from_name} was moved to {elsewhere} before");
        }
        // Cut off after its last step, or run again: the target may have been served from since.
        Some(_) if to.mark(ARRIVING).await?.is_none() => return Ok(Moved { tables: Vec::new() }),
        Some(_) | None => {}
    }
    ensure!(from.mark(ARRIVING).await?.is_none(), "{from_name} is incomplete: a move into it was cut off");
    let begun = begin(to, to_name, from_name).await?;
    send(from, to, begun).await?;
    let tables = compare(from, to).await;
    if tables.is_err() {
        // Once more from the beginning, next time: what is there already is kept as it is.
        keep(to, &Arriving { from: from_name.to_owned(), at: start() }).await?;
    }
    let tables = tables?;
    if !copy {
        from.set_mark(DEPARTED, Some(to_name)).await?;
    }
    to.set_mark(ARRIVING, None).await?;
    to.set_mark(DEPARTED, None).await?;
    Ok(Moved { tables })
}

/// Has a store serve again that everything was moved out of. What was moved stays where it went.
///
/// # Errors
/// When the store fails.
pub async fn abandon(from: &dyn Store) -> anyhow::Result<bool> {
    let departed = from.mark(DEPARTED).await?.is_some();
    from.set_mark(DEPARTED, None).await?;
    Ok(departed)
}

/// Refuses a store that is not all there, or not the one that counts any more.
///
/// # Errors
/// Then, and when the store fails.
pub async fn ensure_whole(store: &dyn Store) -> anyhow::Result<()> {
    ensure!(
        store.mark(ARRIVING).await?.is_none(),
        "the store is incomplete: a move into it was cut off; run `control-plane move-store` again"
    );
    if let Some(elsewhere) = store.mark(DEPARTED).await? {
        bail!(
            "everything was moved from this store to {elsewhere}; serve from there (ATELIER_STORE), or give that up with \
             `control-plane move-store --abandon`"
        );
    }
    Ok(())
}

fn start() -> Option<(String, Option<String>)> {
    Some((Table::ALL[0].name().to_owned(), None))
}

/// The move that was begun, or a new one into an empty store.
async fn begin(to: &dyn Store, to_name: &str, from_name: &str) -> anyhow::Result<Arriving> {
    if let Some(text) = to.mark(ARRIVING).await? {
        let begun: Arriving = serde_json::from_str(&text).context("the move that was begun")?;
        ensure!(
            begun.from == from_name,
            "a move from {} into {to_name} was begun; finish that, or begin with an empty store",
            begun.from
        );
        return Ok(begun);
    }
    for table in Table::ALL {
        let found = to.export(table, None).await?.entries.len();
        ensure!(found == 0, "{to_name} is not empty: it has {}", table.name());
    }
    let begun = Arriving { from: from_name.to_owned(), at: start() };
    keep(to, &begun).await?;
    Ok(begun)
}

async fn keep(to: &dyn Store, arriving: &Arriving) -> anyhow::Result<()> {
    Ok(to.set_mark(ARRIVING, Some(&serde_json::to_string(arriving)?)).await?)
}

async fn send(from: &dyn Store, to: &dyn Store, mut arriving: Arriving) -> anyhow::Result<()> {
    while let Some((name, cursor)) = arriving.at.take() {
        let table = Table::named(&name).with_context(|| format!("there is no table {name}"))?;
        let page = from.export(table, cursor.as_deref()).await.with_context(|| format!("reading {name}"))?;
        to.import(&page.entries).await.with_context(|| format!("writing {name}"))?;
        arriving.at = match page.next {
            Some(next) => Some((name, Some(next))),
            None => {
                tracing::info!(table = name, "moved");
                after(table).map(|table| (table.name().to_owned(), None))
            }
        };
        keep(to, &arriving).await?;
    }
    Ok(())
}

fn after(table: Table) -> Option<Table> {
    Table::ALL.into_iter().skip_while(|other| *other != table).nth(1)
}

async fn compare(from: &dyn Store, to: &dyn Store) -> anyhow::Result<Vec<(Table, Digest)>> {
    let mut tables = Vec::new();
    for table in Table::ALL {
        let (sent, come) = (digest(from, table).await?, digest(to, table).await?);
        ensure!(
            sent == come,
            "{} differ: {sent} were sent, {come} have come. Was one of the stores in use? Move again.",
            table.name()
        );
        tables.push((table, sent));
    }
    Ok(tables)
}

/// A table's fingerprint.
///
/// # Errors
/// When the store fails.
async fn digest(store: &dyn Store, table: Table) -> anyhow::Result<Digest> {
    let (mut digest, mut from) = (Digest::default(), None);
    loop {
        let page = store.export(table, from.as_deref()).await?;
        for entry in &page.entries {
            digest.add(entry)?;
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(digest),
        }
    }
}
