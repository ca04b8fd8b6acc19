/** The list of conversations as the reader sees it: paged, searched, renamed, deleted with a way back. */
import { ApiFailure, conversation, conversations, deleteConversation, renameConversation } from './api';
import { fits, inOrder, type Listed, merge, refresh, without } from './chat/list';
import type { ConversationId, ConversationView } from './protocol/generated';

/** How long a deletion can be undone. */
export const UNDO_MS = 6000;
/** The pause in typing after which the server is asked. */
const SEARCH_MS = 250;

/** The conversations of one user. */
export class Conversations {
  /** What is typed into the search field. */
  query = $state('');
  /** Whether the server has more than what is loaded. */
  more = $state(false);
  loading = $state(false);
  /** Why a page could not be loaded, or a conversation not be deleted. */
  failure = $state.raw<unknown>();
  /** The conversation whose deletion can still be undone. */
  leaving = $state.raw<ConversationView | undefined>();
  /** The conversation of which it is asked whether operators may read it. */
  granting = $state.raw<ConversationView | undefined>();
  /** Where the last page ended. */
  #last: ConversationId | undefined;
  #listed = $state.raw<Listed>(new Map());
  #found = $state.raw<ReadonlySet<ConversationId>>(new Set());
  /** It is asked for, and was not deleted meanwhile. */
  #learning: ConversationId | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #searching: ReturnType<typeof setTimeout> | undefined;

  /** What to show, in order. */
  readonly shown = $derived.by(() => {
    const all = inOrder(this.#listed.values()).filter((view) => view.id !== this.leaving?.id);
    if (!this.query.trim()) return all;
    return all.filter((view) => fits(view, this.query) || this.#found.has(view.id));
  });

  constructor() {
    addEventListener('pagehide', () => this.#deleteNow());
  }

  /** One conversation, if it is loaded. */
  get(id: ConversationId): ConversationView | undefined {
    return this.#listed.get(id);
  }

  /** Takes conversations as the server gives them. */
  put(views: readonly ConversationView[]): void {
    this.#listed = merge(this.#listed, views);
  }

  /** Takes the newest conversations as a new link names them. */
  welcome(newest: readonly ConversationView[], more: boolean): void {
    this.#listed = refresh(this.#listed, newest, more);
    this.more = more;
    this.#last = newest.at(-1)?.id;
  }

  /** Comes to know a conversation that is beyond what is loaded. */
  async learn(id: ConversationId): Promise<void> {
    if (this.get(id)) return;
    this.#learning = id;
    const view = await conversation(id);
    if (this.#learning === id) this.put([view]);
  }

  /** A conversation is gone. */
  gone(id: ConversationId): void {
    if (this.#learning === id) this.#learning = undefined;
    this.#listed = without(this.#listed, id);
  }

  /** Loads the next page. */
  async loadMore(): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    this.failure = undefined;
    const before = this.#listed.size;
    try {
      // What changed since it was loaded is named again: a page of nothing else is none.
      do await this.#nextPage();
      while (this.more && this.#listed.size === before);
    } catch (cause) {
      this.failure = cause;
    }
    this.loading = false;
  }

  async #nextPage(): Promise<void> {
    const page = await conversations('', this.#last).catch((cause: unknown) => {
      if (!(cause instanceof ApiFailure && cause.code === 'not_found')) throw cause;
      // Where the last page ended was deleted.
      return conversations('');
    });
    this.put(page.conversations);
    this.more = page.next !== undefined;
    this.#last = page.conversations.at(-1)?.id;
  }

  /** Searches: at once in what is loaded, and at the server after a pause in typing. */
  search(query: string): void {
    this.query = query;
    this.#found = new Set();
    clearTimeout(this.#searching);
    if (!query.trim()) return;
    this.#searching = setTimeout(() => void this.#ask(query), SEARCH_MS);
  }

  /** Renames a conversation. */
  async rename(id: ConversationId, title: string): Promise<void> {
    this.put([await renameConversation(id, title)]);
  }

  /** Deletes a conversation, unless it is undone in time. */
  remove(view: ConversationView): void {
    this.#deleteNow();
    this.leaving = view;
    this.#timer = setTimeout(() => this.#deleteNow(), UNDO_MS);
  }

  /** Keeps the conversation that was to be deleted. */
  undo(): void {
    clearTimeout(this.#timer);
    this.leaving = undefined;
  }

  async #ask(query: string): Promise<void> {
    const page = await conversations(query.trim()).catch(() => undefined);
    if (!page || query !== this.query) return;
    this.put(page.conversations);
    this.#found = new Set(page.conversations.map((view) => view.id));
  }

  #deleteNow(): void {
    const view = this.leaving;
    clearTimeout(this.#timer);
    if (!view) return;
    this.leaving = undefined;
    this.gone(view.id);
    // Refused or unreachable: it is still there, so it is shown again.
    deleteConversation(view.id).catch((cause: unknown) => {
      this.put([view]);
      this.failure = cause;
    });
  }
}
