/** Text of blocks that are not final yet, as deltas bring it. Transient: never stored, dropped when final. */
import type { BlockId, FromServer } from '../protocol/generated';
import type { LiveBlock, Row } from './model';

type Delta = FromServer & { type: 'live' };

interface Entry {
  block: LiveBlock;
  /** Said before the last reconnect and not again since. */
  stale: boolean;
  row?: Row | undefined;
}

/** The live blocks of one conversation, in the order they began. */
export class Live {
  readonly #blocks = new Map<BlockId, Entry>();

  /** Whether anything streams. */
  get any(): boolean {
    return this.#blocks.size > 0;
  }

  /** Takes a delta. After a reconnect a block's first one says all of it again. */
  push(delta: Delta, now: number): void {
    const known = this.#blocks.get(delta.block);
    const text = known && !delta.restart && !known.stale ? known.block.text + delta.text : delta.text;
    const { block, what, parent } = delta;
    this.#blocks.set(block, {
      block: { block, what, parent, at: known?.block.at ?? now, text },
      stale: false,
    });
  }

  /** Removes blocks that are final or will never be. */
  remove(blocks: Iterable<BlockId>): void {
    for (const block of blocks) this.#blocks.delete(block);
  }

  /** Removes everything that Claude itself was saying; what sub-agents say goes on. */
  endTurn(): void {
    for (const [id, { block }] of this.#blocks) if (!block.parent) this.#blocks.delete(id);
  }

  /** Removes everything. */
  clear(): void {
    this.#blocks.clear();
  }

  /** The link was lost in between: keep showing what was said until the server has said what still lives. */
  reconnected(): void {
    for (const entry of this.#blocks.values()) entry.stale = true;
  }

  /** Removes what the server has not said again. */
  dropStale(): void {
    for (const [id, entry] of this.#blocks) if (entry.stale) this.#blocks.delete(id);
  }

  /** The blocks as rows. */
  rows(): Row[] {
    return [...this.#blocks.values()].flatMap((entry) => (entry.row ??= rowOf(entry.block)) ?? []);
  }
}

function rowOf({ block, what, parent, at, text }: LiveBlock): Row | undefined {
  const base = { key: `b:${block}`, n: Infinity, at, parent };
  switch (what.type) {
    case 'text':
      return { kind: 'text', ...base, text: { text }, live: true, aborted: false };
    case 'thinking':
      return { kind: 'thinking', ...base, text: { text }, live: true };
    case 'tool_input':
      return {
        kind: 'call',
        ...base,
        tool: what.tool,
        subject: '',
        input: { text },
        state: 'writing',
        since: at,
      };
    default:
      return undefined;
  }
}
