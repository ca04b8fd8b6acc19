/** Deeds, page after page. */
import type { AuditRows, AuditView } from './protocol/generated';

/** What has been read of the trail so far. */
export class Trail {
  rows = $state.raw<readonly AuditView[]>([]);
  names = $state.raw<Readonly<Record<string, string>>>({});
  /** Where to read on; absent at the end. */
  next = $state<number | undefined>();
  loaded = $state(false);
  busy = $state(false);
  failure = $state.raw<unknown>();
  #generation = 0;

  constructor(private ask: (before?: number) => Promise<AuditRows>) {}

  /** Begins anew, perhaps with another question. */
  async begin(ask = this.ask): Promise<void> {
    this.ask = ask;
    this.#generation++;
    await this.#read(undefined, []);
  }

  /** Reads on. */
  async more(): Promise<void> {
    if (!this.busy) await this.#read(this.next, this.rows);
  }

  async #read(before: number | undefined, rows: readonly AuditView[]): Promise<void> {
    const generation = this.#generation;
    this.busy = true;
    this.failure = undefined;
    try {
      const page = await this.ask(before);
      if (generation !== this.#generation) return;
      this.rows = [...rows, ...page.rows];
      this.names = { ...this.names, ...page.names };
      this.next = page.next;
      this.loaded = true;
    } catch (cause) {
      if (generation === this.#generation) this.failure = cause;
    } finally {
      if (generation === this.#generation) this.busy = false;
    }
  }
}
