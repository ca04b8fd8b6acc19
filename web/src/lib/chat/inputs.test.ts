import { describe, expect, it } from 'vitest';
import type { ConversationView } from '../protocol/generated';
import { completed, completions } from './commands';
import { editRows } from './edits';
import { call, called, chatOf, said, taken, alone } from './fixtures';
import { contentOf, initialValues, readForm } from './form';
import { fits, inOrder, merge, refresh, without } from './list';
import { nest } from './nest';
import { blocksText } from './payload';
import { answersOf, readQuestions } from './questions';

describe('questions', () => {
  const input = {
    questions: [
      {
        question: 'Which colour?',
        header: 'Colour',
        multiSelect: false,
        options: [{ label: 'Red', description: 'warm' }],
      },
      {
        question: 'Which sizes?',
        header: 'Sizes',
        multiSelect: true,
        options: [{ label: 'S' }, { label: 'L' }],
      },
    ],
  };

  it('are read with their options', () => {
    expect(readQuestions(input)).toMatchObject([
      {
        question: 'Which colour?',
        multiple: false,
        options: [{ label: 'Red', description: 'warm', preview: '' }],
      },
      { question: 'Which sizes?', multiple: true, options: [{ label: 'S' }, { label: 'L' }] },
    ]);
  });

  it('of the wrong shape are left out', () => {
    const wrong = {
      questions: [null, 'x', { question: 1 }, { question: 'ok', options: [{}, null, { label: 'a' }] }],
    };
    expect(readQuestions(wrong)).toMatchObject([{ question: 'ok', options: [{ label: 'a' }] }]);
    expect(readQuestions(undefined)).toEqual([]);
  });

  it('are answered by their texts; several choices joined, open ones missing', () => {
    const questions = readQuestions(input);
    expect(answersOf(questions, [{ labels: [] }, { labels: ['S', 'L'], own: ' XXL ' }])).toEqual({
      'Which sizes?': 'S, L, XXL',
    });
    expect(answersOf(questions, [{ labels: [], own: '   ' }])).toEqual({});
  });
});

describe('a form', () => {
  const schema = {
    type: 'object',
    properties: {
      name: { type: 'string', title: 'Name', default: 'x' },
      mail: { type: 'string', format: 'email' },
      kind: { type: 'string', enum: ['a', 'b'], enumNames: ['A', 'B'] },
      count: { type: 'integer', minimum: 1, maximum: 9 },
      ok: { type: 'boolean', default: true },
      tags: { type: 'array', items: { anyOf: [{ const: 't', title: 'T' }] } },
    },
    required: ['name'],
  };

  it('has typed fields with what they begin with', () => {
    const fields = readForm(schema)!;
    expect(fields.map((field) => field.type)).toEqual([
      'text',
      'email',
      'choice',
      'integer',
      'boolean',
      'choices',
    ]);
    expect(fields[0]).toMatchObject({ title: 'Name', required: true });
    expect(fields[2]!.choices).toEqual([
      { value: 'a', title: 'A' },
      { value: 'b', title: 'B' },
    ]);
    expect(initialValues(fields)).toEqual({ name: 'x', mail: '', kind: '', count: '', ok: true, tags: [] });
  });

  it('gives typed values and leaves out what is empty', () => {
    const fields = readForm({ requested_schema: schema })!;
    const filled = { ...initialValues(fields), count: '4', tags: ['t'] };
    expect(contentOf(fields, filled)).toEqual({ name: 'x', count: 4, ok: true, tags: ['t'] });
  });

  it('that cannot be shown is none', () => {
    expect(readForm(undefined)).toBeUndefined();
    expect(readForm({ properties: { deep: { type: 'object' } } })).toBeUndefined();
    expect(readForm({ properties: { odd: 7 } })).toBeUndefined();
  });
});

describe('edits', () => {
  const edit = { json: { file_path: 'a', old_string: 'one\ntwo', new_string: 'one\nTWO' } };

  it('are what the tool says they were, and before that what they would be', () => {
    const details = { json: { structuredPatch: [{ oldStart: 5, newStart: 5, lines: ['-x'] }] } };
    expect(editRows(edit, details)).toMatchObject([{ kind: 'removed', before: 5 }]);
    expect(editRows(edit)!.map((row) => row.kind)).toEqual(['same', 'removed', 'added']);
    expect(editRows(edit, { json: { structuredPatch: [] } })).toHaveLength(3);
  });

  it('of new files are all added; of several places, parted', () => {
    expect(editRows({ json: { file_path: 'a', content: 'x\ny' } })).toHaveLength(2);
    const edits = [
      { old_string: 'a', new_string: 'b' },
      { old_string: 'c', new_string: 'd' },
    ];
    expect(editRows({ json: { edits } })!.map((row) => row.kind)).toEqual([
      'removed',
      'added',
      'gap',
      'removed',
      'added',
    ]);
  });

  it('that replace a file are not taken for a new one', () => {
    const input = { json: { file_path: 'a', content: 'x\ny' } };
    const cut = {
      media: 'json' as const,
      head: '{"type":"update",',
      tail: '}',
      bytes: 9,
      digest: 'd',
      chunks: 1,
    };
    expect(editRows(input, { cut })).toBeUndefined();
    expect(editRows(input, { cut: { ...cut, head: '{"type":"create",' } })).toHaveLength(2);
    expect(editRows(input, { json: { type: 'update', structuredPatch: [] } })).toEqual([]);
  });

  it('that are not loaded are none', () => {
    const cut = { media: 'json' as const, head: '{', tail: '}', bytes: 9, digest: 'd', chunks: 1 };
    expect(editRows({ cut })).toBeUndefined();
    expect(editRows({ json: { old_string: 'a' } })).toBeUndefined();
  });
});

describe('nesting', () => {
  it('puts a sub-agent’s work into its call, and its sub-agents’ into theirs', () => {
    const chat = chatOf([
      taken('m'),
      call('a', 'Task'),
      call('b', 'Task', 'a'),
      call('c', 'Read', 'b'),
      called('c'),
      said('x', 'after'),
    ]);
    const nodes = nest(chat.view(alone).turns[0]!.rows);
    expect(nodes.map((node) => node.row.kind)).toEqual(['message', 'call', 'text']);
    expect(nodes[1]!.inside[0]!.inside[0]!.row).toMatchObject({ toolUse: 'c', state: 'ok' });
  });

  it('shows at the top what has no call, and ends in rings', () => {
    const rows = chatOf([call('a', 'Task', 'b'), call('b', 'Task', 'a'), call('c', 'Read', 'gone')]).view(
      alone,
    ).turns[0]!.rows;
    expect(nest(rows).map((node) => node.row)).toEqual([rows[2]]);
    const self = chatOf([call('a', 'Task', 'a')]).view(alone).turns[0]!.rows;
    expect(nest(self)).toHaveLength(1);
  });
});

describe('commands', () => {
  const commands = ['compact', 'clear', 'code-review'].map((name) => ({
    name,
    description: '',
    argument_hint: '',
  }));
  const names = (typed: string) => completions(typed, commands).map(({ name }) => name);

  it('are offered at the start of a message only', () => {
    expect(names('/')).toEqual(['compact', 'clear', 'code-review']);
    expect(names('/CO')).toEqual(['compact', 'code-review']);
    expect(names('/review')).toEqual(['code-review']);
    expect([names('hello /co'), names('/compact now'), names('/home/user'), names('')]).toEqual([
      [],
      [],
      [],
      [],
    ]);
  });

  it('leave room for what may follow', () => {
    expect(completed(commands[0]!)).toBe('/compact ');
  });
});

describe('the list', () => {
  const view = (id: string, version: number, last: number, title = id, changed = last): ConversationView => ({
    id,
    version,
    title,
    created_at: 0,
    changed_at: changed,
    summary: {
      state: 'idle',
      prompts: [],
      unknown_at: 0,
      settings: { mode: 'default' },
      cost_usd: 0,
      last_at: last,
    },
    waiting: 0,
    settings: { mode: 'default' },
  });

  it('keeps the highest version of each, newest activity first', () => {
    const listed = merge(merge(new Map(), [view('a', 2, 10), view('b', 1, 20)]), [
      view('a', 1, 99),
      view('b', 2, 5),
    ]);
    expect(inOrder(listed.values()).map(({ id, version }) => `${id}${version}`)).toEqual(['a2', 'b2']);
    expect([...without(listed, 'a').keys()]).toEqual(['b']);
  });

  it('loses, on a new link, what should have been named and was not', () => {
    const listed = merge(new Map(), [view('a', 1, 30), view('gone', 1, 25), view('old', 1, 5)]);
    expect([...refresh(listed, [view('a', 1, 30), view('b', 1, 20)], true).keys()].sort()).toEqual([
      'a',
      'b',
      'old',
    ]);
    expect([...refresh(listed, [view('a', 1, 30)], false).keys()]).toEqual(['a']);
    // One that was renamed changed last, however long ago anything happened in it.
    const renamed = [view('a', 1, 30), view('renamed', 2, 1, 'new', 28)];
    expect([...refresh(listed, renamed, true).keys()].sort()).toEqual(['a', 'gone', 'old', 'renamed']);
  });

  it('finds titles whatever their case and however their Hangul is composed', () => {
    expect(fits(view('a', 1, 1, 'Tidy the Makefile'), 'MAKE')).toBe(true);
    expect(fits(view('a', 1, 1, '배포 스크립트'), '배포'.normalize('NFD'))).toBe(true);
    expect(fits(view('a', 1, 1, 'x'), 'y')).toBe(false);
  });
});

it('a result’s blocks are read as text', () => {
  expect(blocksText([{ type: 'text', text: 'a' }, { type: 'image' }])).toBe('a\n[image]');
  expect(blocksText('x')).toBe('x');
  expect(blocksText(undefined)).toBe('');
  expect(blocksText({ a: 1 })).toContain('"a"');
});
