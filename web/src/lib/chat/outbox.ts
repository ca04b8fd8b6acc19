/** Where to show what people sent until the log has it: in its place, in the queue, or not at all. Pure. */
import type { Item, ItemId, Person, PromptId, Settings, What } from '../protocol/generated';
import type { Mark, MessageRow, Queued } from './model';

/** A message that this browser keeps until the control plane has it. */
export interface LocalMessage {
  readonly conversation: string;
  readonly item: ItemId;
  readonly text: string;
  readonly steer: boolean;
  readonly again_of?: ItemId | undefined;
  readonly at: number;
  /** The conversation has to be made first, with these settings. */
  readonly create?: Settings | undefined;
  /**
   * What a reload must not forget: it may have arrived; it is to be taken back, if it has; it was. Nothing: it never left
   * this browser, or was refused.
   */
  readonly stage?: 'wired' | 'leaving' | 'back' | undefined;
  /** This browser has no room to keep it across a reload. */
  readonly fleeting?: boolean | undefined;
  readonly mark: Mark;
}

/** A row that belongs after event `after` though no event stands for it. */
export interface Extra {
  readonly after: number;
  readonly row: MessageRow;
}

/** Where the messages go that the log does not have. */
export interface Placed {
  /** Messages to show at the log's end. */
  readonly inline: readonly MessageRow[];
  /** Messages that wait, next one first. */
  readonly queue: readonly Queued[];
  /** Messages that were refused, at their place in the log. */
  readonly refused: readonly Extra[];
  /** The next one waits until a person has dealt with a message of unknown fate. */
  readonly held: boolean;
}

/** What the log says that messages wait for. */
export interface Waited {
  /** Whether the log has a message. */
  readonly has: (item: ItemId) => boolean;
  /** A turn runs, or the conversation is open in a terminal. */
  readonly busy: boolean;
  /** What was waiting before this event is held: a message's fate is unknown since. */
  readonly unknownAt?: number | undefined;
}

type MessageItem = Item & { what: What & { type: 'message' } };

/** The items that still matter, oldest first. */
export interface Waiting {
  /** Who has answered which prompt, while the answer is on its way. */
  readonly answers: ReadonlyMap<PromptId, Person>;
  /** A stop is on its way. */
  readonly stop: boolean;
  /** The messages of unknown fate that somebody is dealing with. */
  readonly dealing: ReadonlySet<ItemId>;
}

/** Places the messages of `items` and `local` that the log does not have. */
export function place(
  items: Iterable<Item>,
  local: readonly LocalMessage[],
  { has, busy, unknownAt = 0 }: Waited,
): Placed {
  const inline: MessageRow[] = [];
  const refused: Extra[] = [];
  const known = new Set<ItemId>();
  const waiting: { row: MessageRow; queued: Queued; after: number }[] = [];
  for (const item of inOrder(items)) {
    // Of one that was taken back, only the browser that sent it may still have the words.
    if (item.state.type !== 'cancelled') known.add(item.id);
    if (has(item.id)) continue;
    const row = itemRow(item);
    if (item.state.type === 'refused') refused.push({ after: item.after.n, row });
    if (item.state.type === 'delivered' || item.state.type === 'started') inline.push(row);
    if (item.state.type === 'saved') waiting.push({ row, queued: queuedItem(item), after: item.after.n });
  }
  for (const message of local) {
    if (known.has(message.item) || has(message.item)) continue;
    const row = localRow(message);
    if (isOver(row.mark)) inline.push(row);
    else waiting.push({ row, queued: queuedLocal(message), after: Infinity });
  }
  const blocked = busy || inline.some((row) => !isOver(row.mark));
  const held = !blocked && (waiting[0]?.after ?? Infinity) < unknownAt;
  const next = blocked || held ? undefined : waiting.shift();
  if (next) inline.push(next.row);
  return { inline, queue: waiting.map(({ queued }) => queued), refused, held };
}

/** It waits for nothing, and nothing waits for it. */
function isOver({ state }: Mark): boolean {
  return state === 'refused' || state === 'back';
}

/** What is on its way besides messages. */
export function onTheWay(items: Iterable<Item>): Waiting {
  const answers = new Map<PromptId, Person>();
  const dealing = new Set<ItemId>();
  let stop = false;
  for (const { what, by, state } of items) {
    // An answer that took effect closes its prompt, though the log may say so a moment later.
    if (what.type === 'answer' && state.type !== 'refused') answers.set(what.prompt, by);
    if (state.type !== 'saved' && state.type !== 'delivered') continue;
    if (what.type === 'stop') stop = true;
    if (what.type === 'continue') dealing.add(what.message);
    if (what.type === 'message' && what.again_of) dealing.add(what.again_of);
  }
  return { answers, stop, dealing };
}

function inOrder(items: Iterable<Item>): MessageItem[] {
  return [...items]
    .filter((item): item is MessageItem => item.what.type === 'message')
    .sort((a, b) => a.seq - b.seq);
}

function markOf({ state }: Item): Mark {
  switch (state.type) {
    case 'saved':
    case 'delivered':
    case 'started':
    case 'done':
      return { state: state.type };
    case 'refused':
      return { state: 'refused', code: state.code };
    case 'unknown':
      return { state: 'unknown', why: state.why };
    default:
      return { state: 'done' };
  }
}

function itemRow(item: MessageItem): MessageRow {
  const { text, steer } = item.what;
  const base = { key: `m:${item.id}`, n: item.after.n, at: item.at };
  return {
    kind: 'message',
    ...base,
    item: item.id,
    by: item.by,
    content: { text },
    steer,
    mark: markOf(item),
    waits: item.state.type === 'saved' && !item.handed ? queuedItem(item) : undefined,
  };
}

function localRow({ item, at, text, steer, mark, fleeting }: LocalMessage): MessageRow {
  return {
    kind: 'message',
    key: `m:${item}`,
    n: Infinity,
    at,
    item,
    content: { text },
    steer,
    mark: localMark(mark, fleeting),
    local: true,
  };
}

function queuedItem(item: MessageItem): Queued {
  const { text, steer } = item.what;
  return {
    item: item.id,
    text,
    version: item.version,
    steer,
    mark: markOf(item),
    local: false,
    handed: item.handed ?? false,
  };
}

function queuedLocal({ item, text, steer, mark, fleeting }: LocalMessage): Queued {
  return { item, text, version: 0, steer, mark: localMark(mark, fleeting), local: true, handed: false };
}

function localMark(mark: Mark, fleeting: boolean | undefined): Mark {
  return fleeting ? { ...mark, fleeting: true } : mark;
}
