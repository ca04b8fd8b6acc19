/** Scrolling a terminal with a finger, which xterm.js leaves to its user. */
import type { Terminal } from '@xterm/xterm';

/** A finger that moves scrolls what was printed; in a program that has the whole screen it turns the wheel. */
export function scrolledByTouch(terminal: Terminal): void {
  const { element } = terminal;
  if (!element) return;
  let last: number | undefined;
  let rest = 0;
  element.addEventListener('touchstart', (event) => {
    last = event.touches.length === 1 ? event.touches[0]?.clientY : undefined;
    rest = 0;
  });
  element.addEventListener(
    'touchmove',
    (event) => {
      const at = event.touches[0]?.clientY;
      if (last === undefined || at === undefined || event.touches.length !== 1) return;
      event.preventDefault();
      rest += (last - at) / (element.clientHeight / terminal.rows);
      last = at;
      const lines = Math.trunc(rest);
      rest -= lines;
      if (lines !== 0) scroll(terminal, element, lines, event.touches[0]);
    },
    { passive: false },
  );
}

function scroll(terminal: Terminal, element: HTMLElement, lines: number, at: Touch | undefined): void {
  const { buffer, modes } = terminal;
  if (buffer.active.type === 'normal' && modes.mouseTrackingMode === 'none')
    return terminal.scrollLines(lines);
  const { clientX = 0, clientY = 0 } = at ?? {};
  for (let i = 0; i < Math.abs(lines); i++) {
    const turn = { deltaY: Math.sign(lines), deltaMode: WheelEvent.DOM_DELTA_LINE, clientX, clientY };
    element.dispatchEvent(new WheelEvent('wheel', { ...turn, bubbles: true, cancelable: true }));
  }
}
