/** The part of the REST API about keys and deeds: fetched with the pages that use it. */
import { ask } from './api';
import type { AuditRows, CreateToken, ModelKeyView, NewToken, TokenView } from './protocol/generated';

/** One's API tokens, the newest first. */
export async function tokens(): Promise<TokenView[]> {
  return ((await (await ask('GET', '/api/tokens')).json()) as { tokens: TokenView[] }).tokens;
}

/** Makes an API token. Its text comes this once. */
export async function createToken(wanted: CreateToken): Promise<NewToken> {
  return (await ask('POST', '/api/tokens', wanted)).json() as Promise<NewToken>;
}

/** Revokes an API token. */
export async function revokeToken(id: string): Promise<void> {
  await ask('DELETE', `/api/tokens/${id}`);
}

/** What is known of one's own key for the model. */
export async function modelKey(): Promise<ModelKeyView> {
  return (await ask('GET', '/api/user/model-key')).json() as Promise<ModelKeyView>;
}

/** Uses one's own key from now on, if the model's API takes it. */
export async function setModelKey(key: string): Promise<ModelKeyView> {
  return (await ask('PUT', '/api/user/model-key', { key })).json() as Promise<ModelKeyView>;
}

/** Removes one's own key. */
export async function removeModelKey(): Promise<void> {
  await ask('DELETE', '/api/user/model-key');
}

/** Which deeds. */
export interface AuditQuery {
  who?: string;
  kind?: string;
  about?: string;
  from?: number;
  until?: number;
}

/** The query's text, without what it does not say. */
export function auditSearch(query: AuditQuery, before?: number): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, before })) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text && `?${text}`;
}

/** What was done, for operators. */
export async function audit(query: AuditQuery, before?: number): Promise<AuditRows> {
  return (await ask('GET', `/api/operator/audit${auditSearch(query, before)}`)).json() as Promise<AuditRows>;
}

/** What one did, and what was done to what is one's own. */
export async function ownAudit(before?: number): Promise<AuditRows> {
  return (await ask('GET', `/api/user/audit${auditSearch({}, before)}`)).json() as Promise<AuditRows>;
}
