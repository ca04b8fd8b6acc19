//! The model gateway: adds the credential that no workspace may have, and streams both ways without buffering.
//!
//! It is not an open proxy on the operator's key. It serves the Messages API alone, on the link port, to workspaces
//! with a good certificate, and takes in no more than it can hold ([`intake`]); a user's own key goes before the operator's ([`own`]); what identifies or bills someone else is stripped ([`headers`]); models, request size,
//! requests at a time and money are limited ([`policy`]); what is used is counted as it flows by ([`meter`]).

pub mod access;
pub mod headers;
pub mod intake;
pub mod meter;
pub mod own;
pub mod policy;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use futures_util::Stream;
use protocol::api::ModelAccess;
use protocol::notice::NoticeKind;
use protocol::{ConversationId, UserId, WorkspaceId};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use self::access::Credential;
use self::intake::{Held, Intake, Place};
use self::meter::Meter;
use self::own::OwnKeys;
use self::policy::Policy;
use crate::clock;
use crate::hub::Hubs;
use crate::seal::Seal;
use crate::store::records::UsageKey;
use crate::store::{Store, StoreError};

/// The largest request, as the model's API has it.
pub const REQUEST_BYTES: usize = 32 * 1024 * 1024;
/// Tells the near end to hold the request and ask again.
const HOLD: &str = "x-atelier-hold";

/// The model gateway.
#[derive(Debug)]
pub struct Gateway {
    client: reqwest::Client,
    upstream: String,
    credential: Option<Credential>,
    own: OwnKeys,
    policy: Policy,
    access: watch::Sender<ModelAccess>,
    demo: bool,
    store: Arc<dyn Store>,
    hubs: Arc<Hubs>,
    tasks: TaskTracker,
    intake: Intake,
}

/// What the gateway is configured with.
#[derive(Debug)]
pub struct Settings {
    /// The model API's base URL, without a trailing slash.
    pub upstream: String,
    /// The operator's key.
    pub credential: Option<Credential>,
    /// What users' own keys are sealed with.
    pub seal: Seal,
    /// A scripted model answers.
    pub demo: bool,
    /// What is allowed.
    pub policy: Policy,
}

/// A request of a workspace.
#[derive(Debug)]
pub struct Request {
    /// Whose.
    pub workspace: WorkspaceId,
    /// And the workspace's user.
    pub user: UserId,
    /// The conversation that it says it belongs to. A hint for display.
    pub conversation: Option<ConversationId>,
    /// Its method.
    pub method: Method,
    /// Its path, from `/v1`.
    pub path: String,
    /// Its query, if any.
    pub query: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, unread.
    pub body: Body,
}

/// Why a request was refused here, in the API's own terms, so that the CLI shows its words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The HTTP status. 4xx but 429 is not tried again by the CLI.
    pub status: StatusCode,
    /// The API's name for the kind of error.
    pub kind: &'static str,
    /// What the user reads.
    pub message: String,
}

impl Gateway {
    /// A gateway that has not tried its key yet.
    ///
    /// # Errors
    /// When the HTTP client can't be built.
    pub fn new(
        settings: Settings,
        store: Arc<dyn Store>,
        hubs: Arc<Hubs>,
        tasks: TaskTracker,
    ) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .tcp_nodelay(true)
            .connect_timeout(std::time::Duration::from_secs(10))
            .pool_idle_timeout(std::time::Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let Settings { upstream, credential, seal, demo, policy } = settings;
        let own = OwnKeys::new(Arc::clone(&store), seal);
        let first = match credential {
            Some(_) => ModelAccess::Unreachable { detail: "not tried yet".to_owned() },
            None => ModelAccess::NoKey {},
        };
        let access = watch::Sender::new(first);
        let intake = Intake::new(policy.at_a_time);
        Ok(Self { client, upstream, credential, own, policy, access, demo, store, hubs, tasks, intake })
    }

    /// Whether the model can be reached.
    pub fn access(&self) -> ModelAccess {
        self.access.borrow().clone()
    }

    /// Whether the operator has given a key.
    pub const fn has_key(&self) -> bool {
        self.credential.is_some()
    }

    /// Users' own keys.
    pub const fn own(&self) -> &OwnKeys {
        &self.own
    }

    /// Whether the model can be reached for a user, by their own key if they have one.
    pub async fn access_of(&self, user: UserId) -> ModelAccess {
        match self.own.known(user).await {
            Some(true) => ModelAccess::OwnKeyRefused {},
            Some(false) => match self.access() {
                access @ ModelAccess::Unreachable { .. } if self.has_key() => access,
                ModelAccess::Ready { .. }
                | ModelAccess::NoKey {}
                | ModelAccess::KeyRefused {}
                | ModelAccess::OwnKeyRefused {}
                | ModelAccess::Unreachable { .. } => ModelAccess::Ready { demo: self.demo },
            },
            None => self.access(),
        }
    }

    /// Wakes whenever that changes.
    pub fn watch_access(&self) -> watch::Receiver<ModelAccess> {
        self.access.subscribe()
    }

    /// Forwards a request and streams the answer.
    pub async fn forward(&self, request: Request) -> Response<Body> {
        let workspace = request.workspace;
        match self.take(request).await {
            Ok(taken) => self.send(taken).await,
            Err(refusal) => {
                tracing::info!(%workspace, status = %refusal.status, refusal.message, "a model request is refused");
                answer(&refusal)
            }
        }
    }

    async fn take(&self, request: Request) -> Result<Taken, Refusal> {
        let Request { workspace, user, conversation, method, path, query, headers, body } = request;
        let own = self.own.credential(user).await.map_err(|error| own_key_unreadable(user, &error))?;
        let payer = if own.is_some() { Payer::User(user) } else { Payer::Operator };
        let credential = own.or_else(|| self.credential.clone()).ok_or_else(policy::no_key)?;
        if payer == Payer::Operator {
            self.check_budget(workspace, conversation).await?;
        }
        let place = self.intake.place(workspace)?;
        let held = self.intake.read(&place, body).await?;
        let model = self.policy.model_of(&path, &held.body, payer == Payer::Operator)?;
        let headers = headers::upstream(&headers, &self.policy.betas, &credential);
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{}{path}{query}", self.upstream);
        Ok(Taken { workspace, payer, method, url, headers, model, held, place })
    }

    async fn check_budget(
        &self,
        workspace: WorkspaceId,
        conversation: Option<ConversationId>,
    ) -> Result<(), Refusal> {
        let Some(limit) = self.policy.budget_micro_usd else { return Ok(()) };
        let since = clock::today().saturating_sub(policy::BUDGET_DAYS - 1);
        let spent = self.store.spent_since(workspace, since).await.map_err(|error| unavailable(&error))?;
        if spent < limit {
            return Ok(());
        }
        self.tell_budget(workspace, conversation, limit).await;
        Err(policy::over_budget(limit))
    }

    async fn tell_budget(
        &self,
        workspace: WorkspaceId,
        conversation: Option<ConversationId>,
        limit_micro_usd: u64,
    ) {
        let Some(conversation) = conversation else { return };
        let Ok(workspace) = self.hubs.workspace(workspace).await else { return };
        if let Ok(hub) = workspace.conversation(conversation).await {
            hub.notice(NoticeKind::BudgetReached { limit_micro_usd }).await;
        }
    }

    async fn send(&self, taken: Taken) -> Response<Body> {
        let Taken { workspace, payer, method, url, headers, model, held, place } = taken;
        let sent = self.client.request(method, url).headers(headers).body(held.body.clone()).send().await;
        drop(held);
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                let error = error.without_url();
                tracing::warn!(%workspace, error = format!("{error:?}"), "the model can't be reached");
                if payer == Payer::Operator {
                    self.note(ModelAccess::Unreachable { detail: access::words(&error) });
                }
                return answer(&policy::unreachable(access::words(&error)));
            }
        };
        self.note_status(workspace, payer, response.status()).await;
        if response.status() == StatusCode::UNAUTHORIZED {
            // Passed on, the CLI would try it again for minutes; it is for whoever gave the key to mend.
            return answer(&match payer {
                Payer::Operator => policy::key_refused(),
                Payer::User(_) => policy::own_key_refused(),
            });
        }
        let mut answer = Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            *headers = headers::downstream(response.headers());
        }
        let counted = Counted {
            inner: Box::pin(response.bytes_stream()),
            meter: Meter::default(),
            account: Some(self.account(workspace, model, payer)),
            _place: place,
        };
        answer.body(Body::from_stream(counted)).unwrap_or_else(|_| Response::new(Body::empty()))
    }

    fn account(&self, workspace: WorkspaceId, model: String, payer: Payer) -> Account {
        Account {
            workspace,
            payer,
            model,
            prices: self.policy.clone(),
            store: Arc::clone(&self.store),
            tasks: self.tasks.clone(),
        }
    }

    /// What an answer's status says of the key.
    async fn note_status(&self, workspace: WorkspaceId, payer: Payer, status: StatusCode) {
        let refused = status == StatusCode::UNAUTHORIZED;
        if let Payer::User(user) = payer {
            if refused || status.is_success() {
                let before = self.own.stamp();
                self.own.used(user, refused).await;
                if self.own.stamp() != before
                    && let Some(hub) = self.hubs.get(workspace)
                {
                    hub.beat();
                }
            }
            return;
        }
        match status {
            StatusCode::UNAUTHORIZED => self.note(ModelAccess::KeyRefused {}),
            status if status.is_success() => self.note(ModelAccess::Ready { demo: self.demo }),
            _ => {}
        }
    }

    fn note(&self, access: ModelAccess) {
        self.access.send_if_modified(|current| {
            let changed = *current != access;
            *current = access;
            changed
        });
    }
}

/// Whose key a request is sent with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Payer {
    Operator,
    User(UserId),
}

/// A request that may be sent on.
struct Taken {
    workspace: WorkspaceId,
    payer: Payer,
    method: Method,
    url: String,
    headers: HeaderMap,
    model: String,
    held: Held,
    place: Place,
}

/// Where a request's usage is written down.
struct Account {
    workspace: WorkspaceId,
    payer: Payer,
    model: String,
    prices: Policy,
    store: Arc<dyn Store>,
    tasks: TaskTracker,
}

impl Account {
    fn settle(self, meter: Meter) {
        let Some(mut usage) = meter.finish() else { return };
        let Account { workspace, payer, model, prices, store, tasks } = self;
        // What a user's own key pays for is no cost of the operator's.
        usage.micro_usd = if payer == Payer::Operator { prices.cost(&model, &usage) } else { 0 };
        let key = UsageKey { workspace, day: clock::today(), model };
        tasks.spawn(async move {
            if let Err(error) = store.add_usage(&key, &usage).await {
                tracing::error!(%workspace, %error, "usage can't be written down");
            }
        });
    }
}

/// An answer on its way, counted as it flows by. Cut short, it counts for as far as it came.
struct Counted {
    inner: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    meter: Meter,
    account: Option<Account>,
    _place: Place,
}

impl Stream for Counted {
    type Item = reqwest::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.inner.as_mut().poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            self.meter.push(bytes);
        }
        polled
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(account) = self.account.take() {
            account.settle(std::mem::take(&mut self.meter));
        }
    }
}

fn own_key_unreadable(user: UserId, error: &anyhow::Error) -> Refusal {
    if let Some(error) = error.downcast_ref() {
        return unavailable(error);
    }
    tracing::error!(%user, error = format!("{error:#}"), "a user's own key can't be read");
    Refusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        kind: "api_error",
        message: "your own model key can't be read; type it in again, or remove it".to_owned(),
    }
}

fn unavailable(error: &StoreError) -> Refusal {
    tracing::error!(%error, "what a request needs can't be looked up");
    Refusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        kind: "api_error",
        message: "the store is down".to_owned(),
    }
}

/// A refusal as the API would word it.
pub fn answer(refusal: &Refusal) -> Response<Body> {
    let error = serde_json::json!({ "type": refusal.kind, "message": refusal.message });
    let json = serde_json::json!({ "type": "error", "error": error });
    let mut response = Response::new(Body::from(json.to_string()));
    *response.status_mut() = refusal.status;
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    response
}

/// "Not now, but soon": the near end holds the request.
pub fn hold() -> Response<Body> {
    let message = "the control plane is restarting".to_owned();
    let refusal = Refusal { status: StatusCode::SERVICE_UNAVAILABLE, kind: "api_error", message };
    let mut response = answer(&refusal);
    response.headers_mut().insert(HOLD, HeaderValue::from_static("1"));
    response
}
