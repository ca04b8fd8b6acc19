/** The part of the REST API that is about people: fetched with the pages that use it. */
import { ask } from './api';
import type {
  Onboarding,
  Profile,
  Role,
  SessionView,
  SignInOptions,
  SignInStarted,
  UserId,
  UserPage,
} from './protocol/generated';

/** How one can sign in here. */
export async function signInOptions(): Promise<SignInOptions> {
  return (await ask('GET', '/api/sign-in')).json() as Promise<SignInOptions>;
}

/**
 * Begins a sign-in at the identity provider, which comes back to `to`; the address to go on at. `anew`: whoever is signed in there is
 * not to be taken for who is meant.
 */
export async function startSignIn(to: string, anew: boolean): Promise<string> {
  const answer = await ask('POST', '/api/sign-in/start', { to, anew });
  return ((await answer.json()) as SignInStarted).url;
}

/** Says who one is and what one wants. */
export async function onboard(said: Onboarding): Promise<Profile> {
  return (await ask('POST', '/api/user/onboarding', said)).json() as Promise<Profile>;
}

/** Where one is signed in. */
export async function sessions(): Promise<SessionView[]> {
  return (await ask('GET', '/api/user/sessions')).json() as Promise<SessionView[]>;
}

/** Signs one of one's own devices out. */
export async function endSession(id: string): Promise<void> {
  await ask('DELETE', `/api/user/sessions/${id}`);
}

/** Ends all of one's sessions, this one too. */
export async function signOutEverywhere(): Promise<void> {
  await ask('POST', '/api/sign-out/everywhere');
}

/** Erases oneself, with all that is one's own. Whether everything is gone; what is left goes as soon as it can. */
export async function eraseMe(): Promise<boolean> {
  return (await ask('DELETE', '/api/user')).status !== 202;
}

/** A page of people whose name or e-mail address holds `query`. */
export async function users(query: string, after?: UserId): Promise<UserPage> {
  const search = new URLSearchParams();
  if (query) search.set('q', query);
  if (after) search.set('after', after);
  return (await ask('GET', `/api/users?${search.toString()}`)).json() as Promise<UserPage>;
}

/** Keeps somebody out. */
export async function disableUser(id: UserId): Promise<void> {
  await ask('POST', `/api/users/${id}/disable`);
}

/** Lets somebody in again. */
export async function enableUser(id: UserId): Promise<void> {
  await ask('POST', `/api/users/${id}/enable`);
}

/** Says what somebody may do. */
export async function setRole(id: UserId, role: Role): Promise<void> {
  await ask('PUT', `/api/users/${id}/role`, { role });
}

/** Erases somebody, with all that is theirs. */
export async function eraseUser(id: UserId): Promise<void> {
  await ask('DELETE', `/api/users/${id}`);
}
