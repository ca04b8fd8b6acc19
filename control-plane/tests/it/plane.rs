//! A control plane as it is put together in earnest, on free ports, with no container engine behind it.

use std::sync::Arc;

use control_plane::app::{self, App, Running};
use control_plane::auth::session;
use control_plane::seal::Seal;
use control_plane::store::Store;
use control_plane::store::records::{
    AuditEntry, AuditFilter, AuditRecord, Identity, UserRecord, WorkspaceRecord,
};
use protocol::UserId;
use protocol::api::Role;
use reqwest::{Method, RequestBuilder};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::flags;

/// A browser's socket.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A control plane that serves.
pub(crate) struct Plane {
    pub(crate) running: Running,
    pub(crate) folder: TempDir,
}

impl Plane {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One with more flags.
    pub(crate) async fn start_with(flags: &[&str]) -> Self {
        let folder = flags::folder();
        let free = ["--listen", "127.0.0.1:0", "--link-listen", "127.0.0.1:0"];
        let config = flags::check(folder.path(), &[&free, flags].concat()).unwrap();
        let running = app::build(config).await.unwrap();
        Self { running, folder }
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.running.app
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.running.app.store
    }

    /// The key that seals this one's secrets.
    pub(crate) fn seal(&self) -> Seal {
        Seal::from_file(&self.folder.path().join("data/sealing-key")).unwrap()
    }

    /// A new user's new workspace.
    pub(crate) async fn workspace(&self) -> WorkspaceRecord {
        let subject = uuid::Uuid::new_v4().to_string();
        let user = self.store().sign_in(&Identity::new(&subject, "Ada"), 1).await.unwrap().id;
        self.store().create_workspace(user, 200_000..200_100, 100, 1).await.unwrap()
    }

    /// Where its own page comes from.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.running.public)
    }

    /// A request as a browser sends it; it follows no proxy and keeps no cookie.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let client = reqwest::Client::builder().no_proxy().http1_only().build().unwrap();
        client.request(method, format!("{}{path}", self.origin()))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A `POST` from its own page.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path).header("origin", self.origin())
    }

    /// A socket from its own page.
    pub(crate) async fn socket(&self, path: &str, cookie: &str) -> Socket {
        let mut request = format!("ws://{}{path}", self.running.public).into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("origin", self.origin().parse().unwrap());
        headers.insert("cookie", cookie.parse().unwrap());
        headers.insert("sec-websocket-protocol", "atelier.v1".parse().unwrap());
        connect_async(request).await.unwrap().0
    }

    /// The id and the cookie of a user of that name, who is no operator.
    pub(crate) async fn user(&self, name: &str) -> (UserId, String) {
        let (user, cookie) = self.person(name).await;
        (user.id, cookie)
    }

    /// Somebody who is signed in, with their cookie.
    pub(crate) async fn person(&self, subject: &str) -> (UserRecord, String) {
        let user = self.store().sign_in(&Identity::new(subject, subject), 1).await.unwrap();
        let token = session::open(self.store(), user.id, "a test").await.unwrap();
        let cookie = self.app().cookie.keep(&token).unwrap();
        let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        (user, pair)
    }

    /// An operator, with their cookie.
    pub(crate) async fn operator(&self) -> (UserRecord, String) {
        let (user, cookie) = self.person("an operator").await;
        self.store().set_role(user.id, Role::Operator).await.unwrap();
        (user, cookie)
    }

    /// The deeds of that kind that were written down.
    pub(crate) async fn deeds(&self, kind: &str) -> Vec<AuditEntry> {
        let filter = AuditFilter { kind: Some(kind.to_owned()), ..AuditFilter::default() };
        let mut lines = Vec::new();
        control_plane::store::export_audit(self.store(), &filter, &mut lines).await.unwrap();
        let lines = String::from_utf8(lines).unwrap();
        lines.lines().map(|line| serde_json::from_str::<AuditRecord>(line).unwrap().entry).collect()
    }

    /// The one-time code that it printed.
    pub(crate) fn code(&self) -> &str {
        self.running.sign_in.split_once("#code=").unwrap().1
    }
}
