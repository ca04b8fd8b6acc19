/** Markdown as it is read out: the words without the signs. Not a parser: what it takes for a sign is left out, no more. Pure. */

/** What `markdown` says. */
export function spokenText(markdown: string): string {
  return (
    markdown
      // Fences, with the name of their language; rules; the lines under headings and under a table's head.
      .replace(/^[ \t]*(?:```|~~~).*$/gm, '')
      .replace(/^[ \t]*[-=*_|: \t]{3,}$/gm, '')
      // What lines begin with: headings, quotes, list marks, boxes of tasks.
      .replace(/^[ \t]*(?:(?:#{1,6}|>|[-+*]|\d+[.)])[ \t]+)+(?:\[[ xX]\][ \t]+)?/gm, '')
      // Pictures and links: what they are called.
      .replace(/!?\[([^\]\n]*)\](?:\([^()\s]*(?:[ \t]+"[^"\n]*")?\)|\[[^\]\n]*\])/g, '$1')
      .replace(/<(https?:[^<>\s]+)>/g, '$1')
      // Emphasis and code, but no sign in the midst of a word, as in `snake_case`.
      .replace(/`+/g, '')
      .replace(/\*{1,3}(?=\S)|(?<=\S)\*{1,3}|~~/g, '')
      .replace(/(?<![\p{L}\p{N}])_{1,3}(?=\S)|(?<=\S)_{1,3}(?![\p{L}\p{N}])/gu, '')
      .replace(/[ \t]*\|[ \t]*/g, ' ')
      .replace(/\s+/g, ' ')
      .trim()
  );
}
