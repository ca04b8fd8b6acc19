/** Bodies that were too long for their event, fetched chunk by chunk when somebody wants to see them. */
import { bodyChunk } from '../api';
import type { Cut } from '../protocol/generated';

/** Bodies kept for a second look; the oldest go first. */
const KEPT_CHARACTERS = 32 * 1024 * 1024;

const kept = new Map<string, string>();

/** The whole body, from the conversation at that place. `progress` hears the share that has come, from 0 to 1. */
export async function loadBody(place: string, cut: Cut, progress: (share: number) => void): Promise<string> {
  const known = kept.get(cut.digest);
  if (known !== undefined) return known;
  const decoder = new TextDecoder();
  let text = '';
  let received = 0;
  for (let chunk = 0; chunk < cut.chunks; chunk++) {
    const bytes = await bodyChunk(place, cut.digest, chunk);
    received += bytes.length;
    text += decoder.decode(bytes, { stream: true });
    progress(cut.bytes > 0 ? Math.min(1, received / cut.bytes) : 1);
  }
  text += decoder.decode();
  keep(cut.digest, text);
  return text;
}

function keep(digest: string, text: string): void {
  kept.set(digest, text);
  let size = 0;
  for (const body of kept.values()) size += body.length;
  for (const [oldest, body] of kept) {
    if (size <= KEPT_CHARACTERS || oldest === digest) break;
    kept.delete(oldest);
    size -= body.length;
  }
}
