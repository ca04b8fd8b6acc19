/** How long to wait before dialling again. */

/** The first wait: a restart of the control plane is over in about this time. */
const FIRST_MS = 300;
/** The longest wait: a person looking at the page should not have to reach for the reload button. */
const LONGEST_MS = 15_000;

/** The wait before try `attempt`, counted from 0: doubling, then jittered to between a half and all of it. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return full * (0.5 + random() / 2);
}
