//! What people send: a document an item. What is long of it is kept apart, once, by its digest, so that a step which
//! changes many items stays within what one call takes.

use std::collections::{HashMap, HashSet};

use protocol::outbox::{Item, ItemState, What};
use protocol::{ConversationId, ItemId, WorkspaceId};
use sha2::{Digest, Sha256};

use super::super::{Hash, Result, StoreError};
use super::Firestore;
use super::client::{Again, Outcome};
use super::conversations::{Body, Head};
use super::doc::{Doc, Fields, hex};
use super::query::Query;
use super::write::Change;

/// The most that stays with its item, as JSON.
const INLINE: usize = 4 * 1024;
/// Of how many texts one process remembers that they are kept.
const TEXTS: usize = 1_000;

/// An item's document.
pub(super) fn path(body: &Body, item: ItemId) -> String {
    format!("outbox/{body}.{item}")
}

fn text_path(body: &Body, digest: &Hash) -> String {
    format!("bodies/{body}/texts/{}", hex(digest))
}

/// All items of a body, in a steady order.
pub(super) fn of(body: &Body) -> Query {
    Query::all("outbox").between("by_rev", &format!("{body}/"), &format!("{body}0")).up("by_rev")
}

/// All items of a body after that one, in the same order.
pub(super) fn after(body: &Body, by_rev: &str) -> Query {
    Query::all("outbox").between("by_rev", by_rev, &format!("{body}0")).up("by_rev")
}

/// What is long of an item.
enum Long {
    /// A message's text, as it is: as JSON it might be six times as long.
    Text(Vec<u8>),
    /// All that was sent, as JSON.
    What(Vec<u8>),
}

impl Long {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(bytes) | Self::What(bytes) => bytes,
        }
    }

    fn digest(&self) -> Hash {
        Sha256::digest(self.bytes()).into()
    }
}

/// An item without what is long of it, and that.
fn apart(item: &Item) -> Result<(Item, Option<Long>)> {
    let json = serde_json::to_vec(&item.what).map_err(StoreError::malformed)?;
    let mut rest = item.clone();
    if json.len() <= INLINE {
        return Ok((rest, None));
    }
    let long = match &mut rest.what {
        What::Message { text, .. } => Long::Text(std::mem::take(text).into_bytes()),
        What::Answer { .. } | What::Stop { .. } | What::Continue { .. } => {
            rest.what = What::Stop { message: None };
            Long::What(json)
        }
    };
    Ok((rest, Some(long)))
}

impl Firestore {
    /// Keeps the long texts of these items, before the step that refers to them.
    pub(super) async fn keep_texts(&self, head: &mut Head, items: &[Item]) -> Result<()> {
        if head.texts.len() > TEXTS {
            head.texts.clear();
        }
        for item in items {
            let (_, Some(long)) = apart(item)? else { continue };
            if !head.texts.contains(&long.digest()) {
                self.keep_long(&head.body, &long).await?;
                head.texts.insert(long.digest());
            }
        }
        Ok(())
    }

    /// Keeps what is long of an item of a body's, as long as there is the body.
    async fn keep_long(&self, body: &Body, long: &Long) -> Result<()> {
        let fields = Fields::default().bytes("text", long.bytes());
        let changes =
            vec![self.client.verify(&body.path()), self.client.set(&text_path(body, &long.digest()), fields)];
        match self.client.commit(changes, Again::Harmless).await? {
            Outcome::Done(_) => Ok(()),
            Outcome::Unmet => Err(StoreError::NotFound),
        }
    }

    /// Keeps items as they are, with what is long of them.
    pub(super) async fn import_item(
        &self,
        body: &Body,
        workspace: WorkspaceId,
        item: &Item,
    ) -> Result<Change> {
        if let (_, Some(long)) = apart(item)? {
            self.keep_long(body, &long).await?;
        }
        self.put_item(body, workspace, item)
    }

    /// The change that keeps an item, without its long text.
    pub(super) fn put_item(&self, body: &Body, workspace: WorkspaceId, item: &Item) -> Result<Change> {
        let (rest, long) = apart(item)?;
        let (open, shown) = match item.state {
            ItemState::Saved | ItemState::Delivered | ItemState::Started => (true, true),
            ItemState::Refused { .. } => (false, true),
            ItemState::Done | ItemState::Unknown { .. } | ItemState::Cancelled => (false, false),
        };
        let when = |yes: bool, text: String| if yes { Some(text) } else { None };
        let fields = Fields::default()
            .text("by_rev", format!("{body}/{:020}/{}", item.rev, item.id))
            .maybe_text("open", when(open, body.to_string()))
            .maybe_text("open_in", when(open, workspace.to_string()))
            .maybe_text("shown", when(shown, body.to_string()))
            .maybe_text("long", long.map(|long| hex(&long.digest())))
            .json("content", &rest)?;
        Ok(self.client.set(&path(body, item.id), fields))
    }

    /// Items that are not final, and besides those changed after a revision or those that were refused.
    pub(super) async fn items(&self, body: &Body, changed_after: Option<u64>) -> Result<Vec<Item>> {
        let with = |field| Query::all("outbox").equals(field, &body.0);
        let docs = match changed_after {
            None => self.client.query(with("shown")).await?,
            Some(rev) => {
                // In this order: what ceases to be open in between is found among what has changed.
                let mut docs = self.client.query(with("open")).await?;
                docs.extend(self.client.query(after(body, &format!("{body}/{rev:020}0"))).await?);
                docs
            }
        };
        let items = self.read_items(body, &docs).await?;
        let mut latest: HashMap<ItemId, Item> = HashMap::new();
        for item in items {
            if latest.get(&item.id).is_none_or(|known| known.rev <= item.rev) {
                latest.insert(item.id, item);
            }
        }
        Ok(latest.into_values().collect())
    }

    pub(super) async fn item(&self, body: &Body, item: ItemId) -> Result<Option<Item>> {
        let doc = self.client.get(&path(body, item)).await?;
        Ok(self.read_items(body, doc.as_slice()).await?.pop())
    }

    /// Items, with what is long of them.
    pub(super) async fn read_items(&self, body: &Body, docs: &[Doc]) -> Result<Vec<Item>> {
        let mut long = HashSet::new();
        for doc in docs {
            if let Some(digest) = doc.maybe_text("long")? {
                long.insert(format!("bodies/{body}/texts/{digest}"));
            }
        }
        let long: Vec<_> = long.into_iter().collect();
        let mut texts = HashMap::new();
        for doc in self.client.get_all(&long).await? {
            texts.insert(doc.name().to_owned(), doc.bytes("text")?.to_vec());
        }
        docs.iter().map(|doc| read_item(doc, &texts)).collect()
    }

    /// Conversations of a workspace with open items.
    pub(super) async fn open_in(&self, workspace: WorkspaceId) -> Result<Vec<ConversationId>> {
        let open = Query::all("outbox").equals("open_in", &workspace.to_string()).only(&["open"]);
        let docs = self.client.query(open).await?;
        let bodies = docs.iter().map(|doc| doc.text("open").map(|body| Body(body.to_owned()).path()));
        let bodies: HashSet<String> = bodies.collect::<Result<_>>()?;
        // A body without its document is one that is being swept away.
        let bodies = self.client.get_all(&bodies.into_iter().collect::<Vec<_>>()).await?;
        bodies.iter().map(|doc| doc.id("conversation").map(ConversationId)).collect()
    }
}

fn read_item(doc: &Doc, texts: &HashMap<String, Vec<u8>>) -> Result<Item> {
    let mut item: Item = doc.json("content")?;
    let Some(digest) = doc.maybe_text("long")? else { return Ok(item) };
    let missing = || StoreError::malformed(format!("what is long of {} is missing", doc.path));
    let long = texts.get(digest).ok_or_else(missing)?;
    match &mut item.what {
        What::Message { text, .. } => {
            *text = String::from_utf8(long.clone()).map_err(StoreError::malformed)?;
        }
        what @ (What::Answer { .. } | What::Stop { .. } | What::Continue { .. }) => {
            *what = serde_json::from_slice(long).map_err(StoreError::malformed)?;
        }
    }
    Ok(item)
}
