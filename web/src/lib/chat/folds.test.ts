import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Event, Summary } from '../protocol/generated';
import { Fold } from './fold';

/** What a log comes to, as the list of conversations has it: `protocol/tests/it/folds.rs` says where these are from. */
const steps = readFileSync('../tests/fixtures/folds.jsonl', 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as { event: Event; summary: Summary });

describe('a log', () => {
  it('comes to the same in the page as in the list', () => {
    let fold = new Fold();
    for (const { event, summary } of steps) {
      if (event.n === 1) fold = new Fold();
      fold.apply(event);
      const seen = {
        state: fold.state ?? 'idle',
        current: fold.current,
        prompts: [...fold.prompts.keys()],
        settings: fold.settings ?? { mode: 'default' },
      };
      const { state, current, prompts, settings } = summary;
      expect({ n: event.n, kind: event.kind, ...seen }).toEqual({
        n: event.n,
        kind: event.kind,
        state,
        current,
        prompts,
        settings,
      });
    }
  });
});
