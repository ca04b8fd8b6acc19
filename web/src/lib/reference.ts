/** The API's description of itself, as far as a reader wants it. Pure, but for the fetching. */

/** One endpoint. */
export interface Endpoint {
  method: string;
  path: string;
  summary: string;
  description: string;
  /** The scope that a token needs; absent: not for tokens. */
  scope?: string;
  parameters: readonly { name: string; where: string; type: string; required: boolean; words: string }[];
  body?: string;
  answers: readonly { status: string; words: string; type: string }[];
}

/** Endpoints that belong together. */
export interface Group {
  name: string;
  words: string;
  endpoints: readonly Endpoint[];
}

/** A named shape. */
export interface Shape {
  name: string;
  words: string;
  text: string;
}

interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  oneOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: Schema | boolean;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

type Contents = Record<string, { schema?: Schema }>;

interface Operation {
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { content: Contents };
  responses: Record<string, { description: string; content?: Contents }>;
  security?: Record<string, string[]>[];
}

/** The document, as far as it is read here. */
export interface Document {
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Fetches the document. */
export async function fetchReference(): Promise<Document> {
  const answer = await fetch('/api/openapi.json');
  if (!answer.ok) throw new Error(answer.statusText);
  return (await answer.json()) as Document;
}

/** The endpoints by group, in the document's order. */
export function groups(document: Document): Group[] {
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation
        ? [{ tag: operation.tags?.[0] ?? '', endpoint: endpoint(method, path, operation) }]
        : [];
    }),
  );
  return document.tags
    .map(({ name, description = '' }) => ({
      name,
      words: description,
      endpoints: all.filter(({ tag }) => tag === name).map((one) => one.endpoint),
    }))
    .filter((group) => group.endpoints.length > 0);
}

function endpoint(method: string, path: string, operation: Operation): Endpoint {
  const scope = operation.security?.find((way) => 'token' in way)?.['token']?.[0];
  const body = operation.requestBody && typeOfContent(operation.requestBody.content);
  // What every endpoint may refuse with is said once.
  const answers = Object.entries(operation.responses).filter(([status]) => /^[23]/.test(status));
  return {
    method: method.toUpperCase(),
    path,
    summary: operation.summary ?? '',
    description: operation.description ?? '',
    ...(scope === undefined ? {} : { scope }),
    parameters: (operation.parameters ?? []).map((parameter) => ({
      name: parameter.name,
      where: parameter.in,
      type: typeOf(parameter.schema ?? {}),
      required: parameter.required ?? false,
      words: parameter.description ?? '',
    })),
    ...(body ? { body } : {}),
    answers: answers.map(([status, answer]) => ({
      status,
      words: answer.description,
      type: answer.content ? typeOfContent(answer.content) : '',
    })),
  };
}

function typeOfContent(content: Contents): string {
  const [[kind, { schema }] = ['', { schema: undefined }]] = Object.entries(content);
  return kind === 'application/json' && schema ? typeOf(schema) : kind;
}

/** A schema in a few words. */
export function typeOf(schema: Schema): string {
  if (schema.$ref) return schema.$ref.split('/').at(-1) ?? '';
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const parts = schema.oneOf ?? schema.allOf;
  if (parts) {
    const several = parts.map(typeOf).filter((type) => type !== '' && type !== 'null');
    return [...new Set(several)].join(schema.oneOf ? ' | ' : ' & ');
  }
  const type = [schema.type ?? 'object'].flat().filter((one) => one !== 'null');
  if (type[0] === 'array') return `${schema.items ? typeOf(schema.items) : 'unknown'}[]`;
  if (type[0] === 'object') return objectOf(schema);
  return schema.format ? `${type.join(' | ')} (${schema.format})` : type.join(' | ');
}

function objectOf({ properties, required = [], additionalProperties }: Schema): string {
  if (!properties) {
    const values = typeof additionalProperties === 'object' ? typeOf(additionalProperties) : '';
    return values ? `{ [name]: ${values} }` : 'object';
  }
  const fields = Object.entries(properties).map(
    ([name, schema]) => `${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`,
  );
  return `{ ${fields.join(', ')} }`;
}

/** The named shapes, by name. */
export function shapes(document: Document): Shape[] {
  return Object.entries(document.components.schemas)
    .map(([name, schema]) => ({ name, words: schema.description ?? '', text: shape(schema) }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

function shape(schema: Schema): string {
  if (schema.properties && !schema.oneOf) {
    const required = schema.required ?? [];
    return Object.entries(schema.properties)
      .map(([name, field]) => {
        const words = field.description ? `  // ${field.description.split('\n')[0]}` : '';
        return `${name}${required.includes(name) ? '' : '?'}: ${typeOf(field)}${words}`;
      })
      .join('\n');
  }
  return (schema.oneOf ?? [schema]).map(typeOf).join('\n| ');
}
