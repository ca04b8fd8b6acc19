/** The recordings on the user's volume, as a command lists them. Pure. */

/** Where they are. */
const FOLDER = '/workspace/recordings';
/** As many as anybody looks through. */
const MOST = 200;

/** A line a recording, each ended by a NUL: when it was last written, its size, its name. The newest first. */
export const LISTING = `find ${FOLDER} -maxdepth 1 -type f -name '*.cast' -printf '%T@ %s %f\\0' | sort -zrn | head -zn ${MOST}`;

/** A recording. */
export interface Recording {
  /** Its path. */
  readonly file: string;
  /** The terminal's name, as far as a file's name can hold it. */
  readonly name: string;
  /** When it was last written, in milliseconds since 1970. */
  readonly at: number;
  /** Its size. */
  readonly bytes: number;
}

/** What the command has printed. A name that is not UTF-8 is none that could be asked for again. */
export function parseListing(text: string): Recording[] {
  return text.split('\0').flatMap((line) => {
    const [, at, bytes, file] = /^(\d+)(?:\.\d+)? (\d+) ([^/]+\.cast)$/s.exec(line) ?? [];
    if (file === undefined || file.includes('\ufffd')) return [];
    const name = file.replace(/(-\d{9,11}-[0-9a-f]{8})?\.cast$/, '') || file;
    return [{ file: `${FOLDER}/${file}`, name, at: Number(at) * 1000, bytes: Number(bytes) }];
  });
}
