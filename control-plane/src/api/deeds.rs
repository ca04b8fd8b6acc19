//! What people do in a conversation that is written down before it is done: answers to prompts, changes of what may be done
//! without asking. The same for a viewer's socket and for scripts.

use protocol::close::ErrorCode;
use protocol::event::Person;
use protocol::outbox::What;
use protocol::prompt::Decision;
use protocol::settings::{Mode, Settings};
use protocol::{ItemId, PromptId};

use crate::app::App;
use crate::audit::{self, By};
use crate::hub::conversation::ConversationHub;
use crate::outbox::Refusal;
use crate::store::StoreError;
use std::sync::Arc;

/// Answers a prompt. Answering it again under the same id changes nothing.
pub(super) async fn answer(
    app: &App,
    by: By<'_>,
    person: Person,
    hub: &Arc<ConversationHub>,
    (item, prompt, decision): (ItemId, PromptId, Decision),
) -> Result<(), Refusal> {
    if let Decision::Allow { mode: Some(mode), .. } = &decision {
        offered(app, *mode)?;
    }
    let known = app.store.outbox_item(hub.id(), item).await.map_err(cant)?;
    // What is not open is refused by the outbox, which knows why.
    let written = known.is_none() && hub.is_open(&prompt);
    if written {
        let asked = hub.prompt(&prompt).await.map_err(cant)?;
        let told = audit::answer(app, by, hub.id(), (&prompt, asked.as_ref()), &decision).await;
        told.map_err(|error| {
            let (code, message) = error.told();
            Refusal { code, message }
        })?;
    }
    let added = hub.add(item, person, What::Answer { prompt: prompt.clone(), decision }).await;
    if let Err(refusal) = &added
        && written
    {
        let detail = serde_json::json!({ "prompt": prompt, "why": refusal.code });
        audit::note(&*app.store, by.user, "answer_refused", hub.id(), detail).await;
    }
    added
}

/// Changes what a conversation runs with.
pub(super) async fn configure(
    app: &App,
    by: By<'_>,
    hub: &Arc<ConversationHub>,
    settings: Settings,
) -> Result<(), Refusal> {
    offered(app, settings.mode)?;
    let before = hub.record().settings.mode;
    if before != settings.mode {
        let modes = (before.as_str(), settings.mode.as_str());
        audit::mode(app, by, hub.id(), modes).await.map_err(cant)?;
    }
    hub.configure(settings).await
}

/// Lets a permission mode pass that people may choose here.
pub(super) fn offered(app: &App, mode: Mode) -> Result<(), Refusal> {
    if app.config.limits.modes().contains(&mode) {
        return Ok(());
    }
    let message = "that permission mode is not offered here".to_owned();
    Err(Refusal { code: ErrorCode::Forbidden, message })
}

/// A deed that can't be written down is not done.
fn cant(error: StoreError) -> Refusal {
    tracing::error!(error = format!("{:#}", anyhow::Error::new(error)), "a deed can't be written down");
    Refusal {
        code: ErrorCode::Unavailable,
        message: "the store can't be written; nothing was changed".to_owned(),
    }
}
