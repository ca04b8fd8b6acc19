/**
 * Folds the log's events, in order, into a sheet of rows and what stands beside it: open prompts, state, settings,
 * task lists. Pure: no clock, no DOM. Unknown kinds become raw rows.
 */
import type {
  BackgroundTask,
  BlockId,
  Event,
  ItemId,
  MessageEnd,
  Prompt,
  PromptId,
  Settings,
  State,
  Task,
} from '../protocol/generated';
import type { Line, Mark, Row } from './model';
import { type Draft, Sheet } from './sheet';

type Of<K extends Event['kind']> = Event & { kind: K };

const MARK_OF_END: Partial<Record<MessageEnd, Mark>> = {
  stopped: { state: 'done', how: 'stopped' },
  folded: { state: 'done', how: 'folded' },
  nothing: { state: 'done', how: 'nothing' },
  failed: { state: 'refused' },
};

/** What the events so far come to. */
export class Fold {
  readonly sheet = new Sheet();
  /** Open prompts, oldest first. */
  readonly prompts = new Map<PromptId, { prompt: Prompt; at: number }>();
  /** Blocks of the running turn that are final: live text that comes late for one is dropped. */
  readonly finals = new Set<BlockId>();
  state: State | undefined;
  settings: Settings | undefined;
  tasks: readonly Task[] = [];
  background: readonly BackgroundTask[] = [];
  /** The message that is being worked on. */
  current: ItemId | undefined;
  /** The event that said that a message's fate is unknown, until somebody has dealt with it. */
  unknownAt: number | undefined;
  /** The model that Claude uses, by its full name. */
  model: string | undefined;
  readonly #asked = new Map<PromptId, Prompt>();
  #before = 0;

  /** Takes one more event into account. */
  apply(event: Event): void {
    try {
      this.#fold(event);
    } catch {
      // Not of the shape that its kind has: shown raw, like a kind that nobody knows.
      this.#raw(event);
    }
    this.#before = event.n;
  }

  /** Whether this prompt was asked in the part of the log that is loaded. */
  knows(prompt: PromptId): boolean {
    return this.#asked.has(prompt);
  }

  /** The key of a turn that Claude begins by itself after what is folded so far. */
  get wakingKey(): string {
    return `w${this.#before}`;
  }

  #fold(event: Event): void {
    switch (event.kind) {
      case 'message_taken':
        return this.#taken(event);
      case 'message_started':
        return this.#started(event.item);
      case 'message_resent':
        this.#started(event.item);
        return this.#line(event, { type: 'resent', attempt: event.attempt });
      case 'message_ended':
        return this.#ended(event);
      case 'message_unknown':
        return this.#unknown(event);
      case 'message_continued':
        return this.#continued(event);
      case 'stop_asked':
        return this.#line(event, { type: 'stop', by: event.by });
      case 'text':
      case 'thinking':
        return this.#block(event);
      case 'tool_call':
        return this.#call(event);
      case 'tool_result':
        return this.#result(event);
      case 'prompt_asked':
        return this.#promptAsked(event);
      case 'prompt_answered':
        return this.#promptAnswered(event);
      case 'prompt_withdrawn':
        return this.#promptWithdrawn(event);
      case 'tasks':
        this.tasks = event.tasks;
        return;
      case 'background':
        this.background = event.tasks;
        return;
      case 'result':
        return this.#turnResult(event);
      case 'retry':
        return this.#progress(event, {
          type: 'retry',
          attempt: event.attempt,
          max: event.max,
          status: event.status,
        });
      case 'state':
        this.state = event.state;
        return;
      case 'process_started':
        this.model = event.model;
        return;
      case 'process_ended':
        return this.#processEnded(event);
      case 'settings_changed':
        return this.#settingsChanged(event);
      case 'compacted':
        return this.#line(event, { type: 'compacted', before: event.before, after: event.after });
      case 'cleared':
        return this.#line(event, { type: 'cleared' });
      case 'terminal_opened':
        return this.#line(event, { type: 'terminal_opened', byHand: event.terminal === undefined });
      case 'terminal_closed':
        return this.#terminalClosed(event);
      case 'terminal_typed':
        return this.#typed(event);
      case 'trouble':
        return this.#line(event, { type: 'trouble', what: event.what, detail: event.detail });
      case 'epoch_began':
        return this.#epochBegan(event);
      case 'silent':
        return this.#progress(event, { type: 'silent', step: event.step, ms: event.for_ms });
      case 'note':
        return this.#add({ kind: 'note', ...base(event), text: event.text });
      case 'opaque':
        return this.#add({ kind: 'raw', ...base(event), name: 'opaque', content: event.line });
      default:
        return this.#raw(event);
    }
  }

  #taken(event: Of<'message_taken'>): void {
    this.#settleUnknown(event.again_of);
    const steer = event.steer ?? false;
    if (!steer) this.current ??= event.item;
    if (this.sheet.hasMessage(event.item)) {
      // Taken once more: it was to steer a turn, and has become one of its own.
      this.sheet.updateMessage(event.item, { steer, mark: { state: 'delivered' } });
      return;
    }
    const into = steer && this.sheet.last && !this.sheet.last.ended ? this.sheet.last : undefined;
    const draft = into ?? this.#begin(`m:${event.item}`, event.n);
    const { item, by, content } = event;
    const key = `m:${item}`;
    this.sheet.add(
      { kind: 'message', ...base(event), key, item, by, content, steer, mark: { state: 'delivered' } },
      draft,
    );
  }

  #started(item: ItemId): void {
    const steers = this.sheet.message(item)?.steer;
    if (!steers) this.current = item;
    this.unknownAt = undefined;
    // One that steers has no end of its own.
    this.sheet.updateMessage(item, { mark: { state: steers ? 'done' : 'started' } });
  }

  #ended({ item, how }: Of<'message_ended'>): void {
    this.sheet.updateMessage(item, { mark: MARK_OF_END[how] ?? { state: 'done' } });
    if (this.current !== item) return;
    this.current = undefined;
    if (this.sheet.last) this.sheet.last.ended = true;
  }

  #unknown(event: Of<'message_unknown'>): void {
    const { item, why, tools } = event;
    this.sheet.updateMessage(item, { mark: { state: 'unknown', why } });
    for (const tool of tools) this.sheet.updateCall(tool.tool_use, { state: 'lost' });
    this.#add({ kind: 'unknown', ...base(event), item, why, tools });
    if (this.current === item) this.current = undefined;
    this.unknownAt = event.n;
  }

  #continued(event: Of<'message_continued'>): void {
    this.sheet.updateUnknown(event.message, { dealt: 'continued' });
    this.#started(event.message);
    this.#line(event, { type: 'continued', by: event.by });
    if (this.sheet.last) this.sheet.last.ended = false;
  }

  /** Any message that is taken passes over what was unknown: only the last one could be continued. */
  #settleUnknown(again: ItemId | undefined): void {
    this.unknownAt = undefined;
    for (const item of this.sheet.undealt()) {
      this.sheet.updateUnknown(item, { dealt: item === again ? 'again' : 'passed' });
    }
  }

  #block(event: Of<'text'> | Of<'thinking'>): void {
    const draft = this.#home(event);
    this.finals.add(event.block);
    const shared = {
      ...base(event),
      key: `b:${event.block}`,
      parent: event.parent,
      text: event.text,
      live: false,
    };
    if (event.kind === 'text') {
      this.sheet.add({ kind: 'text', ...shared, aborted: event.aborted ?? false }, draft);
    } else {
      this.sheet.add({ kind: 'thinking', ...shared }, draft);
    }
  }

  #call(event: Of<'tool_call'>): void {
    const draft = this.#home(event);
    this.finals.add(event.block);
    const { tool_use: toolUse, tool, subject, input, parent } = event;
    const shared = { ...base(event), key: `b:${event.block}`, toolUse, tool, subject, input, parent };
    this.sheet.add({ kind: 'call', ...shared, state: 'running', since: event.at }, draft);
  }

  #result({ at, tool_use, content, details, outcome }: Of<'tool_result'>): void {
    this.sheet.updateCall(tool_use, { state: outcome, result: { content, details, at } });
  }

  #promptAsked(prompt: Of<'prompt_asked'>): void {
    this.prompts.set(prompt.prompt, { prompt, at: prompt.at });
    this.#asked.set(prompt.prompt, prompt);
    if (prompt.tool_use) this.sheet.updateCall(prompt.tool_use, { state: 'asking' });
  }

  #promptAnswered(event: Of<'prompt_answered'>): void {
    const prompt = this.#asked.get(event.prompt);
    this.prompts.delete(event.prompt);
    if (prompt?.tool_use) this.sheet.updateCall(prompt.tool_use, { state: 'running', since: event.at });
    this.#add({ kind: 'answered', ...base(event), by: event.by, decision: event.decision, prompt });
  }

  #promptWithdrawn(event: Of<'prompt_withdrawn'>): void {
    const prompt = this.#asked.get(event.prompt);
    this.prompts.delete(event.prompt);
    if (prompt?.tool_use) this.sheet.updateCall(prompt.tool_use, { state: 'running' });
    const subject = prompt ? prompt.subject || prompt.tool : '';
    this.#line(event, { type: 'withdrawn', why: event.why, lost: event.answer_not_taken ?? false, subject });
  }

  #turnResult(event: Of<'result'>): void {
    for (const item of event.items) this.sheet.updateMessage(item, { mark: { state: 'done' } });
    if (this.current && event.items.includes(this.current)) this.current = undefined;
    this.#add({ kind: 'result', ...base(event), result: event });
    this.finals.clear();
    if (this.sheet.last) this.sheet.last.ended = true;
  }

  /** What was delivered and is not held any more is lost, and who knows what came of it. Open prompts are told anew. */
  #epochBegan({ held, lost, ...event }: Of<'epoch_began'>): void {
    const gone = (item: ItemId) => !held.includes(item);
    this.prompts.clear();
    this.state = 'idle';
    this.background = [];
    if (lost) this.#line(event, { type: 'lost' });
    for (const item of this.sheet.underWay().filter(gone)) {
      this.sheet.updateMessage(item, { mark: { state: 'unknown', why: 'history_lost' } });
      this.#add({ kind: 'unknown', ...base(event), key: `l:${item}`, item, why: 'history_lost', tools: [] });
    }
    if (!this.current || !gone(this.current)) return;
    this.current = undefined;
    this.unknownAt = event.n;
    this.sheet.loseCalls();
    if (this.sheet.last) this.sheet.last.ended = true;
  }

  /** What was typed in a terminal begins a turn, like a message. */
  #typed(event: Of<'terminal_typed'>): void {
    const key = `t:${event.row}`;
    this.sheet.add({ kind: 'typed', ...base(event), key, content: event.content }, this.#begin(key, event.n));
  }

  #terminalClosed(event: Of<'terminal_closed'>): void {
    this.#line(event, { type: 'terminal_closed', rows: event.rows, leftOut: event.left_out });
    this.finals.clear();
    if (this.sheet.last) this.sheet.last.ended = true;
  }

  /** One line for what goes on and on: the last one counts. */
  #progress(event: Event, line: Line): void {
    const draft = this.sheet.last;
    const last = draft?.rows.at(-1);
    if (draft && last?.kind === 'line' && last.line.type === line.type) {
      this.sheet.replaceLast(draft, { ...last, line });
    } else {
      this.#line(event, line);
    }
  }

  #processEnded(event: Of<'process_ended'>): void {
    const { why, detail } = event;
    this.prompts.clear();
    this.background = [];
    this.sheet.loseCalls();
    // That the workspace stopped is told by whoever stopped it.
    if (why === 'idle' || why === 'replaced' || why === 'workspace_stopped') return;
    this.#line(event, { type: 'process_ended', why, detail });
  }

  #settingsChanged(event: Of<'settings_changed'>): void {
    const { why } = event;
    const before = this.settings;
    // A restart may know a mode and no model.
    const model = event.settings.model ?? (why === 'restarted' ? before?.model : undefined);
    const settings: Settings = { mode: event.settings.mode, ...(model ? { model } : {}) };
    this.settings = settings;
    if (before?.mode === settings.mode && before.model === settings.model) return;
    // The first settings of a log are what it begins with, not a change.
    if (before || event.n > 1) this.#line(event, { type: 'settings', settings, before, why });
  }

  #raw({ n, at, kind, ...rest }: Event): void {
    this.#add({ kind: 'raw', ...base({ n, at }), name: String(kind), content: { json: rest } });
  }

  #line(event: { n: number; at: number }, line: Line): void {
    this.#add({ kind: 'line', ...base(event), line });
  }

  /** Adds a row to the turn as it stands, ended or not. */
  #add(row: Row): void {
    this.sheet.add(row, this.sheet.last ?? this.#begin(this.wakingKey, row.n));
  }

  /** Where Claude's work goes: to its sub-agent's call, or into the turn that runs, begun here if Claude woke by itself. */
  #home({ n, parent }: Of<'text'> | Of<'thinking'> | Of<'tool_call'>): Draft {
    const last = this.sheet.last;
    return this.sheet.homeOf(parent) ?? (last && !last.ended ? last : this.#begin(this.wakingKey, n));
  }

  #begin(key: string, n: number): Draft {
    this.finals.clear();
    return this.sheet.begin(key, n);
  }
}

function base(event: { n: number; at: number }): { key: string; n: number; at: number } {
  return { key: `e${event.n}`, n: event.n, at: event.at };
}
