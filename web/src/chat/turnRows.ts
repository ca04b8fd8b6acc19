/** What a turn leaves besides words: the first paint has no turn yet. */
import ResultLine from './ResultLine.svelte';
import Thinking from './Thinking.svelte';
import ToolCard from './ToolCard.svelte';

export default { ResultLine, Thinking, ToolCard };
