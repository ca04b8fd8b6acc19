/** Short ways to write events and outbox items in tests. */
import type { Event, Item, ItemState, Person, Prompt, What } from '../protocol/generated';
import type { Row } from './model';
import { Chat, type Surroundings } from './reducer';

type Bodies<T> = T extends unknown ? Omit<T, 'n' | 'at'> : never;

/** An event without its number and time. */
export type Body = Bodies<Event>;

export const hana: Person = { id: 'hana', name: '김하나' };
export const sam: Person = { id: 'sam', name: 'Sam' };

/** Events numbered from `first`, a second apart. */
export function events(bodies: readonly Body[], first = 1): Event[] {
  return bodies.map((body, index) => ({ n: first + index, at: (first + index) * 1000, ...body }) as Event);
}

/** A conversation whose log has these events. */
export function chatOf(bodies: readonly Body[], first = 1): Chat {
  const chat = new Chat(first, { epoch: 1, n: first - 1 + bodies.length });
  chat.append(1, events(bodies, first));
  return chat;
}

/** Nothing beside the log. */
export const alone: Surroundings = { local: [], answering: new Map(), stopping: false };

/** All rows of a conversation, in order. */
export function rows(chat: Chat, around: Surroundings = alone): Row[] {
  return chat.view(around).turns.flatMap((turn) => [...turn.rows]);
}

/** The rows of one kind. */
export function of<R extends Row>(chat: Chat, kind: R['kind']): R[] {
  return rows(chat).filter((row): row is R => row.kind === kind);
}

/** The messages of a conversation with their marks. */
export function marks(chat: Chat, around: Surroundings = alone): string[] {
  return rows(chat, around).flatMap((row) =>
    row.kind === 'message' ? [`${row.item}:${row.mark.state}`] : [],
  );
}

export const taken = (item: string, text = item): Body => ({
  kind: 'message_taken',
  item,
  by: hana,
  content: { text },
});
export const started = (item: string): Body => ({ kind: 'message_started', item });
export const said = (block: string, text: string): Body => ({ kind: 'text', block, text: { text } });
export const call = (toolUse: string, tool = 'Bash', parent?: string): Body => ({
  kind: 'tool_call',
  block: `b-${toolUse}`,
  tool_use: toolUse,
  tool,
  subject: 'make',
  input: { json: { command: 'make' } },
  ...(parent ? { parent } : {}),
});
export const called = (toolUse: string): Body => ({
  kind: 'tool_result',
  tool_use: toolUse,
  content: { text: 'done' },
  outcome: 'ok',
});
export const result = (...items: string[]): Body => ({
  kind: 'result',
  items,
  outcome: 'completed',
  duration_ms: 100,
  cost_usd: 0.1,
  usage: { input: 1, output: 1, cache_read: 0, cache_write: 0 },
});
export const state = (name: 'idle' | 'working' | 'waiting'): Body => ({ kind: 'state', state: name });

/** A prompt for permission to run `make`. */
export function prompt(id: string, toolUse?: string): Prompt {
  const base: Prompt = {
    prompt: id,
    ask: 'permission',
    tool: 'Bash',
    subject: 'make',
    input: { json: { command: 'make' } },
    suggestions: [],
  };
  return toolUse ? { ...base, tool_use: toolUse } : base;
}

/** An outbox item; `seq` is its revision too. */
export function item(id: string, seq: number, stateOf: ItemState, what: Partial<What> = {}, after = 0): Item {
  const whole = { type: 'message', text: id, steer: false, ...what } as What;
  return {
    id,
    seq,
    version: 1,
    rev: seq,
    by: hana,
    at: seq,
    after: { epoch: 1, n: after },
    what: whole,
    state: stateOf,
  };
}
