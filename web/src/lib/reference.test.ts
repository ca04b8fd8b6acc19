import { describe, expect, it } from 'vitest';
import { groups, shapes, typeOf, type Document } from './reference';

const document: Document = {
  tags: [{ name: 'a', description: 'First.' }, { name: 'empty' }],
  paths: {
    '/api/things/{id}': {
      get: {
        tags: ['a'],
        summary: 'One.',
        parameters: [
          { name: 'id', in: 'path', required: true, schema: { $ref: '#/components/schemas/ThingId' } },
        ],
        responses: {
          '200': { description: 'It.', content: { 'application/json': { schema: { $ref: '#/x/Thing' } } } },
          '404': { description: 'None.' },
        },
        security: [{ token: ['read'] }, { session: [] }],
      },
      delete: { tags: ['a'], responses: { '204': { description: 'Gone.' } }, security: [{ session: [] }] },
    },
  },
  components: {
    schemas: {
      ThingId: { type: 'string', format: 'uuid' },
      Kind: { type: 'string', enum: ['x', 'y'] },
      Thing: {
        type: 'object',
        required: ['id'],
        properties: { id: { $ref: '#/ThingId' }, more: { type: ['integer', 'null'] } },
      },
    },
  },
};

describe('the reference', () => {
  it('groups endpoints, says who may, and leaves out what every endpoint refuses with', () => {
    const [group, ...rest] = groups(document);
    expect(rest).toEqual([]);
    expect(group?.endpoints.map(({ method, scope }) => [method, scope])).toEqual([
      ['GET', 'read'],
      ['DELETE', undefined],
    ]);
    expect(group?.endpoints[0]?.answers).toEqual([{ status: '200', words: 'It.', type: 'Thing' }]);
    expect(group?.endpoints[0]?.parameters[0]).toMatchObject({ name: 'id', type: 'ThingId', required: true });
  });

  it('names types in a few words', () => {
    expect(typeOf({ oneOf: [{ type: 'null' }, { $ref: '#/Thing' }] })).toBe('Thing');
    expect(typeOf({ type: 'array', items: { type: 'string' } })).toBe('string[]');
    expect(typeOf({ type: 'object', additionalProperties: { type: 'string' } })).toBe('{ [name]: string }');
    expect(shapes(document).map(({ name, text }) => [name, text])).toEqual([
      ['Kind', '"x" | "y"'],
      ['Thing', 'id: ThingId\nmore?: integer'],
      ['ThingId', 'string (uuid)'],
    ]);
  });
});
