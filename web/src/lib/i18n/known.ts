/** Words for what may be of a kind that this page does not know, since a newer workspace-agent wrote it. Pure. */
export function wordsFor<K extends string>(words: Record<K | 'other', string>, kind: K): string {
  return (words as Partial<Record<string, string>>)[kind] ?? words.other;
}
