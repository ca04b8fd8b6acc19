/** The list of conversations: which version of each counts, and in what order they stand. Pure. */
import type { ConversationId, ConversationView } from '../protocol/generated';

/** Conversations by id. */
export type Listed = ReadonlyMap<ConversationId, ConversationView>;

/** `listed` with `views` taken in: of each conversation the highest version counts. */
export function merge(listed: Listed, views: readonly ConversationView[]): Listed {
  const merged = new Map(listed);
  for (const view of views) {
    const known = merged.get(view.id);
    if (!known || known.version <= view.version) merged.set(view.id, view);
  }
  return merged;
}

/**
 * `listed` after a welcome, which names the conversations that changed last and whether there are more: what should
 * have been among them and is not was deleted while nobody told us.
 */
export function refresh(listed: Listed, newest: readonly ConversationView[], more: boolean): Listed {
  const named = new Set(newest.map((view) => view.id));
  const oldest = more ? Math.min(...newest.map((view) => view.changed_at)) : -Infinity;
  const still = [...listed].filter(([id, view]) => named.has(id) || view.changed_at <= oldest);
  return merge(new Map(still), newest);
}

/** `listed` without one. */
export function without(listed: Listed, id: ConversationId): Listed {
  const rest = new Map(listed);
  rest.delete(id);
  return rest;
}

/** When something last happened in a conversation. */
export function lastAt(view: ConversationView): number {
  return Math.max(view.summary.last_at, view.created_at);
}

/** Newest activity first; equal ones in a fixed order, so that rows don't jump. */
export function inOrder(views: Iterable<ConversationView>): ConversationView[] {
  return [...views].sort((a, b) => lastAt(b) - lastAt(a) || (a.id < b.id ? -1 : 1));
}

/** Whether a title fits what was typed, letter case and composed or decomposed Hangul aside. */
export function fits(view: ConversationView, query: string): boolean {
  return fold(view.title).includes(fold(query));
}

function fold(text: string): string {
  return text.normalize('NFC').toLocaleLowerCase().trim();
}
