/** Which links of a terminal may be followed: what a program prints is not to be trusted. Pure. */

/** The address to open, if it is one of the web. */
export function webAddress(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
  } catch {
    return undefined;
  }
}
