/** Completion of slash commands at the start of a message. Pure. */
import type { CommandOffer } from '../protocol/generated';

/** As many as fit above the message field on a phone. */
const SHOWN = 8;

/** The commands that fit what is typed; none once a space follows, or where it is no command at all. */
export function completions(typed: string, commands: readonly CommandOffer[]): CommandOffer[] {
  const word = /^\/([^\s/]*)$/.exec(typed)?.[1]?.toLowerCase();
  if (word === undefined) return [];
  const beginning = commands.filter(({ name }) => name.toLowerCase().startsWith(word));
  const within = commands.filter(({ name }) => name.toLowerCase().indexOf(word) > 0);
  return [...beginning, ...within].slice(0, SHOWN);
}

/** What the message says once a command is taken. */
export function completed({ name }: CommandOffer): string {
  return `/${name} `;
}
