/** What a tool's card needs beyond its one line. */
import { editRows } from '../../lib/chat/edits';
import { countChanges } from '../../lib/text/diff';
import ToolBody from './ToolBody.svelte';

export default { ToolBody, editRows, countChanges };
