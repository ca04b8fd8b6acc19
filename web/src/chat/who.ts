/** Names of people in sentences. */
import type { Dictionary } from '../lib/i18n/en';
import type { Me, Person } from '../lib/protocol/generated';

/** What the control plane calls the only user of an Atelier without accounts: a word, not a name. */
const LOCAL = 'You';

/** What a person is called, in the reader's language. */
export function nameOf(person: Pick<Person, 'name'>, t: Dictionary): string {
  return person.name === LOCAL ? t.ui.me : person.name;
}

/** The person as a sentence's subject: "You" for the reader, or what they call their script; everybody else by name. */
export function subject(person: Person, me: Me, t: Dictionary): string {
  if (person.id !== me.id) return t.message.who(person.name);
  return person.token === undefined ? t.message.you : t.message.byScript(person.token);
}
