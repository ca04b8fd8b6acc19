/** The log as it is being written: turns of rows, found again by call or message. Knows nothing of events. */
import type { ItemId, ToolUseId } from '../protocol/generated';
import type { CallRow, MessageRow, Row, Turn, UnknownRow } from './model';

/** A turn that may still grow. */
export interface Draft {
  readonly key: string;
  /** The number of the event that began it. */
  readonly first: number;
  readonly rows: Row[];
  readonly keys: Set<string>;
  ended: boolean;
  /** What `turn` made of it last, until it changes. */
  made?: Turn | undefined;
}

interface Place {
  readonly draft: Draft;
  readonly index: number;
}

/** Turns of rows, written from the top down. */
export class Sheet {
  readonly drafts: Draft[] = [];
  readonly #keys = new Set<string>();
  readonly #calls = new Map<ToolUseId, Place>();
  readonly #messages = new Map<ItemId, Place>();
  readonly #unknown = new Map<ItemId, Place>();
  readonly #openCalls = new Set<ToolUseId>();

  /** The turn that is being written. */
  get last(): Draft | undefined {
    return this.drafts.at(-1);
  }

  /** Begins a turn. */
  begin(key: string, first: number): Draft {
    const draft: Draft = {
      key: unique(this.#keys, key, first),
      first,
      rows: [],
      keys: new Set(),
      ended: false,
    };
    this.drafts.push(draft);
    return draft;
  }

  /** Begins a turn of which nothing more will come: a place for what precedes the log. */
  beginEnded(key: string): Draft {
    const draft = this.begin(key, 0);
    draft.ended = true;
    return draft;
  }

  /** The turn of a sub-agent's call. */
  homeOf(parent: ToolUseId | undefined): Draft | undefined {
    return parent === undefined ? undefined : this.#calls.get(parent)?.draft;
  }

  /** Adds a row at a turn's end. */
  add(row: Row, draft: Draft): void {
    const key = unique(draft.keys, row.key, row.n);
    const place = { draft, index: draft.rows.length };
    draft.rows.push(key === row.key ? row : { ...row, key });
    draft.made = undefined;
    if (row.kind === 'message') this.#messages.set(row.item, place);
    if (row.kind === 'unknown') this.#unknown.set(row.item, place);
    if (row.kind === 'call' && row.toolUse) {
      this.#calls.set(row.toolUse, place);
      this.#openCalls.add(row.toolUse);
    }
  }

  /** Puts another row in the place of a turn's last one. */
  replaceLast(draft: Draft, row: Row): void {
    draft.rows[draft.rows.length - 1] = row;
    draft.made = undefined;
  }

  /** Whether the log has this message. */
  hasMessage(item: ItemId): boolean {
    return this.#messages.has(item);
  }

  /** The message, if it is on the sheet. */
  message(item: ItemId): MessageRow | undefined {
    return at<MessageRow>(this.#messages.get(item));
  }

  /** The messages that have arrived and not come to an end. */
  underWay(): ItemId[] {
    return [...this.#messages.keys()].filter((item) => {
      const state = this.message(item)?.mark.state;
      return state === 'delivered' || state === 'started';
    });
  }

  /** Changes a message. */
  updateMessage(item: ItemId, change: Partial<MessageRow>): void {
    set(this.#messages.get(item), change);
  }

  /** Changes a call. */
  updateCall(call: ToolUseId, change: Partial<CallRow>): void {
    set(this.#calls.get(call), change);
    if (change.result) this.#openCalls.delete(call);
  }

  /** Changes the card of a message of unknown fate. */
  updateUnknown(item: ItemId, change: Partial<UnknownRow>): void {
    set(this.#unknown.get(item), change);
  }

  /** The messages of unknown fate that nobody has dealt with. */
  undealt(): ItemId[] {
    return [...this.#unknown].filter(([, place]) => !at<UnknownRow>(place)?.dealt).map(([item]) => item);
  }

  /** Gives up all calls without a result: the process that ran them is gone. */
  loseCalls(): void {
    for (const call of this.#openCalls) set(this.#calls.get(call), { state: 'lost' });
    this.#openCalls.clear();
  }
}

/** `key`, made different from all in `keys` by `n`: ids from a workspace may repeat. */
function unique(keys: Set<string>, key: string, n: number): string {
  let candidate = key;
  for (let extra = n; keys.has(candidate); extra += 0.5) candidate = `${key}#${extra}`;
  keys.add(candidate);
  return candidate;
}

function at<R extends Row>(place: Place | undefined): R | undefined {
  return place?.draft.rows[place.index] as R | undefined;
}

function set(place: Place | undefined, change: Partial<Row>): void {
  const row = at<Row>(place);
  if (!place || !row) return;
  place.draft.rows[place.index] = { ...row, ...change } as Row;
  place.draft.made = undefined;
}
