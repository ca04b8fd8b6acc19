/** What a person has typed and not sent, by conversation, across reloads. */
import { load, save } from './storage';

/** The draft's place; the start page's has no conversation yet. */
export type DraftPlace = string | 'new';

/** The drafts of one user on this browser. */
export class Drafts {
  constructor(private readonly user: string) {}

  /** The draft. */
  get(place: DraftPlace): string {
    const draft = load(this.#key(place));
    return typeof draft === 'string' ? draft : '';
  }

  /** Keeps the draft; an empty one is forgotten. */
  set(place: DraftPlace, text: string): void {
    save(this.#key(place), text === '' ? undefined : text);
  }

  #key(place: DraftPlace): string {
    return `draft.${this.user}.${place}`;
  }
}
