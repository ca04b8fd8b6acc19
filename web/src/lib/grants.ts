/** The part of the REST API about what one lets operators read: fetched with what shows it. */
import { ask } from './api';
import type { ConversationId, ConversationView, GrantList } from './protocol/generated';

/** Where a conversation is read that its owner lets operators read. */
export function grantedPlace(id: ConversationId): string {
  return `/api/operator/grants/${id}`;
}

/** Lets operators read a conversation of one's own for so many hours from now. */
export async function giveGrant(id: ConversationId, hours: number): Promise<ConversationView> {
  const answer = await ask('PUT', `/api/conversations/${id}/grant`, { hours });
  return answer.json() as Promise<ConversationView>;
}

/** Has operators read it no more. */
export async function endGrant(id: ConversationId): Promise<ConversationView> {
  return (await ask('DELETE', `/api/conversations/${id}/grant`)).json() as Promise<ConversationView>;
}

/** What people let operators read. */
export async function grants(): Promise<GrantList> {
  return (await ask('GET', '/api/operator/grants')).json() as Promise<GrantList>;
}
