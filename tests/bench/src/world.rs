//! What a load run needs to be there before a control plane starts: a data folder whose store has users with sessions,
//! workspaces with certificates of the control plane's own CA, and conversations.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use control_plane::auth::cookie::Cookie;
use control_plane::auth::session;
use control_plane::pki::Authority;
use control_plane::seal::Seal;
use control_plane::store::records::{
    Certificates, Commit, ConversationRecord, Identity, NewConversation, Segment,
};
use control_plane::store::{Store, StoreAt};
use control_plane::{app, clock};
use e2e::stack::free_port;
use protocol::settings::Settings;
use protocol::{ConversationId, Position, UserId, WorkspaceId};
use rcgen::{CertificateParams, KeyPair};
use rustls::ClientConfig;
use tempfile::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;
use workspace_agent::link::tls;

use crate::streams;

/// How many people are made at a time. The store commits what is asked of it at the same time together.
const TOGETHER: usize = 256;
/// Events that are committed together in a log that is written beforehand, and the size of each.
const SEGMENT_EVENTS: u64 = 5;
const EVENT_BYTES: usize = 400;
/// User ids for workspaces.
const UIDS: Range<u32> = 200_000..265_536;

/// A data folder, and who is in its store.
#[derive(Debug)]
pub struct World {
    /// The folder.
    pub data: TempDir,
    /// Where its control plane will listen for browsers.
    pub public: SocketAddr,
    /// Where its control plane will listen for workspace-agents.
    pub link: SocketAddr,
    /// Who is in it.
    pub people: Vec<Arc<Person>>,
}

/// A user with a session, a workspace and a conversation.
#[derive(Debug)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// Their session's cookie.
    pub cookie: String,
    /// Their workspace.
    pub workspace: WorkspaceId,
    /// Its one conversation.
    pub conversation: ConversationId,
    /// How many events its log has.
    pub logged: u64,
    /// TLS with the workspace's certificate.
    pub tls: Arc<ClientConfig>,
}

/// What everybody in it is made with.
struct Maker {
    store: Arc<dyn Store>,
    authority: Authority,
    cookie: Cookie,
    logged: u64,
}

impl World {
    /// Makes one with so many people, whose conversations are empty.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn make(people: u32) -> anyhow::Result<Self> {
        Self::make_with_logs(people, 0).await
    }

    /// Makes one whose conversations have so many events each.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn make_with_logs(people: u32, logged: u64) -> anyhow::Result<Self> {
        let data = TempDir::new()?;
        let (public, link) = (free_port("127.0.0.1")?, free_port("127.0.0.1")?);
        let store = app::open_store(&StoreAt::data(data.path())).await?;
        let authority = load_authority(&*store, data.path()).await?;
        let maker = Arc::new(Maker { store, authority, cookie: Cookie::new(false, public.port()), logged });
        let mut made = Vec::new();
        let mut making = JoinSet::new();
        for number in 0..people {
            if making.len() >= TOGETHER {
                made.extend(making.join_next().await.transpose()?.transpose()?);
            }
            making.spawn(make_person(Arc::clone(&maker), number));
        }
        while let Some(person) = making.join_next().await {
            made.push(person??);
        }
        Ok(Self { data, public, link, people: made })
    }
}

/// The CA of a data folder; made if there is none.
///
/// # Errors
/// When it can't be read.
pub async fn authority(data: &Path) -> anyhow::Result<Authority> {
    load_authority(&*app::open_store(&StoreAt::data(data)).await?, data).await
}

async fn load_authority(store: &dyn Store, data: &Path) -> anyhow::Result<Authority> {
    let key: PathBuf = data.join("sealing-key");
    Authority::load(store, &Seal::from_file(&key)?).await
}

async fn make_person(maker: Arc<Maker>, number: u32) -> anyhow::Result<Arc<Person>> {
    let Maker { store, authority, cookie, logged } = &*maker;
    let now = clock::now();
    let identity = Identity::new(&format!("bench:{number}"), &format!("person {number}"));
    let user = store.sign_in(&identity, now).await?.id;
    let token = session::open(&**store, user, "bench").await?;
    let header = cookie.keep(&token).context("no cookie")?;
    let cookie = header.to_str()?.split(';').next().unwrap_or_default().to_owned();
    let uids = UIDS.start + number..UIDS.end;
    let workspace = store.create_workspace(user, uids, UIDS.end - UIDS.start, now).await?;
    let key = KeyPair::generate()?;
    let csr = CertificateParams::default().serialize_request(&key)?.pem()?;
    let issued = authority.issue(&csr, workspace.id)?;
    let fresh = Certificates { current: Some(issued.serial), ..Certificates::default() };
    store.set_certificates(workspace.id, &workspace.certificates, &fresh).await?;
    let tls = tls::mutual(authority.trust(), &issued.chain, &key.serialize_pem())?;
    let conversation = ConversationId(Uuid::new_v4());
    let new = NewConversation {
        id: conversation,
        workspace: workspace.id,
        title: format!("Conversation of person {number}"),
        settings: Settings::default(),
        now,
    };
    let record = store.create_conversation(&new).await?;
    write_log(&**store, record, *logged).await?;
    Ok(Arc::new(Person { user, cookie, workspace: workspace.id, conversation, logged: *logged, tls }))
}

/// Writes a log as a control plane would have: a few events at a time.
async fn write_log(store: &dyn Store, mut record: ConversationRecord, events: u64) -> anyhow::Result<()> {
    let mut first = 1;
    while first <= events {
        let last = events.min(first + SEGMENT_EVENTS - 1);
        let mut lines = Vec::new();
        for n in first..=last {
            lines.extend_from_slice(streams::event(n, String::new(), EVENT_BYTES)?.as_bytes());
            lines.push(b'\n');
        }
        record.version += 1;
        record.end = Position { epoch: 1, n: last };
        let segment = Some(Segment { epoch: 1, first, last, lines });
        store
            .commit(&Commit { record: record.clone(), segment, items: Vec::new(), notices: Vec::new() })
            .await?;
        first = last + 1;
    }
    Ok(())
}
