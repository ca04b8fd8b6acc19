/** localStorage as a place for small JSON values that may fail: switched off, full, or written by an older page. */

const PREFIX = 'atelier.';

/** The value under `key`, or undefined. */
export function load(key: string): unknown {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

/** Puts `value` under `key`; undefined removes it. Whether it worked. */
export function save(key: string, value: unknown): boolean {
  try {
    if (value === undefined) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** Forgets all that stands under keys that begin with `beginning`. */
export function forgetAll(beginning: string): void {
  try {
    for (const key of Object.keys(localStorage))
      if (key.startsWith(PREFIX + beginning)) localStorage.removeItem(key);
  } catch {
    // Switched off: there is nothing.
  }
}

/** The values under all keys that begin with `beginning`. */
export function loadAll(beginning: string): unknown[] {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX + beginning));
    return keys.map((key) => load(key.slice(PREFIX.length)));
  } catch {
    return [];
  }
}
