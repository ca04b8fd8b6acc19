//! The one task that acts on a workspace.

mod inbox;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use protocol::close::CloseCode;
use protocol::enrol::TokenFile;
use protocol::notice::NoticeKind;
use protocol::status::{Phase, Reason, ReasonCode, Stage, Versions, WorkspaceStatus};
use protocol::{ConversationId, Millis, Position};
use rand::RngCore;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::inbox::Inbox;
use super::Parts;
use super::policy::{self, Answer, Ask, By};
use crate::hub::workspace::WorkspaceHub;
use crate::runtime::{Life, RuntimeError, Spec};
use crate::store::records::{Last, Wanted, WorkspaceRecord};
use crate::{audit, clock};

/// How long the engine may take over one stage of a start. A hundred times what is usual.
const STAGE: Duration = Duration::from_secs(60);
/// How long it gets to end a stage that nobody wants any more. What it has begun can't be taken back, only waited for.
const LEAVE: Duration = Duration::from_secs(5);
/// How long a start may take from the container's start to the link. A hundred times what is usual.
const COME_UP: Duration = Duration::from_secs(60);
/// How long an enrolment token is good. A little longer than a start may take.
const TOKEN_LIFE_MS: u64 = 120_000;
/// How many status changes fit between two versions of a workspace's record.
const STATUS_STEPS: u64 = 1 << 20;

/// What happens to a workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Someone asks something.
    Ask(Ask, By),
    /// The workspace-agent has its certificate.
    Enrolled,
    /// The link is up.
    Linked {
        /// Which link.
        link: u64,
        /// What runs there.
        versions: Versions,
    },
    /// The link is down.
    Unlinked {
        /// Which link.
        link: u64,
    },
    /// One of its lives ended.
    Died {
        /// Which.
        life: Life,
        /// Its exit status.
        code: i64,
    },
    /// The kernel ended something in it for want of memory.
    OutOfMemory,
    /// It is to be stopped, for this reason.
    Misbehaved(Reason),
    /// The engine was looked at.
    Seen {
        /// Whether it runs.
        running: bool,
    },
}

/// Why a driver ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The control plane stops. The workspace goes on.
    Stopped,
    /// The workspace is gone.
    Deleted,
}

/// A workspace as a control plane finds it.
#[derive(Debug)]
pub struct Found {
    /// Its record.
    pub record: WorkspaceRecord,
    /// Since when the engine runs it, if it does.
    pub running: Option<Millis>,
    /// The conversations that were busy when the last control plane ended, and where their logs stood.
    pub busy: Vec<(ConversationId, Position)>,
}

/// The one task that acts on a workspace.
#[derive(Debug)]
pub struct Driver {
    parts: Parts,
    hub: Arc<WorkspaceHub>,
    record: WorkspaceRecord,
    busy: Vec<(ConversationId, Position)>,
    inbox: Inbox,
    steps: u64,
    link: Option<u64>,
    /// The life that runs or ran last, as far as it is known.
    life: Option<Life>,
    out_of_memory: bool,
}

/// Why a start did not come to its end.
enum Interrupted {
    /// Before anything was made for it.
    NotBegun(Reason),
    Failed(Reason),
    Asked(Ask, By),
    Closed,
}

impl Driver {
    /// A driver for a workspace that the engine runs, or doesn't.
    pub fn new(parts: Parts, hub: Arc<WorkspaceHub>, found: Found, inbox: mpsc::Receiver<Event>) -> Self {
        let Found { record, running, busy } = found;
        let inbox = Inbox::new(inbox);
        let mut driver =
            Self { parts, hub, record, busy, inbox, steps: 0, link: None, life: None, out_of_memory: false };
        let phase = match (&driver.record.last, running) {
            (_, Some(_)) => Phase::Running {},
            // Nobody has looked yet.
            (_, None) if driver.record.wanted == Wanted::Running => Phase::Starting { stage: Stage::Ready },
            (Last::Never {}, None) => Phase::Stopped { reason: None },
            (Last::Stopped { reason, .. }, None) => Phase::Stopped { reason: Some(reason.clone()) },
            (Last::Failed { reason, .. }, None) => Phase::Failed { reason: reason.clone() },
        };
        driver.hub.begin_life(driver.record.version * STATUS_STEPS);
        driver.publish_since(phase, running.or_else(|| driver.since_when()));
        driver
    }

    /// Acts until the workspace or the control plane ends.
    pub async fn run(mut self) -> Ended {
        let stop = self.parts.stop.clone();
        stop.run_until_cancelled(self.act()).await.unwrap_or(Ended::Stopped)
    }

    async fn act(&mut self) -> Ended {
        let mut next = match self.take_over().await {
            Ok(then) => then,
            Err(ended) => return ended,
        };
        loop {
            let event = match next.take() {
                Some(event) => event,
                None => match self.inbox.next().await {
                    Some(event) => event,
                    None => return Ended::Stopped,
                },
            };
            match event {
                Event::Ask(ask, by) => match self.asked(ask, by).await {
                    Ok(then) => next = then.map(|(ask, by)| Event::Ask(ask, by)),
                    Err(ended) => return ended,
                },
                Event::Died { life, code } if self.is_present(&life) => self.died(code).await,
                Event::Seen { running } => self.seen(running).await,
                Event::Misbehaved(reason) => self.misbehaved(reason).await,
                Event::Enrolled
                | Event::Linked { .. }
                | Event::Unlinked { .. }
                | Event::Died { .. }
                | Event::OutOfMemory => self.note(&event).await,
            }
        }
    }

    /// Puts right what happened while no control plane was there to see it.
    async fn take_over(&mut self) -> Result<Option<Event>, Ended> {
        let busy = std::mem::take(&mut self.busy);
        match self.record.wanted {
            Wanted::Deleted => return Err(self.delete().await),
            Wanted::Running => self.take_up(&busy).await,
            Wanted::Stopped if self.is_to_restart() || self.has_mail().await => {
                return Ok(Some(Event::Ask(Ask::Start, By::User)));
            }
            Wanted::Stopped => {}
        }
        Ok(None)
    }

    /// Whether an operator wanted it anew, and the control plane that stopped it for that ended before it could start it.
    fn is_to_restart(&self) -> bool {
        matches!(&self.record.last, Last::Stopped { reason, .. } if reason.code == ReasonCode::Restarted)
    }

    /// Whether somebody sent a message to the workspace after it had stopped, and the control plane that kept it ended before
    /// it could start the workspace.
    async fn has_mail(&self) -> bool {
        let stopped_at = match &self.record.last {
            Last::Never {} => 0,
            Last::Stopped { at, .. } | Last::Failed { at, .. } => *at,
        };
        match self.hub.was_written_to_since(stopped_at).await {
            Ok(written) => written,
            Err(error) => {
                tracing::warn!(workspace = %self.record.id, %error, "nobody knows whether messages wait for it");
                false
            }
        }
    }

    /// Goes on with a workspace that should run, if it does. A viewer that came before the engine was looked at has had
    /// us begin with nothing seen.
    async fn take_up(&mut self, busy: &[(ConversationId, Position)]) {
        if self.runs().await {
            self.publish(Phase::Running {});
            return self.hub.taken_over(busy, NoticeKind::ControlPlaneRestarted {}).await;
        }
        let reason = self.why_died(-1).await;
        self.keep_failed(&reason).await;
        self.publish(Phase::Failed { reason: reason.clone() });
        self.hub.taken_over(busy, NoticeKind::WorkspaceLost { reason }).await;
    }

    async fn asked(&mut self, ask: Ask, by: By) -> Result<Option<(Ask, By)>, Ended> {
        if !accepts(&self.hub, ask, by) {
            return Ok(None);
        }
        match ask {
            Ask::Start => match self.start().await {
                Ok(()) => Ok(None),
                Err(Interrupted::Asked(ask, by)) => Ok(Some((ask, by))),
                Err(Interrupted::Closed) => Err(Ended::Stopped),
                Err(Interrupted::NotBegun(reason)) => {
                    self.failed(reason).await;
                    Ok(None)
                }
                Err(Interrupted::Failed(reason)) => {
                    self.fail(reason).await;
                    Ok(None)
                }
            },
            Ask::Stop => {
                self.stop(reason_by(by, ReasonCode::Operator)).await;
                Ok(None)
            }
            Ask::Restart => Ok(self.make_way(by).await.then_some((Ask::Start, by))),
            Ask::Delete => Err(self.delete().await),
        }
    }

    /// Stops what runs, before a start. Returns whether the start may follow.
    async fn make_way(&mut self, by: By) -> bool {
        if matches!(self.phase(), Phase::Running {} | Phase::Paused {}) {
            self.stop(reason_by(by, ReasonCode::Restarted)).await;
            return matches!(self.phase(), Phase::Stopped { .. });
        }
        true
    }

    async fn start(&mut self) -> Result<(), Interrupted> {
        self.keep(Wanted::Running, None).await;
        self.publish(Phase::Starting { stage: Stage::Image });
        self.hub.begin_life(self.hub.status().generation);
        self.ensure_let_in().await?;
        let (runtime, id) = (Arc::clone(&self.parts.runtime), self.record.id);
        // What runs after all, with a turn under way perhaps, is never made anew.
        if let Some(life) = self.stage(runtime.running(id)).await.map_err(not_begun)? {
            self.adopt(life);
            return Ok(());
        }
        self.out_of_memory = false;
        self.stage(runtime.image()).await.map_err(not_begun)?;
        self.publish(Phase::Starting { stage: Stage::Create });
        let spec = Spec {
            workspace: id,
            uid: self.record.uid,
            network: self.record.network,
            token: self.new_token().await?,
        };
        self.life = Some(self.stage(runtime.create(&spec)).await?);
        self.publish(Phase::Starting { stage: Stage::Start });
        self.stage(runtime.start(id)).await?;
        self.publish(Phase::Starting { stage: Stage::Enrol });
        self.come_up().await
    }

    /// Nothing is started for somebody who is kept out, whoever asks for it.
    async fn ensure_let_in(&self) -> Result<(), Interrupted> {
        match self.parts.store.user(self.record.user).await {
            Ok(user) if !user.disabled => Ok(()),
            Ok(_) => Err(Interrupted::NotBegun(Reason::new(ReasonCode::Disabled))),
            Err(error) => Err(Interrupted::NotBegun(Reason::with(ReasonCode::Internal, error.to_string()))),
        }
    }

    /// Waits for the engine to do one thing of a start, and hears meanwhile what is asked: what hangs holds up neither a
    /// stop nor a deletion.
    async fn stage<T>(
        &mut self,
        work: impl Future<Output = Result<T, RuntimeError>> + Send,
    ) -> Result<T, Interrupted> {
        let mut work = pin!(work);
        let mut asked = None;
        let mut give_up_at = Instant::now() + STAGE;
        loop {
            tokio::select! {
                done = &mut work => return match asked {
                    Some((ask, by)) => Err(Interrupted::Asked(ask, by)),
                    None => done.map_err(failed),
                },
                () = sleep_until(give_up_at) => return Err(match asked {
                    Some((ask, by)) => Interrupted::Asked(ask, by),
                    None => failed(RuntimeError::Down(format!("nothing came of it in {} seconds", STAGE.as_secs()))),
                }),
                (ask, by) = self.inbox.ask(), if asked.is_none() => {
                    if accepts(&self.hub, ask, by) {
                        asked = Some((ask, by));
                        give_up_at = give_up_at.min(Instant::now() + LEAVE);
                    }
                }
            }
        }
    }

    /// Waits for the certificate and the link.
    async fn come_up(&mut self) -> Result<(), Interrupted> {
        let give_up_at = Instant::now() + COME_UP;
        let mut enrolled = false;
        loop {
            let Ok(event) = timeout_at(give_up_at, self.inbox.next()).await else {
                let code = if enrolled { ReasonCode::NotReady } else { ReasonCode::NotEnrolled };
                return Err(Interrupted::Failed(Reason::with(code, self.last_words().await)));
            };
            match event.ok_or(Interrupted::Closed)? {
                Event::Enrolled => {
                    enrolled = true;
                    self.publish(Phase::Starting { stage: Stage::Ready });
                }
                Event::Linked { link, versions } => {
                    self.link = Some(link);
                    self.publish_with(Phase::Running {}, Some(versions));
                    self.write_down("running", None).await;
                    return Ok(());
                }
                Event::Ask(ask, by) if accepts(&self.hub, ask, by) => {
                    return Err(Interrupted::Asked(ask, by));
                }
                Event::Died { life, code } if self.is_present(&life) => {
                    return Err(Interrupted::Failed(self.why_died(code).await));
                }
                Event::Misbehaved(reason) => return Err(Interrupted::Failed(reason)),
                Event::Ask(..)
                | Event::Unlinked { .. }
                | Event::Died { .. }
                | Event::OutOfMemory
                | Event::Seen { .. } => {}
            }
        }
    }

    async fn stop(&mut self, reason: Reason) {
        self.publish(Phase::Stopping {});
        // Who stops it themselves knows why.
        let is_theirs = reason.code == ReasonCode::Asked;
        let cut_off = if is_theirs { Vec::new() } else { self.hub.busy_conversations() };
        if let Err(error) = self.parts.runtime.stop(self.record.id).await {
            return self.fail(reason_of(&error)).await;
        }
        self.link = None;
        self.hub.lost(NoticeKind::WorkspaceLost { reason: reason.clone() }, &cut_off).await;
        self.keep(Wanted::Stopped, Some(Last::Stopped { reason: reason.clone(), at: clock::now() })).await;
        self.publish(Phase::Stopped { reason: Some(reason.clone()) });
        self.write_down("stopped", Some(&reason)).await;
    }

    async fn fail(&mut self, reason: Reason) {
        // Whatever is left of it must not run on unseen.
        if let Err(error) = self.parts.runtime.stop(self.record.id).await {
            tracing::debug!(workspace = %self.record.id, %error, "there was nothing to stop");
        }
        self.failed(reason).await;
    }

    async fn failed(&mut self, reason: Reason) {
        tracing::warn!(workspace = %self.record.id, ?reason, "the workspace failed");
        let starting = matches!(self.phase(), Phase::Starting { .. });
        self.link = None;
        self.keep_failed(&reason).await;
        self.publish(Phase::Failed { reason: reason.clone() });
        self.write_down("failed", Some(&reason)).await;
        if starting {
            self.hub.start_failed(NoticeKind::StartFailed { reason }).await;
        } else {
            self.hub.lost(NoticeKind::WorkspaceLost { reason }, &[]).await;
        }
    }

    async fn delete(&mut self) -> Ended {
        self.keep(Wanted::Deleted, None).await;
        self.publish(Phase::Deleting {});
        self.parts.links.close(self.record.id, CloseCode::Revoked);
        loop {
            match self.parts.runtime.destroy(self.record.id, self.record.network).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::warn!(workspace = %self.record.id, %error, "the workspace can't be removed yet");
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
            }
        }
        if let Err(error) = self.parts.store.delete_workspace(self.record.id).await {
            tracing::error!(workspace = %self.record.id, %error, "the workspace's record can't be removed");
        }
        self.write_down("deleted", None).await;
        Ended::Deleted
    }

    async fn died(&mut self, code: i64) {
        if matches!(self.phase(), Phase::Running {} | Phase::Paused {}) {
            let reason = self.why_died(code).await;
            self.fail(reason).await;
        }
    }

    async fn misbehaved(&mut self, reason: Reason) {
        if matches!(self.phase(), Phase::Running {} | Phase::Paused {}) {
            self.fail(reason).await;
        }
    }

    /// The engine was looked at: what is called running runs.
    async fn seen(&mut self, running: bool) {
        match (self.phase(), running) {
            (Phase::Running {} | Phase::Paused {}, false) if !self.runs().await => {
                let reason = self.why_died(-1).await;
                self.fail(reason).await;
            }
            (Phase::Stopped { .. } | Phase::Failed { .. }, true) => {
                if let Ok(Some(life)) = self.parts.runtime.running(self.record.id).await {
                    self.adopt(life);
                }
            }
            _ => {}
        }
    }

    /// Goes on with a life that the engine runs though nobody here began it.
    fn adopt(&mut self, life: Life) {
        tracing::info!(workspace = %self.record.id, "the engine runs it; it is adopted");
        self.life = Some(life);
        self.publish(Phase::Running {});
    }

    /// Looks again: what was seen may be older than the last start. An engine that doesn't answer proves nothing.
    async fn runs(&mut self) -> bool {
        match self.parts.runtime.running(self.record.id).await {
            Ok(life) => {
                self.life = life;
                self.life.is_some()
            }
            Err(_) => true,
        }
    }

    /// Whether that is the life that runs now, as far as is known. What is told of an earlier one is about nothing that
    /// still is.
    fn is_present(&self, life: &Life) -> bool {
        self.life.as_ref().is_none_or(|present| present == life)
    }

    /// What needs noting in every state.
    async fn note(&mut self, event: &Event) {
        match event {
            Event::Linked { link, versions } if self.link.is_none_or(|known| known < *link) => {
                self.link = Some(*link);
                let phase = self.phase();
                let down = matches!(phase, Phase::Stopped { .. } | Phase::Failed { .. });
                let phase = if down { Phase::Running {} } else { phase };
                self.publish_with(phase, Some(versions.clone()));
            }
            Event::Unlinked { link } if self.link == Some(*link) => {
                self.link = None;
                self.publish(self.phase());
            }
            Event::OutOfMemory => {
                self.out_of_memory = true;
                self.hub.went_wrong(Reason::new(ReasonCode::OutOfMemory));
                self.hub.lost_something(NoticeKind::OutOfMemory {}).await;
            }
            Event::Ask(..)
            | Event::Enrolled
            | Event::Linked { .. }
            | Event::Unlinked { .. }
            | Event::Died { .. }
            | Event::Misbehaved(_)
            | Event::Seen { .. } => {}
        }
    }

    async fn why_died(&self, code: i64) -> Reason {
        let words = self.last_words().await;
        if self.out_of_memory {
            return Reason::with(ReasonCode::OutOfMemory, words);
        }
        let status = if code < 0 { String::new() } else { format!("exit status {code}. ") };
        Reason::with(ReasonCode::Exited, format!("{status}{words}"))
    }

    async fn last_words(&self) -> String {
        self.parts.runtime.last_words(self.record.id).await
    }

    /// A fresh token; earlier ones are void.
    async fn new_token(&self) -> Result<Vec<u8>, Interrupted> {
        let mut secret = [0; 32];
        rand::rng().fill_bytes(&mut secret);
        let token: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let hash = Sha256::digest(token.as_bytes()).into();
        let expires_at = clock::now() + TOKEN_LIFE_MS;
        let internal = |error: String| Interrupted::Failed(Reason::with(ReasonCode::Internal, error));
        let kept = self.parts.store.add_enrol_token(hash, self.record.id, expires_at).await;
        kept.map_err(|error| internal(error.to_string()))?;
        let file = TokenFile { token, ca: self.parts.authority.digest().to_string() };
        serde_json::to_vec(&file).map_err(|error| internal(error.to_string()))
    }

    /// Keeps what is wanted; a failure to is told in the log and mended by the next change.
    async fn keep(&mut self, wanted: Wanted, last: Option<Last>) {
        let mut record = self.record.clone();
        record.wanted = wanted;
        record.last = last.unwrap_or(record.last);
        match self.parts.store.save_workspace(&record).await {
            Ok(()) => {
                record.version += 1;
                self.record = record;
                self.steps = 0;
            }
            Err(error) => {
                tracing::error!(workspace = %record.id, %error, "the workspace's record can't be kept")
            }
        }
    }

    /// Puts a step of the workspace's life into the audit trail. What its user asked for is their deed; what an operator
    /// asks for is written down as theirs where they ask.
    async fn write_down(&self, state: &str, reason: Option<&Reason>) {
        let reason = reason.map(|reason| reason.code);
        let who = match reason {
            Some(ReasonCode::Asked) => self.record.user.to_string(),
            _ => audit::ATELIER.to_owned(),
        };
        let detail = json!({ "user": self.record.user, "state": state, "reason": reason });
        audit::note(&*self.parts.store, who, "workspace_life", self.record.id, detail).await;
    }

    async fn keep_failed(&mut self, reason: &Reason) {
        self.hub.went_wrong(reason.clone());
        self.keep(Wanted::Stopped, Some(Last::Failed { reason: reason.clone(), at: clock::now() })).await;
    }

    /// Since when a workspace that does not run has been as it is found, if its record says.
    const fn since_when(&self) -> Option<Millis> {
        match &self.record.last {
            Last::Stopped { at, .. } | Last::Failed { at, .. } if *at > 0 => Some(*at),
            Last::Stopped { .. } | Last::Failed { .. } | Last::Never {} => None,
        }
    }

    fn phase(&self) -> Phase {
        self.hub.status().phase
    }

    fn publish(&mut self, phase: Phase) {
        let versions = self.hub.status().versions;
        self.publish_with(phase, versions);
    }

    /// Publishes a state that is older than this driver.
    fn publish_since(&mut self, phase: Phase, since: Option<Millis>) {
        self.publish(phase);
        if let Some(since) = since {
            self.hub.set_status(WorkspaceStatus { since, ..self.hub.status() });
        }
    }

    fn publish_with(&mut self, phase: Phase, versions: Option<Versions>) {
        self.steps += 1;
        let before = self.hub.status();
        let generation = (self.record.version * STATUS_STEPS + self.steps).max(before.generation + 1);
        let since = if before.phase == phase { before.since } else { clock::now() };
        let linked = self.link.is_some();
        tracing::debug!(workspace = %self.record.id, ?phase, linked, "status");
        self.hub.set_status(WorkspaceStatus { generation, phase, since, linked, versions });
    }
}

/// Why a workspace is stopped that someone wants stopped: `operators`, if an operator does.
const fn reason_by(by: By, operators: ReasonCode) -> Reason {
    Reason::new(match by {
        By::User => ReasonCode::Asked,
        By::Operator { .. } => operators,
    })
}

/// Whether a request makes sense in the life that it means.
fn accepts(hub: &WorkspaceHub, ask: Ask, by: By) -> bool {
    let meant = match by {
        By::User => true,
        By::Operator { seen } => !hub.is_over(seen),
    };
    meant && policy::answer(&hub.status().phase, ask) == Answer::Accept
}

fn failed(error: RuntimeError) -> Interrupted {
    Interrupted::Failed(reason_of(&error))
}

/// What fails so early has made nothing, and what runs all the same is not its to stop.
fn not_begun(why: Interrupted) -> Interrupted {
    match why {
        Interrupted::Failed(reason) => Interrupted::NotBegun(reason),
        Interrupted::NotBegun(_) | Interrupted::Asked(..) | Interrupted::Closed => why,
    }
}

/// What an error of the engine means for a workspace.
pub(super) fn reason_of(error: &RuntimeError) -> Reason {
    let code = match error {
        RuntimeError::Down(_) => ReasonCode::EngineDown,
        RuntimeError::ImageMissing(_) => ReasonCode::ImageMissing,
        RuntimeError::Wall(_) => ReasonCode::WallFailed,
        RuntimeError::Refused(_) => ReasonCode::EngineRefused,
    };
    Reason::with(code, error.to_string())
}
