/** Whether somebody is signed in, and the session if so. */
import { type ApiFailure, profile, signInLocal } from './api';
import type { Profile, SignInRefusal } from './protocol/generated';
import { codeIn, refusalIn } from './router';
import { Session } from './session.svelte';

/** How far it is that somebody had all that is theirs erased. */
export type Erased = 'entirely' | 'begun';

/** Where the page stands. */
export type Standing =
  | { type: 'checking' }
  /**
   * `expired`: somebody was signed in on this page. `erased`: they had all that is theirs erased here. `failure`: why the last try did not work. `refusal`: why the identity
   * provider's word did not let them in.
   */
  | {
      type: 'signed_out';
      expired?: boolean;
      erased?: Erased | undefined;
      failure?: ApiFailure;
      refusal?: SignInRefusal;
    }
  /** Somebody is here for the first time. */
  | { type: 'new'; profile: Profile }
  | { type: 'unreachable'; failure: ApiFailure }
  | { type: 'in'; session: Session };

class App {
  standing = $state.raw<Standing>({ type: 'checking' });

  /** The control plane has moved on, and this page cannot talk to it any more. */
  get outdated(): boolean {
    const link = this.standing.type === 'in' ? this.standing.session.link : undefined;
    return link?.type === 'closed' && link.why === 'version';
  }

  /** Finds out who is signed in; a one-time code in the address is used first, and removed from it at once. */
  async begin(): Promise<void> {
    const { code, refusal } = takeFragment();
    if (code) return this.signIn(code);
    await this.check();
    if (refusal && this.standing.type === 'signed_out') this.standing = { type: 'signed_out', refusal };
  }

  /** Exchanges a one-time code. */
  async signIn(code: string): Promise<void> {
    try {
      await signInLocal(code);
    } catch (failure) {
      return this.#refused(failure as ApiFailure);
    }
    await this.check();
  }

  /** Asks who is signed in. */
  async check(): Promise<void> {
    this.#leave();
    try {
      const found = await profile();
      if (found.onboarded) this.enter(found);
      else this.standing = { type: 'new', profile: found };
    } catch (cause) {
      const failure = cause as ApiFailure;
      this.standing =
        failure.code === 'signed_out' ? { type: 'signed_out' } : { type: 'unreachable', failure };
    }
  }

  /** Goes in as somebody who is signed in. */
  enter(me: Profile): void {
    this.standing = { type: 'in', session: new Session(me, () => this.#signedOut()) };
  }

  /** Everybody of this name is signed out, this page too; or there is nobody of this name any more. */
  gone(erased?: Erased): void {
    this.#leave();
    this.standing = { type: 'signed_out', erased };
  }

  /** A code that does not work is no reason to leave a session that does. */
  async #refused(failure: ApiFailure): Promise<void> {
    await this.check();
    if (this.standing.type === 'signed_out') this.standing = { type: 'signed_out', failure };
  }

  #signedOut(): void {
    this.#leave();
    this.standing = { type: 'signed_out', expired: true };
  }

  #leave(): void {
    if (this.standing.type === 'in') this.standing.session.close();
  }
}

/** What a sign-in left in the address: a code works once, but the address stays in histories, so it goes before anything else. */
function takeFragment(): { code?: string | undefined; refusal?: SignInRefusal | undefined } {
  if (!/[#&](code|refused)=/.test(location.hash)) return {};
  const code = location.hash.includes('code=') ? codeIn(location.hash) : undefined;
  const refusal = refusalIn(location.hash);
  history.replaceState(null, '', location.pathname + location.search);
  return { code, refusal };
}

/** The page's one app. */
export const app = new App();
addEventListener('hashchange', () => {
  if (location.hash.includes('code=')) void app.begin();
});
