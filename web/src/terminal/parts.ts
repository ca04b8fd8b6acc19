/** The parts of the panel that can wait until they are wanted. */
import { Lazy } from '../ui/lazy.svelte';

/** What draws terminals. */
export const engine = new Lazy(() => import('./engine'));
/** What plays recordings. */
export const player = new Lazy(() => import('./Player.svelte'));
/** What lists them. */
export const recordings = new Lazy(() => import('./Recordings.svelte'));
/** The panel. */
export const terminalPanel = new Lazy(() => import('./TerminalPanel.svelte'));
