/** Coming back to the page: what it shows may be old by then. */

/** Calls `what` whenever the page is in sight again, as long as the component lives. */
export function onReturn(what: () => Promise<void>): void {
  $effect(() => {
    const seen = () => {
      if (document.visibilityState === 'visible') void what();
    };
    document.addEventListener('visibilitychange', seen);
    return () => document.removeEventListener('visibilitychange', seen);
  });
}
