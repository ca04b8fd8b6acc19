/** The diff of a file tool's call: what it did once there is a result, what it would do before. Pure. */
import type { Payload } from '../protocol/generated';
import { type DiffRow, newFileRows, patchRows, textRows } from '../text/diff';
import { cutOf, isObject, jsonOf, list, text } from './payload';

/** The rows of an edit, or undefined if this is none or too little of it is loaded to say. */
export function editRows(input: Payload, details?: Payload): DiffRow[] | undefined {
  const account = jsonOf(details);
  const patched = isObject(account) ? patchRows(account['structuredPatch']) : undefined;
  if (patched) return patched;
  const asked = jsonOf(input);
  // What a whole new content replaced stands in the account alone.
  if (text(asked, 'content') !== undefined) {
    if (text(account, 'type') === 'update') return [];
    if (cutOf(details)?.head.includes('"type":"update"')) return undefined;
  }
  return inputRows(asked);
}

/** The rows that an input stands for. */
export function inputRows(input: unknown): DiffRow[] | undefined {
  const content = text(input, 'content');
  if (content !== undefined) return newFileRows(content);
  const source = text(input, 'new_source');
  if (source !== undefined) return newFileRows(source);
  const edits = list(input, 'edits');
  if (edits.length > 0) return joined(edits);
  return replacement(input);
}

function joined(edits: readonly unknown[]): DiffRow[] {
  return edits.flatMap((edit, index) => {
    const rows = replacement(edit) ?? [];
    return index > 0 ? [{ kind: 'gap' as const, text: '' }, ...rows] : rows;
  });
}

function replacement(edit: unknown): DiffRow[] | undefined {
  const before = text(edit, 'old_string');
  const after = text(edit, 'new_string');
  return before === undefined || after === undefined ? undefined : textRows(before, after);
}
