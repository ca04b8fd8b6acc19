/** One signed-in user on one page: the link and everything that comes over it, shared by all panes. */
import { profile, signOut } from './api';
import { Conversation, type Host } from './chat/conversation.svelte';
import type { Surroundings } from './chat/reducer';
import { serverNow } from './clock';
import { Conversations } from './conversations.svelte';
import { Drafts } from './drafts';
import { newId } from './ids';
import type {
  Catalog,
  ConversationId,
  ConversationView,
  FromServer,
  Me,
  Mode,
  ModelAccess,
  Settings,
  Welcome,
  WorkspaceStatus,
} from './protocol/generated';
import { Sender } from './sender.svelte';
import { Link, type LinkState } from './socket';
import { Door } from './terminal/door.svelte';

/** Conversations whose events are kept for a quick return. */
const KEPT_CONVERSATIONS = 6;
/** A page that was hidden this long may sit on a link that died without a word. */
const SUSPECT_MS = 30_000;
/** A link that is back within this time is not worth a word. */
const UNNOTICED_MS = 900;
/** After this many vain dials the session itself is in doubt: a refused handshake tells a browser nothing. */
const DOUBTFUL_DIALS = 2;

/** A signed-in user's page. */
export class Session {
  link = $state.raw<LinkState>({ type: 'connecting' });
  /** The link has been away for longer than a reader would not notice. */
  linkTrouble = $state(false);
  /** Whether this device believes that it has a network. */
  online = $state(navigator.onLine);
  /** The first welcome has come. */
  ready = $state(false);
  workspace = $state.raw<WorkspaceStatus | undefined>();
  model = $state.raw<ModelAccess | undefined>();
  catalog = $state.raw<Catalog>({ models: [], commands: [] });
  modes = $state.raw<readonly Mode[]>(['default']);
  /** What the next new conversation will run with. */
  fresh = $state.raw<Settings>({ mode: 'default' });
  /** Why the workspace could not be started or stopped, or why nobody was signed out. */
  failure = $state.raw<unknown>();
  /** Who is signed in. */
  me: Me;
  readonly list = new Conversations();
  readonly sender: Sender;
  readonly drafts: Drafts;
  readonly terminals: Door;
  readonly #link: Link;
  readonly #kept = new Map<ConversationId, Conversation>();
  #open: Conversation | undefined;
  #hiddenSince: number | undefined;
  #troubleTimer: ReturnType<typeof setTimeout> | undefined;

  /** Whether there is something to say of the model: that it can't answer, or that it is the demo's. */
  get modelNews(): boolean {
    return this.model !== undefined && (this.model.type !== 'ready' || this.model.demo);
  }

  constructor(
    me: Me,
    private readonly left: () => void,
  ) {
    this.me = $state.raw(me);
    this.drafts = new Drafts(me.id);
    this.#link = new Link(socketUrl(me.id), {
      state: (state) => this.#linkChanged(state),
      welcome: (welcome) => this.#welcome(welcome),
      message: (message) => this.#receive(message),
      frame: (data) => this.terminals.behind?.frame(data),
    });
    this.terminals = new Door({
      // The workspace is asked, and may have to be started for it.
      request: (ask, repeat) => this.#link.request(ask, repeat, true),
      send: (frame) => this.#link.send(frame),
    });
    this.sender = new Sender(me.id, {
      request: (ask, repeat) => this.#link.request(ask, repeat),
      created: (view) => this.#created(view),
    });
    addEventListener('online', this.#online);
    addEventListener('offline', this.#online);
    this.#troubleTimer = setTimeout(() => (this.linkTrouble = true), UNNOTICED_MS);
    document.addEventListener('visibilitychange', this.#visibility);
    addEventListener('beforeunload', this.#leaving);
    this.#link.dial();
  }

  /** Lets go of everything. */
  close(): void {
    removeEventListener('online', this.#online);
    removeEventListener('offline', this.#online);
    clearTimeout(this.#troubleTimer);
    document.removeEventListener('visibilitychange', this.#visibility);
    removeEventListener('beforeunload', this.#leaving);
    this.#link.close();
  }

  /** Dials at once. */
  dial(): void {
    this.#link.dial();
  }

  /** The conversation, followed from now on instead of the one before. */
  open(id: ConversationId): Conversation {
    const conversation = this.#kept.get(id) ?? outliving(() => new Conversation(id, this.#host));
    if (this.#open === conversation) return conversation;
    this.#open?.close();
    this.#open = conversation;
    this.#keep(conversation);
    if (this.link.type === 'up') void conversation.open();
    return conversation;
  }

  /** Follows no conversation. */
  closeConversation(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  /** Begins a conversation with its first message. */
  begin(text: string): ConversationId {
    const conversation = newId();
    this.sender.send({ conversation, text, create: this.fresh });
    return conversation;
  }

  /** Asks for the workspace to be started. */
  startWorkspace(): void {
    this.#attempt(this.#link.request({ type: 'start_workspace' }));
  }

  /** Asks for the workspace to be stopped. */
  stopWorkspace(): void {
    this.#attempt(this.#link.request({ type: 'stop_workspace' }));
  }

  /** Signs out. */
  signOut(): void {
    this.#attempt(signOut().then(() => this.left()));
  }

  #attempt(what: Promise<void>): void {
    this.failure = undefined;
    what.catch((cause: unknown) => (this.failure = cause));
  }

  readonly #host: Host = {
    request: (ask, repeat) => this.#link.request(ask, repeat),
    me: () => ({ id: this.me.id, name: this.me.name }),
    around: (id): Pick<Surroundings, 'local' | 'listed'> => {
      const listed = this.list.get(id);
      const around = listed && { state: listed.summary.state, settings: listed.settings };
      return { local: this.sender.of(id), listed: around };
    },
    arrived: (has) => this.sender.drop(has),
    unborn: (id) => !this.list.get(id) && this.sender.of(id).some((message) => message.create),
    listedPrompts: (id) => this.list.get(id)?.summary.prompts ?? [],
  };

  #keep(conversation: Conversation): void {
    this.#kept.delete(conversation.id);
    this.#kept.set(conversation.id, conversation);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_CONVERSATIONS && oldest) this.#kept.delete(oldest);
  }

  #created(view: ConversationView): void {
    this.list.put([view]);
    if (this.#open?.id === view.id) void this.#open.open();
  }

  #linkChanged(state: LinkState): void {
    const was = this.link.type;
    this.link = state;
    if (state.type === 'up' || was === 'up') clearTimeout(this.#troubleTimer);
    if (state.type === 'up') this.linkTrouble = false;
    else if (was === 'up') this.#troubleTimer = setTimeout(() => (this.linkTrouble = true), UNNOTICED_MS);
    if (state.type === 'closed' && state.why === 'signed_out') return this.left();
    if (state.type !== 'up') this.sender.link(false);
    if (state.type !== 'up' && was === 'up') this.terminals.behind?.unlinked();
    if (state.type === 'down' && state.attempt >= DOUBTFUL_DIALS) void this.#doubt();
  }

  async #doubt(): Promise<void> {
    const code = await profile().then(
      () => undefined,
      (failure: { code?: string }) => failure.code,
    );
    if (code === 'signed_out') this.left();
  }

  #welcome(welcome: Welcome): void {
    this.ready = true;
    this.#workspace(welcome.workspace);
    this.model = welcome.model;
    this.modes = welcome.modes;
    if (welcome.catalog) this.catalog = welcome.catalog;
    this.list.welcome(welcome.conversations, welcome.more);
    void this.#open?.open();
    this.sender.link(true);
    this.terminals.behind?.linked();
  }

  #receive(message: FromServer): void {
    switch (message.type) {
      case 'workspace':
        return this.#workspace(message.status);
      case 'model':
        this.model = message.access;
        return;
      case 'catalog':
        this.catalog = message.catalog;
        return;
      case 'conversation':
        return this.list.put([message.conversation]);
      case 'conversation_deleted':
        return this.#deleted(message.conversation);
      case 'terminals':
      case 'terminal':
      case 'terminal_gone':
        return this.terminals.receive(message);
      default:
        if (message.type === 'opened') void this.list.learn(message.conversation).catch(() => undefined);
        if ('conversation' in message && message.conversation === this.#open?.id) this.#open.receive(message);
    }
  }

  #workspace(status: WorkspaceStatus): void {
    if (!this.workspace || status.generation >= this.workspace.generation) this.workspace = status;
  }

  #deleted(id: ConversationId): void {
    this.list.gone(id);
    this.#kept.delete(id);
    if (this.#open?.id === id) this.#open.following = 'missing';
  }

  readonly #online = () => {
    this.online = navigator.onLine;
    if (this.online) this.#link.dial();
  };

  /** The browser asks whether to leave, if words would be lost by that. */
  readonly #leaving = (event: BeforeUnloadEvent) => {
    if (this.sender.losesWords) event.preventDefault();
  };

  readonly #visibility = () => {
    if (document.visibilityState === 'hidden') {
      this.#hiddenSince = serverNow();
      return;
    }
    const hidden = serverNow() - (this.#hiddenSince ?? serverNow());
    if (this.link.type !== 'up') this.#link.dial();
    // Opening again from where we are is harmless, and its answer, or the lack of one, tells whether the link lives.
    else if (hidden > SUSPECT_MS) void this.#open?.open();
  };
}

function socketUrl(user: string): string {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return `${scheme}://${location.host}/workspace/${encodeURIComponent(user)}`;
}

/** What is made in a component is derived only for as long as that is there; a conversation is opened again by another. */
function outliving<T>(make: () => T): T {
  let made: T | undefined;
  $effect.root(() => {
    made = make();
  });
  return made as T;
}
