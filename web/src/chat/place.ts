/** A reader's place in a scroller, tied to what they see rather than to a distance from an end. */

/** A place to come back to. */
export interface Place {
  /** Puts what was in view back where it was. False if it is gone. */
  restore(): boolean;
}

/** The place of whoever looks at `scroller` now: its first element in view, rows before turns. */
export function placeIn(scroller: HTMLElement, content: HTMLElement): Place | undefined {
  const edge = scroller.getBoundingClientRect().top;
  const turn = firstBelow(content.querySelectorAll(':scope > section'), edge);
  const seen = turn && [firstBelow(turn.children, edge), turn].filter((element) => element !== undefined);
  if (!seen) return undefined;
  const offsets = seen.map((element) => ({ element, offset: element.getBoundingClientRect().top }));
  return {
    restore() {
      const found = offsets.find(({ element }) => element.isConnected);
      if (found) scroller.scrollTop += found.element.getBoundingClientRect().top - found.offset;
      return found !== undefined;
    },
  };
}

function firstBelow(elements: Iterable<Element>, edge: number): Element | undefined {
  return [...elements].find((element) => element.getBoundingClientRect().bottom > edge);
}
