/**
 * A socket of the page, a viewer's unless it is said otherwise: dials, redials, matches answers to requests and repeats what was not answered. It knows the
 * frame of the protocol (welcome, done, refused, close codes) and hands everything else on.
 */
import { backoff } from './backoff';
import { CloseCode, type FromServer, type Request, SUBPROTOCOL } from './protocol/generated';
import { type AskOf, LinkLost, Requests } from './requests';

/** How the link is. `closed` is for good: the reader has to do something first. */
export type LinkState =
  | { type: 'connecting' }
  | { type: 'up' }
  | { type: 'down'; attempt: number; until: number }
  | { type: 'closed'; why: 'signed_out' | 'version' };

/** What the link tells its owner. */
export interface LinkEvents<M extends { type: string } = FromServer> {
  /** The state changed. */
  state(state: LinkState): void;
  /** A socket is up and knows nothing of the one before: open conversations have to be opened again. */
  welcome(welcome: Extract<M, { type: 'welcome' }>): void;
  /** Anything but welcome, done and refused. */
  message(message: M): void;
  /** Something that is no JSON. */
  frame?(data: ArrayBuffer): void;
}

/** A dial without a welcome is given up after this long: longer than any control plane takes, shorter than patience. */
const WELCOME_MS = 10_000;
/** A request is answered from the store within milliseconds; after this long the link is dead, whatever TCP says. */
const ANSWER_MS = 15_000;
/** A link is asked for a sign of life this often, since a page doesn't see the socket's own pings. */
const PING_MS = 20_000;
/** Only a link that stood this long starts the back-off over: one that is closed at once must not be dialled at once. */
const USEFUL_MS = 10_000;

/** What every socket of ours says. */
type Framing = Extract<FromServer, { type: 'welcome' | 'done' | 'refused' }>;

/** One link to the control plane, kept up until it is closed. */
export class Link<R extends { re: number } = Request, M extends { type: string } = FromServer> {
  readonly #requests = new Requests<R>();
  #socket: WebSocket | undefined;
  #attempt = 0;
  #upSince: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pings: ReturnType<typeof setInterval> | undefined;
  #state: LinkState = { type: 'connecting' };

  constructor(
    private readonly url: string,
    private readonly events: LinkEvents<M>,
  ) {}

  /** How the link is. */
  get state(): LinkState {
    return this.#state;
  }

  /** Dials at once unless the link is up or closed for good. */
  dial(): void {
    if (this.#state.type === 'closed' || this.#socket) return;
    this.#wake();
    this.#set({ type: 'connecting' });
    const socket = new WebSocket(this.url, SUBPROTOCOL);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onmessage = (event) => this.#receive(socket, event.data);
    socket.onclose = (event) => this.#lost(socket, event.code);
    this.#timer = setTimeout(() => this.#giveUp(socket), WELCOME_MS);
  }

  /**
   * Asks for something. Resolves when it was done; rejects with `Refused`, or with `LinkLost` where `repeat` is false
   * and the link went away. Repeated requests must be harmless to repeat. `patient`: what is asked for may take its time.
   */
  request(ask: AskOf<R>, repeat = true, patient = false): Promise<void> {
    const up = this.#state.type === 'up';
    if (!up && !repeat) return Promise.reject(new LinkLost());
    const { done } = this.#requests.add(ask, repeat, patient);
    if (up) this.#flush();
    return done;
  }

  /** Puts a frame on the wire; false if there is none. */
  send(frame: Uint8Array<ArrayBuffer>): boolean {
    if (this.#state.type !== 'up') return false;
    this.#socket?.send(frame);
    return true;
  }

  /** Drops a socket that seems dead and dials again. */
  redial(): void {
    const socket = this.#socket;
    if (socket) this.#lost(socket, CloseCode.Silent);
    this.dial();
  }

  /** Ends the link for good. */
  close(): void {
    this.#requests.abandon();
    this.#hangUp();
    this.#wake();
    this.#state = { type: 'closed', why: 'signed_out' };
  }

  #receive(socket: WebSocket, data: unknown): void {
    if (socket !== this.#socket) return;
    if (data instanceof ArrayBuffer) return this.events.frame?.(data);
    if (typeof data !== 'string') return;
    const message = JSON.parse(data) as Framing;
    switch (message.type) {
      case 'welcome':
        return this.#welcome(message);
      case 'done':
        return this.#requests.done(message.re);
      case 'refused':
        return this.#refused(message);
      default:
        this.events.message(message as unknown as M);
    }
  }

  #refused({ re, code, message, back_in_ms: wait }: Extract<Framing, { type: 'refused' }>): void {
    if (wait === undefined) return this.#requests.refused(re, code, message);
    this.#requests.hold(re);
    setTimeout(() => {
      this.#requests.release(re);
      if (this.#state.type === 'up') this.#flush();
    }, wait);
  }

  #welcome(welcome: unknown): void {
    this.#wake();
    this.#upSince = Date.now();
    this.#set({ type: 'up' });
    this.events.welcome(welcome as Extract<M, { type: 'welcome' }>);
    this.#flush();
    this.#pings = setInterval(() => this.#ping(), PING_MS);
  }

  /** The answer is all that matters: without one the link is given up like with any other request. */
  #ping(): void {
    if (this.#requests.oldestSent === undefined)
      this.request({ type: 'ping' } as unknown as AskOf<R>, false).catch(() => undefined);
  }

  #flush(): void {
    for (const request of this.#requests.toSend(Date.now())) this.#socket?.send(JSON.stringify(request));
    this.#watch();
  }

  /** Looks after the oldest unanswered request, as long as there is one. */
  #watch(): void {
    const socket = this.#socket;
    const sent = this.#requests.oldestSent;
    if (this.#timer !== undefined || !socket || sent === undefined) return;
    const due = Math.max(0, sent + ANSWER_MS - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const oldest = this.#requests.oldestSent;
      if (oldest !== undefined && Date.now() - oldest >= ANSWER_MS) this.#giveUp(socket);
      else this.#watch();
    }, due);
  }

  #giveUp(socket: WebSocket): void {
    this.#timer = undefined;
    this.#lost(socket, CloseCode.Silent);
  }

  #lost(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#hangUp();
    this.#wake();
    this.#requests.lost(code === CloseCode.Protocol || code === CloseCode.TooLarge);
    if (code === CloseCode.SignedOut) return this.#set({ type: 'closed', why: 'signed_out' });
    if (code === CloseCode.Version) return this.#set({ type: 'closed', why: 'version' });
    if (this.#upSince !== undefined && Date.now() - this.#upSince >= USEFUL_MS) this.#attempt = 0;
    this.#upSince = undefined;
    const wait = backoff(this.#attempt++);
    this.#timer = setTimeout(() => this.dial(), wait);
    this.#set({ type: 'down', attempt: this.#attempt, until: Date.now() + wait });
  }

  /** Lets go of the socket, so that nothing it still says is heard. */
  #hangUp(): void {
    clearInterval(this.#pings);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #wake(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #set(state: LinkState): void {
    this.#state = state;
    this.events.state(state);
  }
}
