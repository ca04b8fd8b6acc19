//! What a viewer asks for, carried out.

use std::sync::Arc;

use protocol::close::ErrorCode;
use protocol::limits::OPEN_CONVERSATIONS;
use protocol::outbox::What;
use protocol::settings::Settings;
use protocol::terminal::{TerminalKind, TerminalWish};
use protocol::viewer::{FromServer, FromViewer, Request};
use protocol::{ConversationId, ItemId, TerminalId};

use super::feed::Feed;
use crate::app::App;
use crate::auth::session::CurrentUser;
use crate::hub::conversation::ConversationHub;
use crate::hub::follow::Follow;
use crate::hub::terminal::Viewing;
use crate::hub::terminal::wish::Fate;
use crate::hub::workspace::WorkspaceHub;
use crate::outbox::Refusal;
use crate::store::StoreError;
use crate::workspace::policy::{Answer, Ask};

/// Carries out one viewer's requests, one after the other.
pub(super) struct Actor {
    app: Arc<App>,
    user: CurrentUser,
    hub: Arc<WorkspaceHub>,
}

type Done = Result<(), Refusal>;

impl Actor {
    pub(super) const fn new(app: Arc<App>, user: CurrentUser, hub: Arc<WorkspaceHub>) -> Self {
        Self { app, user, hub }
    }

    /// Carries out a request and says how it went.
    ///
    /// `None`: the workspace-agent is asked, and the viewer is told later.
    pub(super) async fn carry_out(
        &mut self,
        request: Request,
        feed: &mut Feed,
        viewing: &Viewing,
    ) -> Option<FromServer<'static>> {
        let re = request.re;
        let carried = if let FromViewer::Terminal { terminal, wish } = request.body {
            self.wish(re, terminal, wish, viewing).await
        } else {
            self.act(request.body, feed).await.map(|()| Fate::Done)
        };
        match carried {
            Ok(Fate::Done) => Some(FromServer::Done { re }),
            Ok(Fate::Asked) => None,
            Err(Refusal { code, message }) => Some(FromServer::Refused { re, code, message }),
        }
    }

    async fn wish(
        &self,
        re: u32,
        terminal: TerminalId,
        wish: TerminalWish,
        viewing: &Viewing,
    ) -> Result<Fate, Refusal> {
        if let TerminalWish::Open { what, .. } = &wish {
            if let TerminalKind::Claude { conversation } = what {
                self.conversation(*conversation).await?;
            }
            if viewing.is_out_of_reach() {
                self.ask(Ask::Start)?;
            }
        }
        viewing.wish(re, terminal, wish)
    }

    async fn act(&mut self, wanted: FromViewer, feed: &mut Feed) -> Done {
        match wanted {
            FromViewer::Open { conversation, cursor } => {
                if feed.len() >= OPEN_CONVERSATIONS {
                    let message =
                        format!("at most {OPEN_CONVERSATIONS} conversations can be followed at a time");
                    return Err(Refusal { code: ErrorCode::TooMany, message });
                }
                let hub = self.conversation(conversation).await?;
                feed.open(Follow::attach(hub, cursor).await.map_err(refused)?);
                Ok(())
            }
            FromViewer::Close { conversation } => {
                feed.close(conversation);
                Ok(())
            }
            FromViewer::Send { conversation, item, text, steer, again_of } => {
                self.add(conversation, item, What::Message { text, steer, again_of }).await
            }
            FromViewer::Edit { conversation, item, version, text } => {
                let hub = self.conversation(conversation).await?;
                hub.change(|outbox| outbox.edit(item, version, text).map(|item| vec![item])).await
            }
            FromViewer::Cancel { conversation, item } => {
                let hub = self.conversation(conversation).await?;
                hub.change(|outbox| outbox.cancel(item).map(|item| vec![item])).await
            }
            FromViewer::Reorder { conversation, item, before } => {
                let hub = self.conversation(conversation).await?;
                hub.change(|outbox| outbox.reorder(item, before)).await
            }
            FromViewer::SendNow { conversation, item } => {
                let hub = self.conversation(conversation).await?;
                hub.change(|outbox| outbox.send_now(item).map(|item| vec![item])).await
            }
            FromViewer::Answer { conversation, item, prompt, decision } => {
                self.add(conversation, item, What::Answer { prompt, decision }).await
            }
            FromViewer::Stop { conversation, item } => {
                let hub = self.conversation(conversation).await?;
                let message = hub.to_stop();
                hub.add(item, self.user.person(), What::Stop { message }).await
            }
            FromViewer::Continue { conversation, item, message } => {
                self.add(conversation, item, What::Continue { message }).await
            }
            FromViewer::Configure { conversation, settings } => self.configure(conversation, settings).await,
            // Those of terminals are answered elsewhere.
            FromViewer::Ping {} | FromViewer::Terminal { .. } => Ok(()),
            FromViewer::StartWorkspace {} => self.ask(Ask::Start),
            FromViewer::StopWorkspace {} => self.ask(Ask::Stop),
        }
    }

    async fn add(&self, conversation: ConversationId, item: ItemId, what: What) -> Done {
        self.conversation(conversation).await?.add(item, self.user.person(), what).await
    }

    async fn configure(&self, conversation: ConversationId, settings: Settings) -> Done {
        if !self.app.config.limits.modes().contains(&settings.mode) {
            let message = "that permission mode is not offered here".to_owned();
            return Err(Refusal { code: ErrorCode::Forbidden, message });
        }
        self.conversation(conversation).await?.configure(settings).await
    }

    fn ask(&self, ask: Ask) -> Done {
        match self.app.workspaces.ask(&self.hub, ask) {
            Answer::Accept | Answer::Ignore => Ok(()),
            Answer::Refuse => {
                let message = "the workspace is being deleted".to_owned();
                Err(Refusal { code: ErrorCode::Conflict, message })
            }
        }
    }

    async fn conversation(&self, id: ConversationId) -> Result<Arc<ConversationHub>, Refusal> {
        self.hub.conversation(id).await.map_err(refused)
    }
}

fn refused(error: StoreError) -> Refusal {
    let (code, message) = match &error {
        StoreError::NotFound => (ErrorCode::NotFound, "there is no such conversation"),
        StoreError::Conflict
        | StoreError::Exhausted(_)
        | StoreError::Full(_)
        | StoreError::Unavailable(_)
        | StoreError::Malformed(_) => (ErrorCode::Unavailable, "the store can't be read"),
    };
    if code != ErrorCode::NotFound {
        tracing::error!(error = format!("{:#}", anyhow::Error::new(error)), "a conversation can't be opened");
    }
    Refusal { code, message: message.to_owned() }
}
