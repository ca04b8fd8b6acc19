/**
 * One conversation that is or was open: follows its streams, swaps snapshots in when they are whole, and carries out
 * what the reader does. The reducer holds the data; the link carries the words.
 */
import { history } from '../api';
import { backoff } from '../backoff';
import { newId } from '../ids';
import type {
  ConversationId,
  Decision,
  FromServer,
  ItemId,
  Payload,
  Person,
  PromptId,
  Settings,
} from '../protocol/generated';
import { type Ask, LinkLost, patiently, Refused } from '../requests';
import type { ChatView, Queued } from './model';
import { Chat, type Surroundings } from './reducer';

/** What a conversation needs of the session around it. */
export interface Host {
  request(ask: Ask, repeat?: boolean): Promise<void>;
  /** Who reads. */
  me(): Person;
  /** What this browser has sent, and what the list says; read reactively. */
  around(id: ConversationId): Pick<Surroundings, 'local' | 'listed'>;
  /** Copies of messages that this conversation shows from the log or the outbox are not needed any more. */
  arrived(has: (item: ItemId) => boolean): void;
  /** The conversation is still to be made, by a message of this browser. */
  unborn(id: ConversationId): boolean;
  /** The prompts that the list says are open. */
  listedPrompts(id: ConversationId): readonly PromptId[];
}

/** How the conversation is followed. */
export type Following = 'opening' | 'open' | 'missing' | 'failed';

type Message = FromServer & { conversation: ConversationId };

/** A prompt may be asked pages before the newest one; beyond this many pages it is given up. */
const MAX_PROMPT_PAGES = 25;
/** The server says what still lives right after it has said the rest; live text older than that is gone. */
const STALE_LIVE_MS = 1000;
/** Hidden pages get no animation frames; their titles and announcements are brought up to date this often. */
const HIDDEN_FRAME_MS = 250;

/** What is shown before anything has come: nothing but what this browser itself wants to say. */
const NOTHING = new Chat(1, { epoch: 0, n: 0 });

/** One conversation. */
export class Conversation {
  following = $state<Following>('opening');
  /** Older events are being fetched, or could not be. */
  older = $state<'idle' | 'loading' | 'failed'>('idle');
  #chat = $state.raw<Chat | undefined>();
  /** A snapshot that is not whole yet, and the event that makes it so. */
  #next: { chat: Chat; end: number } | undefined;
  #revision = $state(0);
  #answering = $state.raw<Surroundings['answering']>(new Map());
  #dealing = $state<ItemId | undefined>();
  #stopping = $state(false);
  /** The last stop that was refused, and the message whose turn it meant. */
  #notStopped = $state.raw<{ message: ItemId | undefined; cause: unknown } | undefined>();
  /** The next `opened` answers a request for everything, from nothing on. */
  #anew = false;
  /** The latest request to follow; one that failed before it is of no account. */
  #latest = 0;
  /** When to ask again to follow, which was refused. */
  #again: ReturnType<typeof setTimeout> | undefined;
  /** A snapshot was asked for because something is missing. */
  #startingOver = false;
  #framed = false;
  #pages = 0;

  readonly view = $derived.by(() => this.#build());

  /** `place`: where the API has what is not streamed. `readOnly`: it is somebody else's. */
  constructor(
    readonly id: ConversationId,
    private readonly host: Host,
    readonly place = `/api/conversations/${id}`,
    readonly readOnly = false,
  ) {}

  /** Follows the conversation, from where it was left if it was open before. */
  async open(): Promise<void> {
    const whole = this.#next !== undefined;
    this.#next = undefined;
    this.#startingOver = false;
    if (!this.#chat) this.following = 'opening';
    if (this.host.unborn(this.id)) return this.#beEmpty();
    await this.#follow(whole);
  }

  /**
   * Asks to follow, from the cursor or as a whole, and again for as long as the control plane can't tell; what is known
   * stays on show meanwhile. When the link comes back after it was lost, it is asked anyway.
   */
  async #follow(whole: boolean, tries = 0): Promise<void> {
    const cursor = whole ? undefined : this.#chat?.cursor;
    const mine = ++this.#latest;
    clearTimeout(this.#again);
    this.#anew = !cursor;
    try {
      await this.host.request({ type: 'open', conversation: this.id, ...(cursor ? { cursor } : {}) }, false);
    } catch (failure) {
      if (failure instanceof LinkLost || mine !== this.#latest) return;
      this.#anew = false;
      if (failure instanceof Refused && failure.code === 'not_found') {
        this.following = 'missing';
        return;
      }
      if (!this.#chat) this.following = 'failed';
      this.#again = setTimeout(() => void this.#follow(whole, tries + 1), backoff(tries));
    }
  }

  /** Follows it no longer; what is known is kept for the next time. */
  close(): void {
    this.#latest++;
    clearTimeout(this.#again);
    this.host.request({ type: 'close', conversation: this.id }, false).catch(ignore);
    this.#next = undefined;
    this.#chat?.live.clear();
    if (this.#chat) this.#chat.activity = undefined;
  }

  /** Takes a message about this conversation. */
  receive(message: Message): void {
    if (message.type === 'opened') this.#opened(message);
    else this.#take(message);
    this.#frame();
  }

  /** Fetches the page before what is loaded. */
  async loadOlder(): Promise<void> {
    const chat = this.#chat;
    if (!chat || chat.oldest <= 1 || this.older === 'loading') return;
    this.older = 'loading';
    try {
      const page = await history(this.place, chat.oldest);
      if (this.#chat === chat) chat.prepend(page);
      this.older = 'idle';
      this.#revision++;
    } catch {
      this.older = 'failed';
    }
  }

  /** Answers a prompt. Rejects with `Refused` if it is closed. */
  async answer(prompt: PromptId, decision: Decision): Promise<void> {
    const item = newId();
    this.#answering = new Map(this.#answering).set(prompt, { item, by: this.host.me() });
    try {
      await patiently(() => this.#ask({ type: 'answer', conversation: this.id, item, prompt, decision }));
    } catch (failure) {
      const answering = new Map(this.#answering);
      answering.delete(prompt);
      this.#answering = answering;
      throw failure;
    }
  }

  /** Stops the running turn. If that is refused, the reader is told for as long as the turn runs, and may ask again. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#notStopped = undefined;
    const item = newId();
    const message = this.#chat?.current;
    const which = message === undefined ? {} : { message };
    // What begins while it is asked again is another turn.
    const runs = () => this.view.busy && this.#chat?.current === message;
    try {
      await patiently(() => this.#ask({ type: 'stop', conversation: this.id, item, ...which }), runs);
    } catch (cause) {
      this.#notStopped = { message, cause };
    } finally {
      this.#stopping = false;
    }
  }

  /** Why the turn that runs was not stopped though the reader wanted that. */
  get notStopped(): unknown {
    const failed = this.#notStopped;
    return this.view.busy && failed && this.#chat?.current === failed.message ? failed.cause : undefined;
  }

  /** Continues the turn of a message of unknown fate. */
  async proceed(message: ItemId): Promise<void> {
    this.#dealing = message;
    try {
      const item = newId();
      await patiently(() => this.#ask({ type: 'continue', conversation: this.id, item, message }));
    } finally {
      this.#dealing = undefined;
    }
  }

  /** Changes a waiting message. */
  edit(message: Queued, text: string): Promise<void> {
    const { item, version } = message;
    return this.#ask({ type: 'edit', conversation: this.id, item, version, text });
  }

  /** Takes back a waiting message. */
  cancel(item: ItemId): Promise<void> {
    return this.#ask({ type: 'cancel', conversation: this.id, item });
  }

  /** Puts a waiting message before another, or last. */
  reorder(item: ItemId, before: ItemId | undefined): Promise<void> {
    return this.#ask({ type: 'reorder', conversation: this.id, item, ...(before ? { before } : {}) });
  }

  /** Gives a waiting message to the running turn. */
  sendNow(item: ItemId): Promise<void> {
    return this.#ask({ type: 'send_now', conversation: this.id, item });
  }

  /** Changes model or mode. */
  configure(settings: Settings): Promise<void> {
    return this.#ask({ type: 'configure', conversation: this.id, settings });
  }

  /** All that a message says, fetched from wherever it is. Undefined if it is nowhere. */
  async wholeText(item: ItemId): Promise<string | undefined> {
    let content = this.#chat?.contentOf(item);
    while (!content && (this.#chat?.oldest ?? 1) > 1 && this.older !== 'failed') {
      await this.loadOlder();
      content = this.#chat?.contentOf(item);
    }
    return content && this.#whole(content);
  }

  async #whole(content: Payload): Promise<string> {
    if ('cut' in content) return (await import('./bodies')).loadBody(this.place, content.cut, ignore);
    return 'text' in content ? content.text : JSON.stringify(content.json);
  }

  #ask(ask: Ask): Promise<void> {
    return this.host.request(ask);
  }

  #opened({ verdict, from, end }: FromServer & { type: 'opened' }): void {
    if (verdict.type === 'resumed' && this.#chat) {
      this.#chat.live.reconnected();
      this.#settleLive(this.#chat);
    } else {
      const chat = new Chat(from, end);
      // Unless all was asked for, only the log begins anew; outbox and notices go on from where they were.
      if (!this.#anew && this.#chat) chat.adopt(this.#chat);
      this.#next = { chat, end: end.n };
      this.#pages = 0;
    }
    this.#anew = false;
    this.#startingOver = false;
    this.following = 'open';
  }

  #settleLive(chat: Chat): void {
    setTimeout(() => {
      chat.live.dropStale();
      this.#frame();
    }, STALE_LIVE_MS);
  }

  #take(message: Message): void {
    const chat = this.#next?.chat ?? this.#chat;
    if (!chat) return;
    switch (message.type) {
      case 'events':
        if (chat.append(message.epoch, message.events) === 'gap') this.#startOver();
        return;
      case 'outbox':
        return chat.putItems(message.rev, message.items);
      case 'notices':
        return chat.putNotices(message.notices);
      case 'activity':
        chat.activity = message.activity;
        return;
      case 'live':
        return chat.pushLive(message, Date.now());
      case 'retract':
        return chat.live.remove(message.blocks);
      default:
    }
  }

  /** Something is missing between what is known and what came: ask for a snapshot, and keep showing what is known. */
  #startOver(): void {
    this.#next = undefined;
    if (this.#startingOver) return;
    this.#startingOver = true;
    void this.#follow(true);
  }

  /** Brings the view up to date at most once a frame. */
  #frame(): void {
    if (this.#framed) return;
    this.#framed = true;
    const draw = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      this.#framed = false;
      if (this.#swap()) this.#findPrompts();
      this.#revision++;
      this.host.arrived((item) => this.#chat?.has(item) ?? false);
    };
    const frame = requestAnimationFrame(draw);
    const timer = setTimeout(draw, HIDDEN_FRAME_MS);
  }

  /** Puts a snapshot that is whole in the place of what was known. */
  #swap(): boolean {
    const next = this.#next;
    if (!next || next.chat.end < next.end) return false;
    // What the reader has paged through stays.
    if (this.#chat) next.chat.prependFrom(this.#chat);
    this.#chat = next.chat;
    this.#next = undefined;
    this.older = 'idle';
    return true;
  }

  /** An open prompt that was asked before the loaded part has to be shown all the same. */
  #findPrompts(): void {
    const chat = this.#chat;
    if (!chat || chat.oldest <= 1 || this.older !== 'idle' || this.#pages >= MAX_PROMPT_PAGES) return;
    if (this.host.listedPrompts(this.id).every((prompt) => chat.knowsPrompt(prompt))) return;
    this.#pages++;
    void this.loadOlder().then(() => this.#findPrompts());
  }

  #beEmpty(): void {
    this.#chat ??= new Chat(1, { epoch: 0, n: 0 });
    this.following = 'open';
  }

  #build(): ChatView {
    void this.#revision;
    const around = this.host.around(this.id);
    const own = { answering: this.#answering, dealing: this.#dealing, stopping: this.#stopping };
    return (this.#chat ?? NOTHING).view({ ...around, ...own });
  }
}

function ignore(): void {
  // What failed is not wanted any more, or is asked for again by the next welcome.
}
