/** Paths as a reader wants them: relative to the workspace. */

/** Where a workspace's files lie. */
const ROOTS = ['/home/workspace/', '/workspace/'];

/** `path` without the workspace's own part. */
export function relative(path: string): string {
  const root = ROOTS.find((prefix) => path.startsWith(prefix) && path.length > prefix.length);
  return root ? path.slice(root.length) : path;
}

/** The language of a file, for the highlighter, by its name. */
export function languageOf(path: string): string {
  return /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
}
