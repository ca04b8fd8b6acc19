/** A conversation of somebody else's, read page by page instead of followed. */
import { Conversation, type Host } from '../lib/chat/conversation.svelte';
import { history } from '../lib/api';
import { grantedPlace } from '../lib/grants';
import type { ConversationId, Me } from '../lib/protocol/generated';

/** Such a conversation, of which nothing is known yet. */
export function reading(id: ConversationId, me: Me): Conversation {
  const host: Host = {
    request: () => Promise.reject(new Error('a conversation that is only read is asked for nothing')),
    me: () => ({ id: me.id, name: me.name }),
    around: () => ({ local: [], listed: undefined }),
    arrived: () => undefined,
    unborn: () => false,
    listedPrompts: () => [],
  };
  return new Conversation(id, host, grantedPlace(id), true);
}

/** Brings it up to date. */
export async function read(conversation: Conversation): Promise<void> {
  const page = await history(conversation.place);
  const from = page.events[0]?.n ?? page.end.n + 1;
  const of = { conversation: conversation.id };
  const verdict = { type: 'snapshot', because: 'first' } as const;
  conversation.receive({ type: 'opened', ...of, verdict, from, end: page.end });
  conversation.receive({ type: 'events', ...of, epoch: page.end.epoch, events: page.events });
}
