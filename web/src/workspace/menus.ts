/** What the menus hold, and what a choice in them may leave. */
import Choices from '../ui/Choices.svelte';
import PreferencesPanel from './PreferencesPanel.svelte';
import UndoToast from './UndoToast.svelte';
import WorkspaceAbout from './WorkspaceAbout.svelte';

export default { Choices, PreferencesPanel, UndoToast, WorkspaceAbout };
