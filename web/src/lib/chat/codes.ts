/**
 * Words for codes of the protocol. Within a protocol version codes are only added: a control plane may say one that
 * this page has never heard of, and the page must not fall over it.
 */
import type { FailureCode } from '../api';
import type { Dictionary } from '../i18n/en';
import type { Mode } from '../protocol/generated';

/** What a permission mode is called, and what it means. */
export function modeWords(mode: Mode, t: Dictionary): { name: string; hint: string } {
  return entry(t.modes, mode) ?? { name: mode, hint: '' };
}

/** Why a request failed. */
export function failureWords(code: FailureCode, t: Dictionary): string {
  return entry(t.errors, code) ?? t.errors.internal;
}

function entry<V>(table: Record<string, V>, key: string): V | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
