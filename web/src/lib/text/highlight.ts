/** Code colouring on demand: the worker is fetched when the first code is shown, and every result is remembered. */
import { sanitizeHighlight } from './markdown';

/** What the worker is given. */
export interface Job {
  readonly id: number;
  readonly language: string;
  readonly code: string;
}

/** What the worker answers; no HTML for a language that it does not know. */
export interface JobDone {
  readonly id: number;
  readonly html: string | undefined;
}

/** Longer code takes longer to colour than it helps to read. */
const MAX_CHARACTERS = 60_000;
/** Coloured code that is remembered: what a reader scrolls through, not a whole history. */
const REMEMBERED = 400;

const done = new Map<string, string | undefined>();
const waiting = new Map<number, (html: string | undefined) => void>();
let worker: Worker | undefined;
let jobs = 0;

/** Colours the `code` element's text in place, now if the result is known and otherwise once it is. */
export async function highlight(element: HTMLElement): Promise<void> {
  const language = element.dataset['lang'] ?? '';
  const code = element.textContent;
  if (!language || !code || code.length > MAX_CHARACTERS) return;
  const key = `${language}\n${code}`;
  if (!done.has(key)) remember(key, await ask(language, code));
  const html = done.get(key);
  if (html !== undefined && element.textContent === code) element.innerHTML = sanitizeHighlight(html);
}

function remember(key: string, html: string | undefined): void {
  done.set(key, html);
  const oldest = done.keys().next();
  if (done.size > REMEMBERED && !oldest.done) done.delete(oldest.value);
}

function ask(language: string, code: string): Promise<string | undefined> {
  worker ??= start();
  const id = jobs++;
  worker.postMessage({ id, language, code } satisfies Job);
  return new Promise((resolve) => waiting.set(id, resolve));
}

function start(): Worker {
  const started = new Worker(new URL('./highlight.worker.ts', import.meta.url), { type: 'module' });
  started.onmessage = ({ data: { id, html } }: MessageEvent<JobDone>) => {
    waiting.get(id)?.(html);
    waiting.delete(id);
  };
  // Without its worker the page shows code uncoloured, which is no reason to trouble anyone.
  started.onerror = () => {
    for (const resolve of waiting.values()) resolve(undefined);
    waiting.clear();
  };
  return started;
}
