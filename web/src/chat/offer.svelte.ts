/** Text that is offered to the message field from elsewhere on the page: an example, a message to be edited. */

let offered = $state.raw<{ text: string } | undefined>();

/** Offers `text`; the message field takes it. */
export function offerDraft(text: string): void {
  offered = { text };
}

/** The offer, once. */
export function takeOffer(): string | undefined {
  const text = offered?.text;
  offered = undefined;
  return text;
}

/** Whether there is an offer; reactive. */
export function hasOffer(): boolean {
  return offered !== undefined;
}
