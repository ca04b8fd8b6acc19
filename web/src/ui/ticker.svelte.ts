/** The time as something that components can read and be redrawn by, once a second while any of them looks. */
import { createSubscriber } from 'svelte/reactivity';
import { serverNow } from '../lib/clock';

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** The server's time now; whoever reads it is redrawn every second. */
export function tick(): number {
  subscribe();
  return serverNow();
}
