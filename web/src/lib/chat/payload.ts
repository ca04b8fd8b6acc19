/** Reading payloads and the hostile JSON in them: nothing here trusts a shape. */
import type { Cut, Payload } from '../protocol/generated';

/** A JSON object of unknown shape. */
export type Json = Record<string, unknown>;

/** Whether `value` is a JSON object. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `value[key]` if `value` is an object and that is a string. */
export function text(value: unknown, key: string): string | undefined {
  const found = isObject(value) ? value[key] : undefined;
  return typeof found === 'string' ? found : undefined;
}

/** `value[key]` if `value` is an object and that is a list; otherwise an empty one. */
export function list(value: unknown, key: string): readonly unknown[] {
  const found = isObject(value) ? value[key] : undefined;
  return Array.isArray(found) ? found : [];
}

/** The cut behind a payload that was too long for its event. */
export function cutOf(payload: Payload | undefined): Cut | undefined {
  return payload && 'cut' in payload ? payload.cut : undefined;
}

/** The value of a payload that came whole. */
export function jsonOf(payload: Payload | undefined): unknown {
  if (!payload || 'cut' in payload) return undefined;
  return 'json' in payload ? payload.json : payload.text;
}

/** A payload as text; a cut one as what is there of it. */
export function textOf(payload: Payload): string {
  if ('text' in payload) return payload.text;
  if ('cut' in payload) return `${payload.cut.head}\n…\n${payload.cut.tail}`;
  return typeof payload.json === 'string' ? payload.json : JSON.stringify(payload.json, null, 2);
}

/** What a sub-agent reported, without what the CLI writes around it for Claude; undefined if that is not known. */
export function reportOf(details: unknown): string | undefined {
  const blocks = list(details, 'content');
  const count = (key: string) => Number(isObject(details) && details[key]) || 0;
  const own = blocks.slice(count('harnessNoteCount'), blocks.length - count('harnessTailCount'));
  return own.length > 0 ? blocksText(own) : undefined;
}

/** The text in a tool result's content: a string, or the API's list of blocks. */
export function blocksText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value))
    return value === undefined || value === null ? '' : JSON.stringify(value, null, 2);
  return value.map((block) => text(block, 'text') ?? `[${text(block, 'type') ?? '?'}]`).join('\n');
}
