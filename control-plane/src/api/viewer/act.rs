//! What a viewer asks for, carried out.

use std::sync::Arc;

use protocol::close::ErrorCode;
use protocol::limits::OPEN_CONVERSATIONS;
use protocol::outbox::What;
use protocol::terminal::{TerminalKind, TerminalWish};
use protocol::viewer::{FromServer, FromViewer, Request};
use protocol::{ConversationId, ItemId, TerminalId};

use super::super::deeds;
use super::feed::Feed;
use crate::app::App;
use crate::audit;
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
        if changes(&request.body)
            && let Err(error) = self.app.pace.write(self.user.user.id)
        {
            let back_in_ms = error.back_in_ms();
            let (code, message) = error.told();
            return Some(FromServer::Refused { re, code, message, back_in_ms });
        }
        let carried = if let FromViewer::Terminal { terminal, wish } = request.body {
            self.wish(re, terminal, wish, viewing).await
        } else {
            self.act(request.body, feed).await.map(|()| Fate::Done)
        };
        match carried {
            Ok(Fate::Done) => Some(FromServer::Done { re }),
            Ok(Fate::Asked) => None,
            Err(Refusal { code, message }) => {
                Some(FromServer::Refused { re, code, message, back_in_ms: None })
            }
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
                hub.cancel(item, self.user.person()).await
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
                let hub = self.conversation(conversation).await?;
                let person = self.user.person();
                deeds::answer(&self.app, self.by(), person, &hub, (item, prompt, decision)).await
            }
            FromViewer::Stop { conversation, item, message } => {
                let hub = self.conversation(conversation).await?;
                let message = message.or_else(|| hub.to_stop());
                hub.add(item, self.user.person(), What::Stop { message }).await
            }
            FromViewer::Continue { conversation, item, message } => {
                self.add(conversation, item, What::Continue { message }).await
            }
            FromViewer::Configure { conversation, settings } => {
                let hub = self.conversation(conversation).await?;
                deeds::configure(&self.app, self.by(), &hub, settings).await
            }
            // Those of terminals are answered elsewhere.
            FromViewer::Ping {} | FromViewer::Terminal { .. } => Ok(()),
            FromViewer::StartWorkspace {} => self.ask(Ask::Start),
            FromViewer::StopWorkspace {} => self.ask(Ask::Stop),
        }
    }

    async fn add(&self, conversation: ConversationId, item: ItemId, what: What) -> Done {
        self.conversation(conversation).await?.add(item, self.user.person(), what).await
    }

    fn by(&self) -> audit::By<'static> {
        audit::By { user: self.user.user.id, workspace: self.hub.id(), caller: None }
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

/// Whether what is wanted changes something, and so counts as a request that does over REST. What only this viewer sees of
/// it is not among it, nor what a page says by itself of a terminal that it shows.
const fn changes(wanted: &FromViewer) -> bool {
    match wanted {
        FromViewer::Open { .. } | FromViewer::Close { .. } | FromViewer::Ping {} => false,
        FromViewer::Send { .. }
        | FromViewer::Edit { .. }
        | FromViewer::Cancel { .. }
        | FromViewer::Reorder { .. }
        | FromViewer::SendNow { .. }
        | FromViewer::Answer { .. }
        | FromViewer::Stop { .. }
        | FromViewer::Continue { .. }
        | FromViewer::Configure { .. }
        | FromViewer::StartWorkspace {}
        | FromViewer::StopWorkspace {} => true,
        FromViewer::Terminal { wish, .. } => match wish {
            TerminalWish::Attach { .. }
            | TerminalWish::Detach {}
            | TerminalWish::Resize { .. }
            | TerminalWish::Take { .. }
            | TerminalWish::Colors { .. } => false,
            TerminalWish::Open { .. }
            | TerminalWish::Close {}
            | TerminalWish::Rename { .. }
            | TerminalWish::Restart { .. }
            | TerminalWish::Record { .. } => true,
        },
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
