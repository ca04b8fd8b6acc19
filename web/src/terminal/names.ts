/** What terminals are called, and how they stand. Pure. */
import type { Shape } from '../lib/chat/status';
import type { Terminal, TerminalPhase } from '../lib/protocol/generated';
import type { TerminalWords } from '../lib/terminal/words';

/** The name of the next shell: the first number that none has. */
export function shellName(all: readonly Terminal[], w: TerminalWords): string {
  const taken = new Set(all.map(({ name }) => name));
  let n = 1;
  while (taken.has(w.shellName(n))) n++;
  return w.shellName(n);
}

/** The shape of a terminal's state. */
export function phaseShape(phase: TerminalPhase): Shape {
  switch (phase.type) {
    case 'waiting':
      return 'working';
    case 'running':
    case 'other':
      return 'idle';
    case 'exited':
      return phase.code === 0 ? 'off' : 'trouble';
    case 'killed':
    case 'failed':
      return 'trouble';
  }
}

/** A terminal's state in a word. */
export function phaseWord(phase: TerminalPhase, w: TerminalWords): string {
  switch (phase.type) {
    case 'waiting':
      return w.states.waiting;
    case 'running':
    case 'other':
      return w.states.running;
    case 'exited':
    case 'killed':
      return w.states.exited;
    case 'failed':
      return w.states.failed;
  }
}

/** How a program ended; nothing while it has not. */
export function endWords(phase: TerminalPhase, w: TerminalWords): string | undefined {
  switch (phase.type) {
    case 'waiting':
    case 'running':
    case 'other':
      return undefined;
    case 'exited':
      return w.exited(phase.code);
    case 'killed':
      return w.killed(phase.signal);
    case 'failed':
      return phase.not_lent && phase.not_lent !== 'other'
        ? w.notLent[phase.not_lent]
        : w.failed(phase.detail);
  }
}
