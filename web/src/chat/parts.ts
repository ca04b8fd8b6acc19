/** The parts of the chat that the first paint can do without. */
import { Lazy } from '../ui/lazy.svelte';

/** What a turn leaves besides words. */
export const turnRows = new Lazy(() => import('./turnRows'));
/** What a tool's card needs beyond its one line. */
export const toolParts = new Lazy(() => import('./tool/parts'));
/** Claude's questions to a person. */
export const promptStack = new Lazy(() => import('./prompts/PromptStack.svelte'));
/** What stands above the message field at times. */
export const panels = new Lazy(() => import('./Panels.svelte'));
/** Rows that most turns do without. */
export const rareRows = new Lazy(() => import('./rareRows'));
/** The commands that a message can begin with. */
export const commandList = new Lazy(() => import('./CommandList.svelte'));
/** Content that was too long for its event. */
export const cutText = new Lazy(() => import('./CutText.svelte'));
/** Terminal output with its colours. */
export const terminalText = new Lazy(() => import('./TerminalText.svelte'));
/** What the menus hold. */
export const menus = new Lazy(() => import('../workspace/menus'));
/** What lets operators read a conversation. */
export const grantDialog = new Lazy(() => import('../workspace/GrantDialog.svelte'));
/** That operators may read it. */
export const granted = new Lazy(() => import('./Granted.svelte'));
/** A title being changed. */
export const renameForm = new Lazy(() => import('../workspace/RenameForm.svelte'));
/** What one could begin with. */
export const examples = new Lazy(() => import('./Examples.svelte'));
/** What is to be said of the model. */
export const modelBanner = new Lazy(() => import('../workspace/ModelBanner.svelte'));
/** What a screen reader is told. */
export const announcements = new Lazy(() => import('../lib/chat/announce'));
/** A way to have a deleted conversation back. */
export const undoToast = new Lazy(() => import('../workspace/UndoToast.svelte'));
/** A conversation that is not there. */
export const missingPane = new Lazy(() => import('./Missing.svelte'));
/** The way to the terminals, and what they are shown in. */
export const terminalSide = new Lazy(() => import('../terminal/Side.svelte'));

/** Fetches what every conversation comes to want, so that it is there before it is wanted. */
export function fetchParts(): void {
  for (const part of [rareRows, toolParts, promptStack, panels, announcements, menus, undoToast, missingPane])
    void part.fetch();
}
