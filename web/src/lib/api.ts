/** The REST API. Every failure is an `ApiFailure` with a code that the page has words for. */
import { observeDate } from './clock';
import type {
  ApiError,
  ConversationId,
  ConversationPage,
  ConversationView,
  CreateConversation,
  ErrorCode,
  HistoryPage,
  Profile,
} from './protocol/generated';

/** Why a request failed; `unreachable` is the page's own: no answer came at all. */
export type FailureCode = ErrorCode | 'unreachable';

/** A request that failed. */
export class ApiFailure extends Error {
  constructor(
    readonly code: FailureCode,
    message: string,
    /** Finds the request in the server's log. */
    readonly requestId?: string,
    /** It came too soon, which is all that is wrong with it: when to ask again. */
    readonly backInMs?: number,
  ) {
    super(message);
  }
}

/** The slowest answer is a page of history from a cold store; after this long nobody waits for it. */
const DEADLINE_MS = 30_000;

/** How many events a page of history asks for. */
const HISTORY_EVENTS = 200;

/** Exchanges the one-time code for a session. */
export async function signInLocal(code: string): Promise<void> {
  await ask('POST', '/api/sign-in/local', { code });
}

/** Where this tab notes that somebody signed out in it. */
const SIGNED_OUT = 'atelier.signed-out';

/** Ends the session. */
export async function signOut(): Promise<void> {
  await ask('POST', '/api/sign-out');
  sessionStorage.setItem(SIGNED_OUT, 'yes');
}

/** Whether somebody signed out in this tab, and nobody has signed in since. */
export function hasSignedOut(): boolean {
  return sessionStorage.getItem(SIGNED_OUT) !== null;
}

/** Whoever is signed in. */
export async function profile(): Promise<Profile> {
  const answer = await ask('GET', '/api/user/profile');
  sessionStorage.removeItem(SIGNED_OUT);
  return answer.json() as Promise<Profile>;
}

/** A page of conversations, those whose title fits `query` if there is one. */
export async function conversations(query: string, after?: ConversationId): Promise<ConversationPage> {
  const search = new URLSearchParams();
  if (query) search.set('q', query);
  if (after) search.set('after', after);
  return (await ask('GET', `/api/conversations?${search.toString()}`)).json() as Promise<ConversationPage>;
}

/** Makes a conversation; asking again changes nothing. */
export async function createConversation(body: CreateConversation): Promise<ConversationView> {
  return (await ask('POST', '/api/conversations', body)).json() as Promise<ConversationView>;
}

/** One conversation. */
export async function conversation(id: ConversationId): Promise<ConversationView> {
  return (await ask('GET', `/api/conversations/${id}`)).json() as Promise<ConversationView>;
}

/** Renames a conversation. */
export async function renameConversation(id: ConversationId, title: string): Promise<ConversationView> {
  return (await ask('PATCH', `/api/conversations/${id}`, { title })).json() as Promise<ConversationView>;
}

/** Deletes a conversation. Outlives the page that asked for it. */
export async function deleteConversation(id: ConversationId): Promise<void> {
  await ask('DELETE', `/api/conversations/${id}`, undefined, { keepalive: true });
}

/** The events just before `before`, or the newest, of the conversation at that place. */
export async function history(place: string, before?: number): Promise<HistoryPage> {
  const query = `limit=${HISTORY_EVENTS}${before === undefined ? '' : `&before=${before}`}`;
  return (await ask('GET', `${place}/events?${query}`)).json() as Promise<HistoryPage>;
}

/** One chunk of a body. It may begin and end in the middle of a character. */
export async function bodyChunk(place: string, digest: string, chunk: number): Promise<Uint8Array> {
  const answer = await ask('GET', `${place}/bodies/${digest}/${chunk}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Asks the control plane something. For the parts of the API that few pages use and that are kept with those. */
export async function ask(
  method: string,
  path: string,
  body?: unknown,
  more: RequestInit = {},
): Promise<Response> {
  const sent = Date.now();
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      signal: AbortSignal.timeout(DEADLINE_MS),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      ...more,
    });
  } catch (cause) {
    throw new ApiFailure('unreachable', String(cause));
  }
  observeDate(answer.headers.get('date'), sent, Date.now());
  if (!answer.ok) throw await failure(answer);
  return answer;
}

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  400: 'invalid',
  401: 'signed_out',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  429: 'too_many',
};

/** The refusal in the answer's body; whatever stands between page and control plane may have written another one. */
async function failure(answer: Response): Promise<ApiFailure> {
  const after = Number.parseInt(answer.headers.get('retry-after') ?? '', 10);
  const back = Number.isNaN(after) ? undefined : after * 1000;
  try {
    const { code, message, request_id } = (await answer.json()) as ApiError;
    if (typeof code === 'string') return new ApiFailure(code, message, request_id, back);
  } catch {
    // Not ours: the status has to do.
  }
  const code = CODE_OF_STATUS[answer.status] ?? (answer.status < 500 ? 'invalid' : 'unavailable');
  return new ApiFailure(code, answer.statusText, undefined, back);
}
