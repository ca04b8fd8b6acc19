/** A form that an MCP server asks for: the flat JSON schema it sends, as typed fields. Pure. */
import { isObject, type Json, list, text } from './payload';

/** One field. */
export interface Field {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly required: boolean;
  readonly type:
    | 'text'
    | 'email'
    | 'url'
    | 'date'
    | 'datetime-local'
    | 'number'
    | 'integer'
    | 'boolean'
    | 'choice'
    | 'choices';
  readonly choices: readonly { value: string; title: string }[];
  readonly initial: unknown;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** What is filled in, as the inputs hold it. */
export type Filled = Record<string, string | boolean | readonly string[]>;

const FORMATS: Record<string, Field['type']> = {
  email: 'email',
  uri: 'url',
  date: 'date',
  'date-time': 'datetime-local',
};

/** The fields of a form, in the schema's order; undefined if there is none to show. */
export function readForm(input: unknown): Field[] | undefined {
  const schema = isObject(input) && isObject(input['requested_schema']) ? input['requested_schema'] : input;
  if (!isObject(schema) || !isObject(schema['properties'])) return undefined;
  const required = new Set(list(schema, 'required'));
  const fields = Object.entries(schema['properties']).map(([name, property]) => {
    return isObject(property) ? readField(name, property, required.has(name)) : undefined;
  });
  return fields.some((field) => field === undefined) ? undefined : (fields as Field[]);
}

/** What a form begins with. */
export function initialValues(fields: readonly Field[]): Filled {
  return Object.fromEntries(
    fields.map(({ name, type, initial }): [string, Filled[string]] => {
      if (type === 'boolean') return [name, initial === true];
      if (type === 'choices') return [name, Array.isArray(initial) ? initial.map(String) : []];
      return [name, typeof initial === 'string' || typeof initial === 'number' ? String(initial) : ''];
    }),
  );
}

/** The values to send: typed, and without fields that were left empty. */
export function contentOf(fields: readonly Field[], filled: Filled): Json {
  const entries = fields.flatMap(({ name, type }): [string, unknown][] => {
    const value = filled[name];
    if (value === undefined || value === '') return [];
    if (type === 'number' || type === 'integer') return [[name, Number(value)]];
    if (type === 'datetime-local') return [[name, new Date(String(value)).toISOString()]];
    return [[name, value]];
  });
  return Object.fromEntries(entries);
}

function readField(name: string, property: Json, required: boolean): Field | undefined {
  const type = typeOf(property);
  if (!type) return undefined;
  return {
    name,
    title: text(property, 'title') ?? name,
    description: text(property, 'description') ?? '',
    required,
    type,
    choices: choicesOf(type === 'choices' ? property['items'] : property),
    initial: property['default'],
    min: number(property['minimum'] ?? property['minLength']),
    max: number(property['maximum'] ?? property['maxLength']),
  };
}

function typeOf(property: Json): Field['type'] | undefined {
  const type = text(property, 'type');
  if (choicesOf(property).length > 0) return 'choice';
  if (type === 'array') return choicesOf(property['items']).length > 0 ? 'choices' : undefined;
  if (type === 'number' || type === 'integer' || type === 'boolean') return type;
  if (type !== 'string') return undefined;
  return FORMATS[text(property, 'format') ?? ''] ?? 'text';
}

/** `enum` with `enumNames`, or `oneOf`/`anyOf` of constants with titles. */
function choicesOf(schema: unknown): { value: string; title: string }[] {
  const names = list(schema, 'enumNames');
  const plain = list(schema, 'enum').map((value, index) => ({
    value: String(value),
    title: String(names[index] ?? value),
  }));
  const titled = [...list(schema, 'oneOf'), ...list(schema, 'anyOf')].flatMap((entry) => {
    const value = text(entry, 'const');
    return value === undefined ? [] : [{ value, title: text(entry, 'title') ?? value }];
  });
  return [...plain, ...titled];
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
