/**
 * The server's time, as far as this browser can tell. Its events carry the server's clock; what is said about them
 * ("for 12 s") must not be wrong because this device's clock is.
 */

/** A `Date` header counts whole seconds and answers take time: smaller differences mean nothing. */
const NOTICEABLE_MS = 2000;

let ahead = 0;

/** Learns from an answer's `Date` header; `sent` and `received` are this device's times. */
export function observeDate(header: string | null, sent: number, received: number): void {
  const server = header ? Date.parse(header) : NaN;
  if (Number.isNaN(server)) return;
  const difference = server - (sent + received) / 2;
  ahead = Math.abs(difference) > NOTICEABLE_MS ? difference : 0;
}

/** The server's time now. */
export function serverNow(): number {
  return Date.now() + ahead;
}
