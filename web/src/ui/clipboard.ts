/** Puts text on the clipboard; false where the browser does not let a page do that (plain HTTP, a refusal). */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** How long a button says that it has copied. */
export const COPIED_MS = 1500;
