/** Whether the view follows the log's end. Pure arithmetic on what the scroller measures. */

/** A scroller's measures, in CSS pixels. */
export interface Measures {
  readonly top: number;
  readonly view: number;
  readonly content: number;
}

/** Fractional pixels and rubber bands: this near counts as the end. */
export const AT_END_PX = 4;
/** Coming down, a reader this near to the end means the end. */
const NEAR_END_PX = 48;

/** How far the view's lower edge is from the content's end. */
export function distance({ top, view, content }: Measures): number {
  return Math.max(0, content - view - top);
}

/**
 * Whether the view follows the end after it moved. Moving up lets go, unless content that vanished moved it, or room that
 * came free below; coming near the end takes hold.
 */
export function follows(following: boolean, before: Measures, now: Measures): boolean {
  if (distance(now) <= AT_END_PX) return true;
  const laidOut = now.content < before.content || now.view > before.view;
  if (now.top < before.top - 1 && !laidOut) return false;
  return following || (now.top > before.top && distance(now) <= NEAR_END_PX);
}

/** Where the top has to be so that the same content stays in view after content was put above it. */
export function topAfterPrepend(before: Measures, now: Pick<Measures, 'content'>): number {
  return Math.max(0, now.content - before.content + before.top);
}

/** Whether the reader is near enough to the top for older content to be wanted. */
export function wantsOlder({ top, view }: Measures): boolean {
  return top < Math.max(600, view);
}
