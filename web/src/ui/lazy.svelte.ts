/** Parts of the page that are fetched after the first paint, or when they are first wanted. */

/** Between tries to fetch a part: long enough for a restarted control plane to be back. */
const RETRY_MS = 2000;
/** A part that is missing this often was replaced by a newer one, which this page cannot use. */
const TRIES = 4;

class Missing {
  /** A part cannot be had, so the page has to be loaded again. */
  parts = $state(false);
}

/** What is known of parts that cannot be had. */
export const missing = new Missing();

/** Something that comes from a module of its own. */
export class Lazy<T> {
  #value = $state.raw<T | undefined>();
  #loading = false;
  #tries = 0;

  constructor(private readonly load: () => Promise<{ default: T }>) {}

  /** The part, once it is there; asking for it fetches it. */
  get value(): T | undefined {
    if (this.#value === undefined) void this.fetch();
    return this.#value;
  }

  /** Fetches the part, again and again: a prompt must not stay out of sight because a request was lost. */
  async fetch(): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    try {
      this.#value = (await this.load()).default;
    } catch {
      if (navigator.onLine) this.#tries++;
      missing.parts ||= this.#tries >= TRIES;
      setTimeout(() => this.#again(), RETRY_MS);
    }
  }

  #again(): void {
    this.#loading = false;
    void this.fetch();
  }
}
