/** Words for what may be of a kind that this page does not know, since a newer workspace-agent wrote it. Pure. */
export function wordsFor<K extends string, W>(words: Record<K | 'other', W>, kind: K): W {
  return (words as Partial<Record<string, W>>)[kind] ?? words.other;
}
