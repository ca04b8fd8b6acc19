/** Addresses of the page. Pure; `router.svelte.ts` holds the current one. */
import type { ConversationId, SignInRefusal } from './protocol/generated';

/** Where the reader is. */
export type Route =
  | { page: 'start' }
  | { page: 'operator' }
  | { page: 'users' }
  | { page: 'audit' }
  | { page: 'grants' }
  | { page: 'granted'; id: ConversationId }
  | { page: 'settings' }
  | { page: 'reference' }
  | { page: 'lost' }
  | { page: 'conversation'; id: ConversationId };

const PATHS = {
  start: '/',
  operator: '/operator',
  users: '/operator/users',
  audit: '/operator/audit',
  grants: '/operator/grants',
  settings: '/settings',
  reference: '/settings/api',
} as const;

const CONVERSATION = /^\/(c|operator\/grants)\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/?$/;

/** The route of a path; one that leads nowhere, if nothing fits. */
export function parseRoute(path: string): Route {
  const [, where, id] = CONVERSATION.exec(path.toLowerCase()) ?? [];
  if (id) return { page: where === 'c' ? 'conversation' : 'granted', id };
  const trimmed = path.replace(/\/$/, '') || '/';
  for (const page of Object.keys(PATHS) as (keyof typeof PATHS)[])
    if (trimmed === PATHS[page]) return { page };
  return { page: 'lost' };
}

/** The path of a route; from one that leads nowhere there is only the way home. */
export function pathOf(route: Route): string {
  if (route.page === 'lost') return PATHS.start;
  if (route.page === 'granted') return `${PATHS.grants}/${route.id}`;
  return route.page === 'conversation' ? `/c/${route.id}` : PATHS[route.page];
}

/** Why somebody came back from the identity provider and is not signed in, if that is what a fragment says. */
export function refusalIn(fragment: string): SignInRefusal | undefined {
  return /[#&]refused=([a-z_]+)/.exec(fragment)?.[1] as SignInRefusal | undefined;
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
