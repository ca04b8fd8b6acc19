/** What draws terminals: it comes when the first one is to be seen. */
import { Emulator } from '../lib/terminal/emulator';
import { Pump } from '../lib/terminal/pump';
import { Viewer } from '../lib/terminal/viewer.svelte';

export default { Emulator, Pump, Viewer };
