/** What the menus hold. */
import Choices from '../ui/Choices.svelte';
import PreferencesPanel from './PreferencesPanel.svelte';
import RowMenu from './RowMenu.svelte';
import WorkspaceAbout from './WorkspaceAbout.svelte';

export default { Choices, PreferencesPanel, RowMenu, WorkspaceAbout };
