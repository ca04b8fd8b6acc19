//! The model and the permission mode: what is wanted, what the process has, and who changed it.

use protocol::event::{SettingsChange, Trouble};
use protocol::settings::{Mode, Settings};
use protocol::{EventBody, Position};

use super::{Asked, Conversation, Process};
use crate::claude::outgoing;

impl Conversation {
    /// A person wants other settings; `known` is the log's end as they were told of it.
    pub(super) fn configure(&mut self, mut settings: Settings, known: Option<Position>) {
        if Self::is_news(known, self.unasked_at) {
            settings.mode = settings.mode.after_restart();
        }
        if settings.mode == Mode::BypassPermissions && !self.policy.allow_bypass {
            self.trouble(Trouble::SettingRefused, "switching permissions off is not allowed here");
            settings.mode = self.wanted.mode;
        }
        self.wanted = settings;
        match self.process {
            Process::Live => self.apply_settings(),
            Process::None | Process::Starting { .. } | Process::Ending { .. } => {
                self.note_settings(self.wanted.clone(), SettingsChange::Asked);
            }
        }
    }

    /// Tells the process what it should run with, where it differs.
    pub(super) fn apply_settings(&mut self) {
        let wanted = self.wanted.clone();
        if wanted.model != self.running_with.model {
            let model = wanted.model.as_ref().map(|model| model.as_str());
            self.request(Asked::Model(wanted.clone()), &outgoing::set_model(model));
            self.running_with.model.clone_from(&wanted.model);
        }
        if wanted.mode != self.running_with.mode {
            self.request(Asked::Mode(wanted.clone()), &outgoing::set_mode(wanted.mode));
            self.running_with.mode = wanted.mode;
        }
    }

    /// The process answered a change of settings.
    pub(super) fn settings_answered(&mut self, asked: Settings, refused: Option<String>) {
        match refused {
            None => self.note_settings(asked, SettingsChange::Asked),
            Some(why) => {
                self.trouble(Trouble::SettingRefused, why);
                self.running_with = self.summary.settings.clone();
                self.wanted = self.summary.settings.clone();
                self.note_settings(self.wanted.clone(), SettingsChange::Claude);
            }
        }
    }

    /// The CLI says which mode it is in.
    pub(super) fn heard_mode(&mut self, name: &str) {
        let Some(mode) = Mode::parse(name) else { return };
        let expected = self.asked.values().any(|asked| matches!(asked, Asked::Mode(_)));
        if mode == self.running_with.mode || expected {
            return;
        }
        self.running_with.mode = mode;
        self.wanted.mode = mode;
        self.note_settings(self.wanted.clone(), SettingsChange::Claude);
    }

    /// A mode that loosens ends with the process that was loosened.
    pub(super) fn forget_loosened_mode(&mut self) {
        self.wanted.mode = self.wanted.mode.after_restart();
        self.note_settings(self.wanted.clone(), SettingsChange::Restarted);
    }

    /// As [`Self::forget_loosened_mode`], and says so even if the log that is left knows of none.
    pub(super) fn forget_mode(&mut self) {
        self.wanted.mode = self.wanted.mode.after_restart();
        self.tell_settings(self.wanted.clone(), SettingsChange::Restarted);
    }

    fn note_settings(&mut self, settings: Settings, why: SettingsChange) {
        if settings != self.summary.settings {
            self.tell_settings(settings, why);
        }
    }

    fn tell_settings(&mut self, settings: Settings, why: SettingsChange) {
        self.append(EventBody::SettingsChanged { settings, why });
        if why != SettingsChange::Asked {
            self.unasked_at = self.end();
        }
    }
}
