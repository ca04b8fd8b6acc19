/**
 * One conversation as a viewer has it: the log, the outbox, the notices and the live text, joined into what the
 * pane draws. Pure: it is fed messages and asked for views; it knows neither socket nor DOM.
 */
import type {
  Activity,
  Cursor,
  Event,
  FromServer,
  HistoryPage,
  Item,
  ItemId,
  Notice,
  Payload,
  Person,
  Position,
  PromptId,
  Settings,
  State,
} from '../protocol/generated';
import { Fold } from './fold';
import { Live } from './live';
import type { ChatView, OpenPrompt, Row, Turn } from './model';
import { type LocalMessage, onTheWay, place, type Placed, type Waiting } from './outbox';
import type { Draft } from './sheet';

/** What the pane knows of the conversation besides its log. */
export interface Surroundings {
  /** What this browser has sent and the control plane has not confirmed. */
  readonly local: readonly LocalMessage[];
  /** Answers of this browser that are on their way to the outbox, which then knows more. */
  readonly answering: ReadonlyMap<PromptId, { item: ItemId; by: Person }>;
  /** The message of unknown fate that this browser is dealing with. */
  readonly dealing?: ItemId | undefined;
  /** This browser has asked to stop. */
  readonly stopping: boolean;
  /** What the list says, for logs whose loaded part does not. */
  readonly listed?: { state: State; settings: Settings } | undefined;
}

/** How events were taken: `gap` asks for a fresh start. */
export type Taken = 'ok' | 'gap';

/** One conversation's streams, joined. */
export class Chat {
  #fold = new Fold();
  #events: Event[] = [];
  #end: Position;
  #oldest: number;
  #outboxRev = 0;
  #lastNotice = 0;
  readonly #items = new Map<ItemId, Item>();
  readonly #notices = new Map<number, Notice>();
  readonly live = new Live();
  activity: Activity | undefined;
  #extraTurns = new Set<Draft>();

  /** A conversation whose first loaded event will be `from` and whose log ends at `end` now. */
  constructor(from: number, end: Position) {
    this.#oldest = Math.max(1, from);
    this.#end = { epoch: end.epoch, n: this.#oldest - 1 };
  }

  /** Where a new socket should go on. */
  get cursor(): Cursor {
    return { log: this.#end, outbox: this.#outboxRev, notice: this.#lastNotice };
  }

  /** The last event's number. */
  get end(): number {
    return this.#end.n;
  }

  /** The first loaded event's number; 1 when nothing is missing. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Whether this prompt was asked in the loaded part. */
  knowsPrompt(prompt: PromptId): boolean {
    return this.#fold.knows(prompt);
  }

  /** What a message says, if it is loaded. */
  contentOf(item: ItemId): Payload | undefined {
    return this.#fold.sheet.message(item)?.content;
  }

  /** The message whose turn runs. */
  get current(): ItemId | undefined {
    return this.#fold.current;
  }

  /** Appends events. Repeats are dropped; a hole is never papered over. */
  append(epoch: number, events: readonly Event[]): Taken {
    for (const event of events) {
      if (event.n <= this.#end.n) continue;
      if (event.n !== this.#end.n + 1) return 'gap';
      this.#events.push(event);
      this.#fold.apply(event);
      this.#supersedeLive(event);
      this.#end = { epoch, n: event.n };
    }
    return 'ok';
  }

  /** Puts an older page before what is loaded, and folds everything anew. */
  prepend(page: HistoryPage): void {
    const older = page.events.filter((event) => event.n < this.#oldest);
    this.#oldest = page.before === undefined ? 1 : (older[0]?.n ?? page.before);
    this.#events = [...older, ...this.#events];
    this.#fold = new Fold();
    this.#extraTurns = new Set();
    for (const event of this.#events) this.#fold.apply(event);
  }

  /** Takes over the events that another log of the same epoch has before these, if none is missing in between. */
  prependFrom(other: Chat): void {
    if (other.#end.epoch !== this.#end.epoch || other.#end.n < this.#oldest - 1) return;
    if (other.#oldest >= this.#oldest) return;
    const page = { end: this.#end, events: other.#events };
    this.prepend(other.#oldest > 1 ? { ...page, before: other.#oldest } : page);
  }

  /** Takes outbox items: the highest revision of each counts. */
  putItems(rev: number, items: readonly Item[]): void {
    this.#outboxRev = Math.max(this.#outboxRev, rev);
    for (const item of items) {
      const known = this.#items.get(item.id);
      if (!known || known.rev <= item.rev) this.#items.set(item.id, item);
    }
  }

  /** Takes notices. */
  putNotices(notices: readonly Notice[]): void {
    for (const notice of notices) {
      this.#notices.set(notice.m, notice);
      this.#lastNotice = Math.max(this.#lastNotice, notice.m);
    }
  }

  /** Takes over what another log of the same conversation had beside its events. */
  adopt(other: Chat): void {
    this.putItems(other.#outboxRev, [...other.#items.values()]);
    this.putNotices([...other.#notices.values()]);
    this.activity = other.activity;
  }

  /** Takes live text, unless its block is final already. */
  pushLive(delta: FromServer & { type: 'live' }, now: number): void {
    if (!this.#fold.finals.has(delta.block)) this.live.push(delta, now);
  }

  /** Whether the outbox or the log has this message, so that no copy of this browser's is needed. */
  has(item: ItemId): boolean {
    return this.#items.has(item) || this.#fold.sheet.hasMessage(item);
  }

  /** Everything that the pane draws, sharing what did not change with the view before. */
  view(around: Surroundings): ChatView {
    const fold = this.#fold;
    const state = fold.state ?? around.listed?.state ?? 'idle';
    const busy = state !== 'idle' || fold.current !== undefined;
    const waiting = onTheWay(this.#items.values());
    const has = (item: ItemId) => fold.sheet.hasMessage(item);
    const blocked = busy || this.activity?.what.type === 'in_terminal';
    const placed = place(this.#items.values(), around.local, {
      has,
      busy: blocked,
      unknownAt: fold.unknownAt,
    });
    return {
      turns: this.#turns(placed),
      queue: placed.queue,
      held: placed.held,
      prompts: this.#prompts(waiting, around),
      state,
      busy,
      streaming: this.live.any,
      stopping: busy && (waiting.stop || around.stopping || this.activity?.what.type === 'stopping'),
      dealing: dealing(waiting, around),
      activity: this.activity,
      tasks: fold.tasks,
      background: fold.background,
      settings: fold.settings ?? around.listed?.settings,
      model: fold.model,
      oldest: this.#oldest,
    };
  }

  #supersedeLive(event: Event): void {
    switch (event.kind) {
      case 'text':
      case 'thinking':
      case 'tool_call':
        return this.live.remove([event.block]);
      case 'result':
      case 'retry':
        return this.live.endTurn();
      case 'process_ended':
        return this.live.clear();
      default:
    }
  }

  #prompts(waiting: Waiting, around: Surroundings): OpenPrompt[] {
    return [...this.#fold.prompts].map(([id, { prompt, at }]) => {
      const own = around.answering.get(id);
      const unseen = own && !this.#items.has(own.item) ? own.by : undefined;
      return { prompt, at, answeredBy: unseen ?? waiting.answers.get(id) };
    });
  }

  #turns(placed: Placed): Turn[] {
    const { drafts } = this.#fold.sheet;
    const extras = this.#placeExtras(placed);
    const turns = drafts.map(
      (draft) => (draft.made ??= { key: draft.key, rows: merge(draft.rows, extras.get(draft)) }),
    );
    const live = this.live.rows();
    const last = this.#fold.sheet.last;
    if (live.length > 0) {
      const open = last && !last.ended ? turns.pop() : undefined;
      turns.push({ key: open?.key ?? this.#fold.wakingKey, rows: [...(open?.rows ?? []), ...live] });
    }
    return [...turns, ...placed.inline.map((row) => ({ key: row.key, rows: [row] }))];
  }

  /** The rows that no event stands for, by the turn that they fall into. */
  #placeExtras(placed: Placed): Map<Draft, Row[]> {
    const extras = new Map<Draft, Row[]>();
    const add = (after: number, row: Row) => {
      const draft = this.#draftAt(after);
      if (draft) extras.set(draft, [...(extras.get(draft) ?? []), row]);
    };
    for (const notice of this.#notices.values()) add(notice.after.n, noticeRow(notice));
    for (const { after, row } of placed.refused) add(after, row);
    for (const draft of this.#extraTurns) draft.made = undefined;
    for (const draft of extras.keys()) draft.made = undefined;
    this.#extraTurns = new Set(extras.keys());
    return extras;
  }

  /** The turn that holds event `n`, begun for it if the log is empty. */
  #draftAt(n: number): Draft | undefined {
    const { sheet } = this.#fold;
    const found = sheet.drafts.findLast((draft) => draft.first <= n);
    if (found) return found;
    if (this.#oldest > 1 && n < this.#oldest - 1) return undefined;
    return sheet.drafts[0] ?? sheet.beginEnded('start');
  }
}

function dealing(waiting: Waiting, around: Surroundings): ReadonlySet<ItemId> {
  const local = around.local.flatMap(({ again_of, mark }) =>
    again_of && mark.state !== 'refused' ? [again_of] : [],
  );
  const own = around.dealing ? [around.dealing] : [];
  return local.length + own.length === 0 ? waiting.dealing : new Set([...waiting.dealing, ...local, ...own]);
}

function noticeRow({ m, at, after, what }: Notice): Row {
  return { kind: 'line', key: `notice${m}`, n: after.n, at, line: { type: 'notice', what } };
}

/** `rows` with each extra after the last row that is not younger than it. */
function merge(rows: readonly Row[], extras: readonly Row[] = []): readonly Row[] {
  if (extras.length === 0) return [...rows];
  const merged = [...rows];
  for (const extra of extras.toSorted((a, b) => a.n - b.n || a.at - b.at)) {
    const behind = merged.findLastIndex((row) => row.n <= extra.n);
    merged.splice(behind + 1, 0, extra);
  }
  return merged;
}
