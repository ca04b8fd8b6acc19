//! Workspaces, enrolment, leases, spending.

use std::ops::Range;

use async_trait::async_trait;
use protocol::link::Catalog;
use protocol::{Millis, UserId, WorkspaceId};
use uuid::Uuid;

use super::super::records::{Certificates, Last, Lease, UsageKey, UsageRecord, Wanted, WorkspaceRecord};
use super::super::{Hash, Result, StoreError, Workspaces};
use super::client::{Again, Outcome};
use super::doc::{Doc, Fields, count, hashed};
use super::query::Query;
use super::sweep::Grave;
use super::write::Change;
use super::{Firestore, people};

/// How many workspaces are read at a time.
const PAGE: usize = 200;

/// A workspace's document.
pub(super) fn path(id: WorkspaceId) -> String {
    format!("workspaces/{id}")
}

/// The document of a workspace's one good enrolment token.
pub(super) fn enrolment_path(id: WorkspaceId) -> String {
    format!("enrolments/{id}")
}

/// The document that says who has a workspace.
pub(super) fn lease_path(id: WorkspaceId) -> String {
    format!("leases/{id}")
}

/// The document of what a workspace used of a model on a day.
pub(super) fn usage_path(key: &UsageKey) -> String {
    format!("{}/usage/{:010}-{}", path(key.workspace), key.day, hashed(&key.model))
}

pub(super) fn read(doc: &Doc) -> Result<WorkspaceRecord> {
    Ok(WorkspaceRecord {
        id: WorkspaceId(doc.own_id()?),
        user: UserId(doc.id("user")?),
        version: doc.int("version")?,
        uid: doc.small("uid")?,
        network: doc.small("network")?,
        wanted: doc.json("wanted")?,
        last: doc.json("last")?,
        certificates: doc.json("certificates")?,
        catalog: doc.maybe_json("catalog")?,
        created_at: doc.int("created_at")?,
    })
}

pub(super) fn fields(record: &WorkspaceRecord, links: u64) -> Result<Fields> {
    Fields::default()
        .text("user", record.user.to_string())
        .int("version", record.version)
        .int("uid", record.uid.into())
        .int("network", record.network.into())
        .int("links", links)
        .int("created_at", record.created_at)
        .json("wanted", &record.wanted)?
        .json("last", &record.last)?
        .json("certificates", &record.certificates)?
        .maybe_json("catalog", record.catalog.as_ref())
}

/// An enrolment token's fields.
pub(super) fn enrolment_fields(token: &Hash, expires_at: Millis) -> Fields {
    Fields::default().bytes("token", token).int("expires_at", expires_at)
}

pub(super) fn lease_fields(lease: &Lease) -> Fields {
    Fields::default().text("owner", &lease.owner).int("fence", lease.fence).int("until", lease.until)
}

pub(super) fn read_lease(doc: &Doc) -> Result<Lease> {
    Ok(Lease { owner: doc.text("owner")?.to_owned(), fence: doc.int("fence")?, until: doc.int("until")? })
}

#[async_trait]
impl Workspaces for Firestore {
    async fn workspaces(&self) -> Result<Vec<WorkspaceRecord>> {
        let mut all: Vec<WorkspaceRecord> = Vec::new();
        loop {
            let page = self.workspaces_after(all.last().map(|record| record.id), PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    async fn workspaces_after(
        &self,
        after: Option<WorkspaceId>,
        limit: usize,
    ) -> Result<Vec<WorkspaceRecord>> {
        let page = Query::all("workspaces").by_name(after.map(path)).limit(limit);
        self.client.query(page).await?.iter().map(read).collect()
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<WorkspaceRecord> {
        read(&self.client.need(&path(id)).await?)
    }

    async fn workspace_of(&self, user: UserId) -> Result<Option<WorkspaceRecord>> {
        match self.client.get(&people::path(user)).await? {
            Some(doc) => self.workspace_in(&doc).await,
            None => Ok(None),
        }
    }

    async fn create_workspace(
        &self,
        user: UserId,
        uids: Range<u32>,
        networks: u32,
        now: Millis,
    ) -> Result<WorkspaceRecord> {
        let _one_at_a_time = self.creating.lock().await;
        let mut attempts = self.client.attempts();
        loop {
            let owner = self.client.need(&people::path(user)).await?;
            if let Some(existing) = self.workspace_in(&owner).await? {
                return Ok(existing);
            }
            let (uid, take_uid) = self.lowest_free("uid", uids.clone()).await?;
            let (network, take_network) = self.lowest_free("network", 0..networks).await?;
            let record = WorkspaceRecord {
                id: WorkspaceId(Uuid::now_v7()),
                user,
                version: 1,
                uid,
                network,
                wanted: Wanted::Stopped,
                last: Last::Never {},
                certificates: Certificates::default(),
                catalog: None,
                created_at: now,
            };
            let owns = Fields::default().text("workspace", record.id.to_string());
            let changes = vec![
                self.client.update(&owner.path, owns).if_still(&owner),
                self.client.create(&path(record.id), fields(&record, 0)?),
                take_uid,
                take_network,
            ];
            if let Outcome::Done(_) = self.client.commit(changes, Again::Harmless).await? {
                return Ok(record);
            }
            attempts.again().await?;
        }
    }

    async fn save_workspace(&self, record: &WorkspaceRecord) -> Result<()> {
        let step = Uuid::new_v4().to_string();
        let wanted = Fields::default()
            .int("version", record.version + 1)
            .text("step", &step)
            .json("wanted", &record.wanted)?
            .json("last", &record.last)?;
        let mut attempts = self.client.attempts();
        loop {
            let doc = self.client.need(&path(record.id)).await?;
            // An earlier attempt of this very call, whose fate was unknown.
            if doc.maybe_text("step")? == Some(&step) {
                return Ok(());
            }
            if doc.int("version")? != record.version {
                return Err(StoreError::Conflict);
            }
            let change = self.client.update(&doc.path, wanted.clone()).if_still(&doc);
            if let Outcome::Done(_) = self.client.commit(vec![change], Again::Harmless).await? {
                return Ok(());
            }
            attempts.again().await?;
        }
    }

    async fn set_certificates(
        &self,
        id: WorkspaceId,
        expected: &Certificates,
        new: &Certificates,
    ) -> Result<()> {
        let step = Uuid::new_v4().to_string();
        let issued = Fields::default().text("issue", &step).json("certificates", new)?;
        let mut attempts = self.client.attempts();
        loop {
            let doc = self.client.need(&path(id)).await?;
            if doc.maybe_text("issue")? == Some(&step) {
                return Ok(());
            }
            if doc.json::<Certificates>("certificates")? != *expected {
                return Err(StoreError::Conflict);
            }
            let change = self.client.update(&doc.path, issued.clone()).if_still(&doc);
            if let Outcome::Done(_) = self.client.commit(vec![change], Again::Harmless).await? {
                return Ok(());
            }
            attempts.again().await?;
        }
    }

    async fn count_link(&self, id: WorkspaceId) -> Result<u64> {
        // Counted twice after a lost answer, a number is left out; none is given twice.
        let change = self.client.update(&path(id), Fields::default()).adding("links", 1).if_there();
        match self.client.commit(vec![change], Again::Harmless).await? {
            Outcome::Unmet => Err(StoreError::NotFound),
            Outcome::Done(results) => {
                let counted = results.first().and_then(|result| result.transform_results.first());
                counted.and_then(count).ok_or_else(|| StoreError::malformed("a count without a number"))
            }
        }
    }

    async fn save_catalog(&self, id: WorkspaceId, catalog: &Catalog) -> Result<()> {
        let fields = Fields::default().json("catalog", catalog)?;
        self.if_workspace(vec![self.client.update(&path(id), fields).if_there()]).await
    }

    async fn delete_workspace(&self, id: WorkspaceId) -> Result<()> {
        let grave = Grave::Workspace { id };
        let mut attempts = self.client.attempts();
        loop {
            let Some(doc) = self.client.get(&path(id)).await? else { return self.sweep_if_dug(&grave).await };
            let record = read(&doc)?;
            let mut changes = vec![
                self.client.delete(&path(id)).if_there(),
                self.client.delete(&enrolment_path(id)),
                self.client.delete(&lease_path(id)),
                self.put_number("uid", record.uid, false).await?,
                self.put_number("network", record.network, false).await?,
                self.dig(&grave)?,
            ];
            // Of a user who is being removed, the document is gone already.
            if let Some(owner) = self.client.get(&people::path(record.user)).await? {
                let owner = self.client.update_without(&owner.path, Fields::default(), &["workspace"]);
                changes.push(owner.if_there());
            }
            if let Outcome::Done(_) = self.client.commit(changes, Again::Harmless).await? {
                return self.sweep(&grave).await;
            }
            attempts.again().await?;
        }
    }

    async fn add_enrol_token(&self, token: Hash, workspace: WorkspaceId, expires_at: Millis) -> Result<()> {
        let fields = enrolment_fields(&token, expires_at);
        let changes =
            vec![self.client.verify(&path(workspace)), self.client.set(&enrolment_path(workspace), fields)];
        self.if_workspace(changes).await
    }

    async fn spend_enrol_token(&self, token: Hash, now: Millis) -> Result<Option<WorkspaceId>> {
        let found = self.client.query(Query::all("enrolments").equals_bytes("token", &token)).await?;
        let Some(doc) = found.into_iter().next() else { return Ok(None) };
        let spending = self.client.delete(&doc.path).if_still(&doc);
        let spent = self.client.commit(vec![spending], Again::Harmful).await?;
        let won = matches!(spent, Outcome::Done(_)) && doc.int("expires_at")? > now;
        if won { Ok(Some(WorkspaceId(doc.own_id()?))) } else { Ok(None) }
    }

    async fn take_lease(&self, id: WorkspaceId, owner: &str, now: Millis, until: Millis) -> Result<Lease> {
        let mut attempts = self.client.attempts();
        loop {
            let doc = self.client.get(&lease_path(id)).await?;
            let before = doc.as_ref().map(read_lease).transpose()?;
            let fence = match before {
                Some(lease) if lease.is_held(now) && lease.owner != owner => return Ok(lease),
                Some(lease) if lease.owner == owner => lease.fence,
                Some(lease) => lease.fence + 1,
                None => 1,
            };
            let lease = Lease { owner: owner.to_owned(), fence, until };
            let change = match &doc {
                Some(doc) => self.client.set(&doc.path, lease_fields(&lease)).if_still(doc),
                None => self.client.create(&lease_path(id), lease_fields(&lease)),
            };
            let changes = vec![self.client.verify(&path(id)), change];
            if let Outcome::Done(_) = self.client.commit(changes, Again::Harmless).await? {
                return Ok(lease);
            }
            self.client.need(&path(id)).await?;
            attempts.again().await?;
        }
    }

    async fn renew_lease(&self, id: WorkspaceId, fence: u64, until: Millis) -> Result<()> {
        self.change_lease(id, fence, |lease| {
            if lease.owner.is_empty() { None } else { Some(Lease { until, ..lease }) }
        })
        .await
    }

    async fn release_lease(&self, id: WorkspaceId, fence: u64) -> Result<()> {
        self.change_lease(id, fence, |lease| Some(Lease { owner: String::new(), ..lease })).await
    }

    async fn lease(&self, id: WorkspaceId) -> Result<Option<Lease>> {
        self.client.get(&lease_path(id)).await?.as_ref().map(read_lease).transpose()
    }

    async fn add_usage(&self, key: &UsageKey, usage: &UsageRecord) -> Result<()> {
        let of = Fields::default().int("day", key.day.into()).text("model", &key.model);
        let added = self
            .client
            .update(&usage_path(key), of)
            .adding("requests", usage.requests)
            .adding("input", usage.input)
            .adding("output", usage.output)
            .adding("cache_read", usage.cache_read)
            .adding("cache_write", usage.cache_write)
            .adding("micro_usd", usage.micro_usd);
        let changes = vec![self.client.verify(&path(key.workspace)), added];
        match self.client.commit(changes, Again::Harmful).await? {
            Outcome::Done(_) => Ok(()),
            Outcome::Unmet => Err(StoreError::NotFound),
        }
    }

    async fn spent_since(&self, workspace: WorkspaceId, day: u32) -> Result<u64> {
        let used = Query::below(&path(workspace), "usage").at_least("day", day.into()).only(&["micro_usd"]);
        self.client.query(used).await?.iter().map(|doc| doc.int("micro_usd")).sum()
    }
}

impl Firestore {
    /// The workspace that a user's document names.
    async fn workspace_in(&self, user: &Doc) -> Result<Option<WorkspaceRecord>> {
        match user.maybe_text("workspace")? {
            Some(id) => self.client.get(&format!("workspaces/{id}")).await?.as_ref().map(read).transpose(),
            None => Ok(None),
        }
    }

    /// Makes changes of which the one condition is that there is the workspace.
    async fn if_workspace(&self, changes: Vec<Change>) -> Result<()> {
        match self.client.commit(changes, Again::Harmless).await? {
            Outcome::Done(_) => Ok(()),
            Outcome::Unmet => Err(StoreError::NotFound),
        }
    }

    async fn change_lease(
        &self,
        id: WorkspaceId,
        fence: u64,
        change: impl Fn(Lease) -> Option<Lease> + Send,
    ) -> Result<()> {
        let mut attempts = self.client.attempts();
        loop {
            let Some(doc) = self.client.get(&lease_path(id)).await? else {
                self.client.need(&path(id)).await?;
                return Err(StoreError::Conflict);
            };
            let lease = read_lease(&doc)?;
            if lease.fence != fence {
                return Err(StoreError::Conflict);
            }
            let lease = change(lease).ok_or(StoreError::Conflict)?;
            let change = self.client.set(&doc.path, lease_fields(&lease)).if_still(&doc);
            if let Outcome::Done(_) = self.client.commit(vec![change], Again::Harmless).await? {
                return Ok(());
            }
            attempts.again().await?;
        }
    }
}
