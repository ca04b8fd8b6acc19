/** Whether somebody is signed in, and the session if so. */
import { type ApiFailure, profile, signInLocal } from './api';
import { codeIn } from './router';
import { Session } from './session.svelte';

/** Where the page stands. */
export type Standing =
  | { type: 'checking' }
  /** `expired`: somebody was signed in on this page. `failure`: why the last try did not work. */
  | { type: 'signed_out'; expired?: boolean; failure?: ApiFailure }
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
    const code = takeCode();
    if (code) await this.signIn(code);
    else await this.check();
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
      const me = await profile();
      this.standing = { type: 'in', session: new Session(me, () => this.#signedOut()) };
    } catch (cause) {
      const failure = cause as ApiFailure;
      this.standing =
        failure.code === 'signed_out' ? { type: 'signed_out' } : { type: 'unreachable', failure };
    }
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

/** The code in the address. It works once, but the address stays in histories: it goes before anything else happens. */
function takeCode(): string | undefined {
  if (!location.hash.includes('code=')) return undefined;
  const code = codeIn(location.hash);
  history.replaceState(null, '', location.pathname + location.search);
  return code;
}

/** The page's one app. */
export const app = new App();
addEventListener('hashchange', () => {
  if (location.hash.includes('code=')) void app.begin();
});
