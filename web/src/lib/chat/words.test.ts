import { describe, expect, it } from 'vitest';
import { plain } from '../i18n/code';
import { en } from '../i18n/en';
import { ko } from '../i18n/ko';
import type { ActivityKind, Phase, Suggestion } from '../protocol/generated';
import { announcements } from './announce';
import { alone, type Body, chatOf, events, hana, prompt, result, said, taken } from './fixtures';
import { failureWords, modeWords } from './codes';
import { answeredWords, lineWords } from './lines';
import { modelWords } from '../i18n/model';
import { rareWords } from '../i18n/rare';
import { phaseTitle, reasonWords } from '../i18n/workspace';
import { turnErrorWords } from './errors';
import { activityWords, isDown, isOnHold, linkWords, shapeOf } from './status';
import { suggestionWords } from './suggest';
import { subjectOf, subjectSoFar, toolName, verbOf } from './tools';

describe('what "always" covers', () => {
  const words = (suggestion: Suggestion) => plain(suggestionWords(suggestion, en));

  it('is said for rules, with their reach', () => {
    const rules = (content: string | undefined, tool = 'Bash'): Suggestion => ({
      type: 'rules',
      rules: [content === undefined ? { tool } : { tool, content }],
      reach: 'workspace',
    });
    expect(words(rules('npm test'))).toBe('Always allow npm test in this workspace');
    expect(words(rules('npm test:*'))).toBe(
      'Always allow commands that begin with npm test in this workspace',
    );
    expect(words(rules('domain:docs.rs', 'WebFetch'))).toBe(
      'Always allow fetching from docs.rs in this workspace',
    );
    expect(words(rules(undefined, 'mcp__git__log'))).toBe(
      'Always allow every use of git: log in this workspace',
    );
    expect(words(rules('/etc/**', 'Read'))).toBe('Always allow Read /etc/** in this workspace');
  });

  it('is said for modes and folders', () => {
    expect(words({ type: 'mode', mode: 'acceptEdits', reach: 'session' })).toBe(
      'Accept all edits in this conversation',
    );
    expect(words({ type: 'mode', mode: 'plan', reach: 'session' })).toBe(
      'Go on in mode “Plan” in this conversation',
    );
    expect(words({ type: 'directories', directories: ['/srv'], reach: 'session' })).toBe(
      'Allow the folder /srv in this conversation',
    );
  });

  it('is said in Korean', () => {
    const suggestion: Suggestion = {
      type: 'rules',
      rules: [{ tool: 'Bash', content: 'ls' }],
      reach: 'workspace',
    };
    expect(plain(suggestionWords(suggestion, ko))).toBe('이 작업공간에서 ls 항상 허용');
  });
});

describe('codes that this page has never heard of', () => {
  it('have words all the same', () => {
    expect(failureWords('from_the_future' as never, en)).toBe(en.errors.internal);
    expect(reasonWords({ code: 'constructor' as never, detail: '' }, 'en')).toContain('by its own fault');
    expect(modeWords('yolo' as never, en)).toEqual({ name: 'yolo', hint: '' });
    expect(activityWords({ what: { type: 'dreaming' } as never, since: 0 }, 0, en, 'en')).toBeUndefined();
  });
});

describe('the status line', () => {
  const words = (what: ActivityKind, now: number) => activityWords({ what, since: 1000 }, now, en, 'en');

  it('counts how long the model has not answered, once that is long', () => {
    expect(words({ type: 'requesting' }, 3000)).toBe('asking the model');
    expect(words({ type: 'requesting' }, 13_000)).toBe('the model has not answered for 12 s');
  });

  it('says what a start that takes long may wait for', () => {
    expect(words({ type: 'queued' }, 5000)).toBe('Claude is starting');
    expect(words({ type: 'queued' }, 31_000)).toBe(
      'Claude has not started for 30 s; other conversations or terminals may hold its place',
    );
  });

  it('counts down to the next try', () => {
    expect(words({ type: 'retrying', attempt: 3, max: 10, until: 9000 }, 5000)).toBe('retry 3 of 10 in 4 s');
    expect(words({ type: 'retrying', attempt: 3, max: 10, until: 9000 }, 9500)).toBe('retry 3 of 10');
  });

  it('names the tool that runs, known or not', () => {
    expect(words({ type: 'tool', tool: 'Bash' }, 4000)).toBe('running a command · 3 s');
    expect(words({ type: 'tool', tool: 'mcp__a__b' }, 4000)).toBe('a: b · 3 s');
  });

  it('is never behind its own clock', () => {
    expect(words({ type: 'tool', tool: 'Bash' }, 0)).toBe('running a command · 0 s');
  });

  it('says what is wrong with the link', () => {
    const down = { type: 'down' as const, attempt: 1, until: 5000 };
    expect(linkWords({ type: 'up' }, true, 0, en)).toBeUndefined();
    expect(linkWords(down, true, 1000, en)).toBe('Link lost, next try in 4 s');
    expect(linkWords(down, true, 6000, en)).toBe('Link lost, trying again');
    expect(linkWords(down, false, 1000, en)).toBe('This device is offline');
  });

  it('has a shape for every state', () => {
    expect(shapeOf('idle', true)).toBe('trouble');
    expect(shapeOf('waiting', true)).toBe('waiting');
    expect(shapeOf('not_responding', false)).toBe('trouble');
  });

  it('calls nothing at work in a workspace that does not run', () => {
    const down: Phase[] = [{ type: 'failed', reason: { code: 'exited', detail: '' } }, { type: 'stopped' }];
    for (const phase of [...down, { type: 'starting', stage: 'image' }, { type: 'paused' }] as Phase[]) {
      expect(isOnHold('working', phase), phase.type).toBe(true);
      expect(isOnHold('waiting', phase), phase.type).toBe(true);
      expect(isOnHold('idle', phase), phase.type).toBe(false);
      expect(isDown(phase), phase.type).toBe(down.includes(phase));
    }
    for (const phase of [{ type: 'running' }, { type: 'stopping' }, undefined] as (Phase | undefined)[]) {
      expect(isOnHold('working', phase)).toBe(false);
    }
  });

  it('tells a workspace that stopped from one that never ran', () => {
    expect(phaseTitle({ type: 'stopped' }, 'en')).toBe('The workspace has not run yet');
    const idle: Phase = { type: 'stopped', reason: { code: 'idle', detail: '' } };
    expect(phaseTitle(idle, 'en')).toBe('The workspace is stopped');
    expect(phaseTitle({ type: 'running' }, 'ko')).toBe('작업공간이 실행 중이에요');
  });
});

describe('errors of a turn', () => {
  it.each([
    [401, rareWords.en.errors.key],
    [429, rareWords.en.errors.rate],
    [529, rareWords.en.errors.overloaded],
    [503, rareWords.en.errors.server],
    [400, rareWords.en.errors.request],
  ])('%i says what to do', (status, words) => {
    expect(turnErrorWords({ status, text: '' }, rareWords.en)).toBe(words);
  });

  it('of our own gateway are told by its words', () => {
    const refused = (text: string) =>
      turnErrorWords({ status: 403, text: `API Error: 403 ${text}` }, rareWords.en);
    expect(refused('the operator of this Atelier has not given it a model key yet')).toBe(
      modelWords.en.noKey,
    );
    expect(refused("the model's API refuses the key of this Atelier; its operator has to replace it")).toBe(
      rareWords.en.errors.key,
    );
    expect(refused("this workspace's budget of $5.00 for 30 days is used up")).toBe(
      rareWords.en.lines.budget('$5.00'),
    );
    expect(refused('the model claude-x is not offered here')).toBe(rareWords.en.errors.notOffered);
    expect(refused('something else')).toBe(rareWords.en.errors.permission);
  });

  it('without a status tell a network from the rest', () => {
    expect(turnErrorWords({ text: 'connect ECONNREFUSED' }, rareWords.en)).toBe(
      rareWords.en.errors.unreachable,
    );
    expect(turnErrorWords({ text: 'max_tokens' }, rareWords.en)).toBe(rareWords.en.errors.other);
  });
});

describe('lines and answers', () => {
  it('say who did what', () => {
    expect(lineWords({ type: 'stop', by: hana }, en, 'en', (by) => by.name).words).toBe(
      '김하나 asked to stop',
    );
    expect(lineWords({ type: 'compacted', before: 182_400, after: 2586 }, en, 'en', () => '').words).toBe(
      'Summarised to make room: 182,400 → 2,586 tokens',
    );
  });

  it('say what could not be taken over from a terminal', () => {
    const closed = (leftOut: number) =>
      lineWords({ type: 'terminal_closed', rows: 5, leftOut }, en, 'en', () => '');
    expect(closed(0)).toEqual({ words: rareWords.en.lines.terminalClosed });
    expect(closed(2)).toMatchObject({ bad: true, detail: expect.stringMatching(/^2 entries/) });
  });

  it('say what was answered', () => {
    const permission = {
      ...prompt('p'),
      suggestions: [{ type: 'mode', mode: 'acceptEdits', reach: 'session' } as const],
    };
    const plan = { ...prompt('p'), ask: 'plan' as const };
    expect(answeredWords('You', { type: 'allow' }, permission, en)).toBe('You allowed it once');
    expect(answeredWords('You', { type: 'allow', suggestion: 0 }, permission, en)).toBe(
      'You allowed it: Accept all edits in this conversation',
    );
    expect(answeredWords('You', { type: 'allow', mode: 'acceptEdits' }, plan, en)).toBe(
      'You approved the plan; mode: Accept edits',
    );
    expect(answeredWords('You', { type: 'deny' }, plan, en)).toBe('You asked for more planning');
    expect(answeredWords('Sam', { type: 'allow', suggestion: 7 }, undefined, en)).toBe('Sam allowed it once');
  });
});

describe('tools', () => {
  it('have verbs, and names of their own otherwise', () => {
    expect(verbOf('Bash')).toBe('run');
    expect(verbOf('constructor')).toBe('other');
    expect(toolName('mcp__linear__create_issue')).toBe('linear: create_issue');
  });

  it('act on paths relative to the workspace', () => {
    expect(subjectOf('Read', '/home/workspace/a.rs')).toBe('a.rs');
    expect(subjectOf('Edit', 'cut…', { json: { file_path: '/home/workspace/b.rs' } })).toBe('b.rs');
    expect(subjectOf('Bash', 'cat /home/workspace/a.rs')).toBe('cat /home/workspace/a.rs');
  });

  it('name a task and what becomes of it', () => {
    const made = { json: { subject: 'Read the tests', description: 'All of them' } };
    expect(subjectOf('TaskCreate', 'All of them', made, en.now.task)).toBe('Read the tests');
    const done = { json: { taskId: '2', status: 'completed' } };
    expect(subjectOf('TaskUpdate', '', done, en.now.task)).toBe('#2 → done');
    expect(subjectOf('TaskUpdate', '', { json: { taskId: '2', status: 'deleted' } }, en.now.task)).toBe(
      '#2 → deleted',
    );
    expect(subjectOf('TaskList', '', { json: {} }, en.now.task)).toBe('');
  });

  it('tell what they act on before their input is complete', () => {
    expect(subjectSoFar('{"file_path":"/home/workspace/hello.t')).toBe('hello.t');
    expect(subjectSoFar('{"command":"echo \\"a\\" && ls\\nx')).toBe('echo "a" && ls x');
    expect(subjectSoFar('{"comm')).toBe('');
  });
});

describe('announcements', () => {
  const asked: Body = { kind: 'prompt_asked', ...prompt('p1') };

  it('tell of finished turns and of prompts, once', () => {
    const chat = chatOf([taken('m1'), said('b1', 'All **done**.')]);
    const before = chat.view(alone);
    chat.append(1, events([asked, result('m1')], 3));
    const after = chat.view(alone);
    expect(announcements(before, after, en)).toEqual([
      'Claude has finished. All done.',
      'Claude waits for you: make',
    ]);
    expect(announcements(after, after, en)).toEqual([]);
  });

  it('call a plan a plan, not by its tool', () => {
    const chat = chatOf([taken('m1')]);
    const before = chat.view(alone);
    const plan: Body = { ...asked, ask: 'plan', tool: 'ExitPlanMode', subject: 'ExitPlanMode' };
    chat.append(1, events([plan], 2));
    expect(announcements(before, chat.view(alone), en)).toEqual(['Claude waits for you: a plan to approve']);
  });

  it('do not tell of history', () => {
    const opened = chatOf([taken('m1'), said('b1', 'x'), result('m1')], 50);
    expect(announcements(chatOf([]).view(alone), opened.view(alone), en)).toEqual([]);
    const before = opened.view(alone);
    opened.prepend({ end: { epoch: 1, n: 52 }, events: events([taken('m0'), result('m0')], 48), before: 48 });
    expect(announcements(before, opened.view(alone), en)).toEqual([]);
  });
});
