/** Addresses of the page. Pure; `router.svelte.ts` holds the current one. */
import type { ConversationId } from './protocol/generated';

/** Where the reader is. */
export type Route = { page: 'start' } | { page: 'operator' } | { page: 'conversation'; id: ConversationId };

const CONVERSATION = /^\/c\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/?$/;

/** The route of a path; the start page if nothing else fits. */
export function parseRoute(path: string): Route {
  const id = CONVERSATION.exec(path.toLowerCase())?.[1];
  if (id) return { page: 'conversation', id };
  return { page: /^\/operator\/?$/.test(path) ? 'operator' : 'start' };
}

/** The path of a route. */
export function pathOf(route: Route): string {
  if (route.page === 'conversation') return `/c/${route.id}`;
  return route.page === 'operator' ? '/operator' : '/';
}

/** The one-time code in what a person pasted or opened: a whole link, its fragment, or the code alone. */
export function codeIn(text: string): string | undefined {
  const trimmed = text.trim();
  const inFragment = /#(?:.*&)?code=([^&\s]+)/.exec(trimmed)?.[1];
  if (inFragment) return decode(inFragment);
  return /^[\w.~-]+$/.test(trimmed) ? trimmed : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
