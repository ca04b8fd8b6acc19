/**
 * Messages on their way from this browser: kept in storage until the control plane says that they are safe, and
 * sent, with the ids they were given, as often as it takes.
 */
import { ApiFailure, createConversation } from './api';
import type { LocalMessage } from './chat/outbox';
import { isObject } from './chat/payload';
import { newId } from './ids';
import type { ConversationId, ConversationView, ErrorCode, ItemId, Settings } from './protocol/generated';
import { type Ask, Refused } from './requests';
import { loadAll, save } from './storage';

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

type Kept = Omit<LocalMessage, 'mark'>;

/** The messages that one user has sent from this browser and that are not known to be safe. */
export class Sender {
  /** The messages, oldest first. */
  messages = $state.raw<readonly LocalMessage[]>([]);
  readonly #inFlight = new Set<ItemId>();
  #up = false;

  constructor(
    private readonly user: string,
    private readonly way: Way,
  ) {
    const kept = loadAll(`unsent.${user}.`).filter(isKept);
    this.messages = kept
      .sort((a, b) => a.at - b.at)
      .map((message) => ({ ...message, mark: { state: 'unsent' } }));
  }

  /** The messages of one conversation. */
  of(conversation: ConversationId): readonly LocalMessage[] {
    return this.messages.filter((message) => message.conversation === conversation);
  }

  /** Sends a message, or keeps it until it can be sent. */
  send(message: NewMessage): void {
    const { conversation, text, steer = false, again_of, create } = message;
    const kept: Kept = { conversation, item: newId(), text, steer, again_of, create, at: Date.now() };
    save(this.#key(kept.item), kept);
    this.messages = [...this.messages, { ...kept, mark: { state: 'unsent' } }];
    this.flush();
  }

  /** Sends a refused message once more, under its id. */
  retry(item: ItemId): void {
    this.#mark(item, { state: 'unsent' });
    this.flush();
  }

  /** Takes back a message that the control plane has not and is not getting. Whether that was still possible. */
  discard(item: ItemId): boolean {
    const saved = this.messages.some((message) => message.item === item && message.mark.state === 'saved');
    if (saved || this.#inFlight.has(item)) return false;
    this.#forget(item);
    return true;
  }

  /** The link came up or went down. */
  link(up: boolean): void {
    this.#up = up;
    this.flush();
  }

  /** Drops copies of messages that the outbox or the log has. */
  drop(has: (item: ItemId) => boolean): void {
    for (const { item } of this.messages) if (has(item)) this.#forget(item);
  }

  /** Sends what waits, in order within each conversation. */
  flush(): void {
    if (!this.#up) return;
    const busy = new Set<ConversationId>();
    for (const message of this.messages) {
      if (message.mark.state === 'unsent' && !busy.has(message.conversation)) void this.#deliver(message);
      if (message.mark.state !== 'refused' && message.mark.state !== 'saved') busy.add(message.conversation);
    }
  }

  async #deliver(message: LocalMessage): Promise<void> {
    const { conversation, item, text, steer, again_of } = message;
    this.#inFlight.add(item);
    this.#mark(item, { state: 'sending' });
    try {
      if (message.create) {
        this.way.created(await createConversation({ id: conversation, settings: message.create }));
      }
      const again = again_of ? { again_of } : {};
      await this.way.request({ type: 'send', conversation, item, text, steer, ...again }, false);
      save(this.#key(item), undefined);
      this.#settle(item, { state: 'saved' });
      setTimeout(() => this.#forget(item), SHOWN_MS);
    } catch (failure) {
      const code = refusal(failure);
      if (code) this.#settle(item, { state: 'refused', code });
      else this.#postpone(item);
    }
  }

  #settle(item: ItemId, mark: LocalMessage['mark']): void {
    this.#inFlight.delete(item);
    this.#mark(item, mark);
    this.flush();
  }

  #postpone(item: ItemId): void {
    this.#inFlight.delete(item);
    this.#mark(item, { state: 'unsent' });
    setTimeout(() => this.flush(), RETRY_MS);
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
