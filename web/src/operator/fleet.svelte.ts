/** The fleet as one page sees it: the socket, the rows, and what this page asked for. */
import { profile } from '../lib/api';
import { app } from '../lib/app.svelte';
import { type FleetMessage, take } from '../lib/operator/rows';
import type { Act, FleetRequest, FleetRow, ToOperator, Totals, WorkspaceId } from '../lib/protocol/generated';
import { Link, type LinkState } from '../lib/socket';

/** A link that is back within this time is not worth a word. */
const UNNOTICED_MS = 900;
/** After this many vain dials it is asked whether somebody may still look: a refused handshake tells a browser nothing. */
const DOUBTFUL_DIALS = 2;

export class Fleet {
  link = $state.raw<LinkState>({ type: 'connecting' });
  /** The link has been away for longer than a reader would not notice. */
  trouble = $state(false);
  /** The list has come whole at least once. */
  ready = $state(false);
  totals = $state.raw<Totals>({ workspaces: 0, connected: 0 });
  /** Whether stopped workspaces are wanted, too. */
  stopped = $state(false);
  /** Workspaces that this page acted on. */
  acted = $state.raw<ReadonlySet<WorkspaceId>>(new Set());
  /** The last of them. */
  lastActed = $state.raw<WorkspaceId | undefined>();
  /** Why the last act was refused. */
  failure = $state.raw<unknown>();
  readonly #rows = new Map<WorkspaceId, FleetRow>();
  /** Counts what was taken in: what the rows stand on, since a plain map tells nobody. */
  #taken = $state(0);
  /** The state that each act was about, until there is another. */
  #asked = $state.raw<ReadonlyMap<WorkspaceId, number>>(new Map());
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #link: Link<FleetRequest, ToOperator>;

  constructor() {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.#link = new Link<FleetRequest, ToOperator>(`${scheme}://${location.host}/fleet`, {
      state: (state) => this.#linkChanged(state),
      // A new socket begins with the list of those that are up.
      welcome: () => this.stopped && this.#list(),
      message: (message) => message.type === 'fleet' && this.#take(message),
    });
    this.#timer = setTimeout(() => (this.trouble = true), UNNOTICED_MS);
    addEventListener('online', this.#online);
    document.addEventListener('visibilitychange', this.#online);
    this.#link.dial();
  }

  close(): void {
    clearTimeout(this.#timer);
    removeEventListener('online', this.#online);
    document.removeEventListener('visibilitychange', this.#online);
    this.#link.close();
  }

  dial(): void {
    this.#link.dial();
  }

  get rows(): Iterable<FleetRow> {
    void this.#taken;
    return this.#rows.values();
  }

  get(id: WorkspaceId): FleetRow | undefined {
    void this.#taken;
    return this.#rows.get(id);
  }

  /** Asks for stopped workspaces, too, or not any more. */
  show(stopped: boolean): void {
    this.stopped = stopped;
    this.acted = new Set();
    this.#list();
  }

  /** An act was asked for and nothing has come of it yet. */
  pending({ workspace, status }: FleetRow): boolean {
    return this.#asked.get(workspace) === status.generation;
  }

  /** Does something to a workspace in the state that is shown. Asking again after a lost link changes nothing. */
  act({ workspace, status }: FleetRow, act: Act): void {
    const seen = status.generation;
    this.failure = undefined;
    this.lastActed = workspace;
    this.acted = new Set(this.acted).add(workspace);
    this.#asked = new Map(this.#asked).set(workspace, seen);
    this.#link.request({ type: 'act', workspace, seen, act }).catch((cause: unknown) => {
      this.failure = cause;
      this.#settled(workspace);
    });
  }

  #list(): void {
    this.#link.request({ type: 'list', stopped: this.stopped }, false).catch(() => undefined);
  }

  #take(message: FleetMessage): void {
    take(this.#rows, message);
    this.totals = message.totals;
    // A list that comes in parts is shown once it is whole.
    if (!message.more) {
      this.ready = true;
      this.#taken++;
    }
    for (const { workspace, status } of message.rows)
      if (this.#asked.has(workspace) && this.#asked.get(workspace) !== status.generation)
        this.#settled(workspace);
  }

  #settled(workspace: WorkspaceId): void {
    const asked = new Map(this.#asked);
    asked.delete(workspace);
    this.#asked = asked;
  }

  #linkChanged(state: LinkState): void {
    const was = this.link.type;
    this.link = state;
    if (state.type === 'up' || was === 'up') clearTimeout(this.#timer);
    if (state.type === 'up') this.trouble = false;
    else if (was === 'up') this.#timer = setTimeout(() => (this.trouble = true), UNNOTICED_MS);
    if (state.type === 'closed') void app.check();
    if (state.type === 'down' && state.attempt >= DOUBTFUL_DIALS) void this.#doubt();
  }

  /** Somebody who is signed out, or no operator any more, would dial for ever. */
  async #doubt(): Promise<void> {
    const may = await profile().then(
      (me) => me.role === 'operator',
      (failure: { code?: string }) => failure.code !== 'signed_out',
    );
    if (!may) await app.check();
  }

  readonly #online = () => {
    if (document.visibilityState === 'visible' && this.link.type !== 'up') this.#link.dial();
  };
}
