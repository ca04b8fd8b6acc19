/** Whose size a terminal has, and how it is shown where that is not ours. Pure. */

/** Columns and rows. */
export interface Size {
  readonly cols: number;
  readonly rows: number;
}

/** No program makes sense of less, and the protocol takes no more. */
export const LEAST: Size = { cols: 2, rows: 1 };

/** Smaller letters are not read by anybody; what still does not fit is scrolled to. */
export const SMALLEST_FONT = 7;

/** Whether two sizes are the same. */
export function same(a: Size, b: Size): boolean {
  return a.cols === b.cols && a.rows === b.rows;
}

/** What fits into a pane. */
export function fitting(width: number, height: number, cell: { width: number; height: number }): Size {
  const cols = Math.floor(width / cell.width);
  const rows = Math.floor(height / cell.height);
  return { cols: Math.max(LEAST.cols, cols), rows: Math.max(LEAST.rows, rows) };
}

/**
 * How a viewer shows a terminal. Whoever owns the size has the terminal follow the pane; anybody else sees it whole in
 * the size that it has, in smaller letters where need be.
 */
export type Showing = { type: 'follow'; size: Size } | { type: 'letterbox'; size: Size; font: number };

/** How to show a terminal of size `terminal` in a pane where `fits` fits in letters of size `font`. */
export function showing(owns: boolean, fits: Size, terminal: Size, font: number): Showing {
  if (owns) return { type: 'follow', size: fits };
  const scale = Math.min(1, fits.cols / terminal.cols, fits.rows / terminal.rows);
  return { type: 'letterbox', size: terminal, font: Math.max(SMALLEST_FONT, Math.floor(font * scale)) };
}
