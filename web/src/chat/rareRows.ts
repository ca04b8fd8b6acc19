/** Rows that most turns do without. */
import Answered from './Answered.svelte';
import LineRow from './LineRow.svelte';
import MessageActs from './MessageActs.svelte';
import Note from './Note.svelte';
import RawCard from './RawCard.svelte';
import Typed from './Typed.svelte';
import TurnFailure from './TurnFailure.svelte';
import UnknownCard from './UnknownCard.svelte';

export default { Answered, LineRow, MessageActs, Note, RawCard, TurnFailure, Typed, UnknownCard };
