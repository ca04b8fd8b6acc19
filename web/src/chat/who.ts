/** Names of people in sentences. */
import type { Dictionary } from '../lib/i18n/en';
import type { Me, Person } from '../lib/protocol/generated';

/** The person as a sentence's subject: "You" for the reader, everybody else by name. */
export function subject(person: Person, me: Me, t: Dictionary): string {
  return person.id === me.id ? t.message.you : t.message.who(person.name);
}
