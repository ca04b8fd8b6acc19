/**
 * Messages on their way from this browser: kept in storage until the control plane says that they are safe, and
 * sent, with the ids they were given, as often as it takes.
 */
import { ApiFailure, createConversation } from './api';
import type { LocalMessage } from './chat/outbox';
import type { Mark } from './chat/model';
import { isObject } from './chat/payload';
import { newId } from './ids';
import type { ConversationId, ConversationView, ErrorCode, ItemId, Settings } from './protocol/generated';
import { type Ask, Refused } from './requests';
import { load, loadAll, save } from './storage';

/** What to send. */
export interface NewMessage {
  readonly conversation: ConversationId;
  readonly text: string;
  readonly steer?: boolean;
  readonly again_of?: ItemId;
  /** The conversation has to be made first, with these settings. */
  readonly create?: Settings | undefined;
}

/** The way to the control plane. */
export interface Way {
  request(ask: Ask, repeat: boolean): Promise<void>;
  /** A conversation exists now that did not before. */
  created(conversation: ConversationView): void;
}

/** A saved message's copy fills the gap until the outbox shows it, which is a matter of one round trip. */
const SHOWN_MS = 5000;
/** Between tries while the link is up but the control plane cannot take the message. */
const RETRY_MS = 3000;

type Kept = Omit<LocalMessage, 'mark' | 'fleeting'>;

/**
 * How far a message was taken back. `now`: it never left, and is forgotten. `later`: it may have arrived, since its answer
 * was lost; its words stay here. `arrived`: only the control plane can take it back.
 */
export type Taken = 'now' | 'later' | 'arrived';

/** A message as storage has it, and how it is shown until more is known. */
const MARKS = { wired: 'unsent', leaving: 'leaving', back: 'back' } as const;

/** Messages that a person takes back, or has taken back. */
const TAKEN: ReadonlySet<Mark['state']> = new Set(['leaving', 'back']);
/** Messages that those after them need not wait for. */
const SETTLED: ReadonlySet<Mark['state']> = new Set(['refused', 'saved', 'back']);

/** The messages that one user has sent from this browser and that are not known to be safe. */
export class Sender {
  /** The messages, oldest first. */
  messages = $state.raw<readonly LocalMessage[]>([]);
  /** Messages with a request about them that is not answered. */
  readonly #inFlight = new Set<ItemId>();
  #up = false;

  constructor(
    private readonly user: string,
    private readonly way: Way,
  ) {
    const kept = loadAll(`unsent.${user}.`).filter(isKept);
    this.messages = kept
      .sort((a, b) => a.at - b.at)
      .map((message) => ({ ...message, mark: { state: message.stage ? MARKS[message.stage] : 'unsent' } }));
  }

  /** The messages of one conversation. */
  of(conversation: ConversationId): readonly LocalMessage[] {
    return this.messages.filter((message) => message.conversation === conversation);
  }

  /** Sends a message, or keeps it until it can be sent. */
  send(message: NewMessage): void {
    const { conversation, text, steer = false, again_of } = message;
    // The one that should have made the conversation may be refused, or be discarded.
    const create = message.create ?? this.of(conversation).find(({ mark }) => mark.state !== 'saved')?.create;
    const kept: Kept = { conversation, item: newId(), text, steer, again_of, create, at: Date.now() };
    const fleeting = !save(this.#key(kept.item), kept);
    this.messages = [...this.messages, { ...kept, fleeting, mark: { state: 'unsent' } }];
    this.flush();
  }

  /** Sends a refused message once more, under its id. */
  retry(item: ItemId): void {
    this.#mark(item, { state: 'unsent' });
    this.flush();
  }

  /** Takes a message back. One that may have arrived is kept until the control plane says that it won't be done. */
  takeBack(item: ItemId): Taken {
    const message = this.#get(item);
    if (!message || message.mark.state === 'saved') return 'arrived';
    if (message.mark.state === 'leaving') return 'later';
    if (!this.#mayHaveArrived(message)) {
      this.#forget(item);
      return 'now';
    }
    this.#put(item, 'leaving');
    this.flush();
    return 'later';
  }

  /** Sends the words of a message that was taken back, as a new message. */
  sendAnew(item: ItemId): void {
    const message = this.#get(item);
    if (message?.mark.state !== 'back') return;
    const { conversation, text, steer, again_of } = message;
    this.#forget(item);
    this.send({ conversation, text, steer, ...(again_of ? { again_of } : {}) });
  }

  /** Whether a reload would lose something: this browser had no room to keep it, and it is not safe elsewhere. */
  get losesWords(): boolean {
    return this.messages.some(({ fleeting, mark }) => fleeting && mark.state !== 'saved');
  }

  /** The link came up or went down. */
  link(up: boolean): void {
    this.#up = up;
    this.flush();
  }

  /** Drops copies of messages that the outbox or the log has. */
  drop(has: (item: ItemId) => boolean): void {
    const arrived = this.messages.filter(({ item, mark }) => !TAKEN.has(mark.state) && has(item));
    for (const { item } of arrived) this.#forget(item);
  }

  /** Sends what waits, in order within each conversation. */
  flush(): void {
    if (!this.#up) return;
    const busy = new Set<ConversationId>();
    for (const message of this.messages) {
      const { item, conversation, mark } = message;
      const free = !this.#inFlight.has(item);
      if (mark.state === 'leaving' && free) void this.#withdraw(message);
      if (mark.state === 'unsent' && free && !busy.has(conversation)) void this.#deliver(message);
      if (!SETTLED.has(mark.state)) busy.add(conversation);
    }
  }

  async #deliver(message: LocalMessage): Promise<void> {
    const { conversation, item, text, steer, again_of } = message;
    this.#inFlight.add(item);
    this.#mark(item, { state: 'sending' });
    try {
      // Once it was sent the conversation was there; if it is gone now, somebody deleted it.
      if (message.create && message.stage !== 'wired') {
        this.way.created(await createConversation({ id: conversation, settings: message.create }));
      }
      const again = again_of ? { again_of } : {};
      // It may have been taken back while its conversation was made.
      if (this.#get(item)?.mark.state === 'sending') {
        this.#keep(item, 'wired');
        await this.way.request({ type: 'send', conversation, item, text, steer, ...again }, false);
      }
      this.#settle(item, { state: 'saved' });
    } catch (failure) {
      const code = refusal(failure);
      const early = failure instanceof ApiFailure ? failure.backInMs : undefined;
      if (code && early === undefined) this.#settle(item, { state: 'refused', code });
      else this.#postpone(item, early);
    }
  }

  /** Has the control plane take a message back, whether or not it has it: by its id, which is then good for nothing. */
  async #withdraw({ conversation, item }: LocalMessage): Promise<void> {
    this.#inFlight.add(item);
    try {
      await this.way.request({ type: 'cancel', conversation, item }, false);
      this.#inFlight.delete(item);
      this.#put(item, 'back');
      this.flush();
    } catch (failure) {
      const code = refusal(failure);
      this.#inFlight.delete(item);
      if (code === 'not_found') this.#put(item, 'back');
      else if (code) this.#arrived(item);
      else setTimeout(() => this.flush(), RETRY_MS);
      if (code) this.flush();
    }
  }

  /** What became of a message that was sent; one that is being taken back is settled by that alone. */
  #settle(item: ItemId, mark: LocalMessage['mark']): void {
    this.#inFlight.delete(item);
    if (this.#get(item)?.mark.state === 'sending') {
      if (mark.state === 'saved') this.#arrived(item);
      else {
        this.#keep(item, undefined);
        this.#mark(item, mark);
      }
    }
    this.flush();
  }

  /** It is sent again later; what came too soon is not before its time. */
  #postpone(item: ItemId, early: number | undefined): void {
    if (early === undefined) this.#inFlight.delete(item);
    if (this.#get(item)?.mark.state === 'sending') this.#mark(item, { state: 'unsent' });
    const again = () => {
      if (early !== undefined) this.#inFlight.delete(item);
      this.flush();
    };
    setTimeout(again, early ?? RETRY_MS);
  }

  /** The control plane has it; the copy goes once the outbox had time to show it. */
  #arrived(item: ItemId): void {
    save(this.#key(item), undefined);
    this.#mark(item, { state: 'saved' });
    setTimeout(() => this.#forget(item), SHOWN_MS);
  }

  /** Another tab of this browser may have sent it meanwhile. */
  #mayHaveArrived({ item, stage, mark }: LocalMessage): boolean {
    if (mark.state === 'refused' || mark.state === 'back') return false;
    const kept = load(this.#key(item));
    return (stage ?? (isKept(kept) ? kept.stage : undefined)) !== undefined;
  }

  #get(item: ItemId): LocalMessage | undefined {
    return this.messages.find((message) => message.item === item);
  }

  /** Keeps, across reloads, how far a message has come. */
  #keep(item: ItemId, stage: LocalMessage['stage']): void {
    this.messages = this.messages.map((message) => (message.item === item ? { ...message, stage } : message));
    const message = this.#get(item);
    if (!message) return;
    const fleeting = !save(this.#key(item), { ...message, mark: undefined, fleeting: undefined });
    this.messages = this.messages.map((one) => (one.item === item ? { ...one, fleeting } : one));
  }

  #put(item: ItemId, stage: 'leaving' | 'back'): void {
    this.#keep(item, stage);
    this.#mark(item, { state: MARKS[stage] });
  }

  #mark(item: ItemId, mark: LocalMessage['mark']): void {
    this.messages = this.messages.map((message) => (message.item === item ? { ...message, mark } : message));
  }

  #forget(item: ItemId): void {
    save(this.#key(item), undefined);
    this.messages = this.messages.filter((message) => message.item !== item);
  }

  #key(item: ItemId): string {
    return `unsent.${this.user}.${item}`;
  }
}

/** Why it was refused for good; nothing if trying again may help. */
function refusal(failure: unknown): ErrorCode | undefined {
  const passing = ['unreachable', 'signed_out', 'unavailable'];
  if (failure instanceof Refused) return passing.includes(failure.code) ? undefined : failure.code;
  if (failure instanceof ApiFailure && !passing.includes(failure.code)) return failure.code as ErrorCode;
  return undefined;
}

function isKept(value: unknown): value is Kept {
  return (
    isObject(value) &&
    typeof value['conversation'] === 'string' &&
    typeof value['item'] === 'string' &&
    typeof value['text'] === 'string' &&
    typeof value['at'] === 'number'
  );
}
