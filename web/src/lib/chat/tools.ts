/** What a tool call looks like: its verb, its icon, what it acts on. Pure; knows the CLI's tools by name. */
import type { Payload } from '../protocol/generated';
import { relative } from '../text/paths';
import { jsonOf, text } from './payload';

/** What a tool does, as the page has words for it. */
export type Verb =
  | 'run'
  | 'read'
  | 'edit'
  | 'write'
  | 'search'
  | 'fetch'
  | 'browse'
  | 'delegate'
  | 'ask'
  | 'plan'
  | 'planning'
  | 'tasks'
  | 'skill'
  | 'output'
  | 'kill'
  | 'other';

const VERBS: Record<string, Verb> = {
  Bash: 'run',
  Monitor: 'run',
  Read: 'read',
  Edit: 'edit',
  MultiEdit: 'edit',
  NotebookEdit: 'edit',
  Write: 'write',
  Glob: 'search',
  Grep: 'search',
  ToolSearch: 'search',
  WebFetch: 'fetch',
  WebSearch: 'browse',
  Task: 'delegate',
  Agent: 'delegate',
  AskUserQuestion: 'ask',
  ExitPlanMode: 'plan',
  EnterPlanMode: 'planning',
  TodoWrite: 'tasks',
  TaskCreate: 'tasks',
  TaskUpdate: 'tasks',
  TaskList: 'tasks',
  TaskGet: 'tasks',
  Skill: 'skill',
  BashOutput: 'output',
  TaskOutput: 'output',
  KillShell: 'kill',
  TaskStop: 'kill',
};

/** What the tool does. */
export function verbOf(tool: string): Verb {
  return Object.hasOwn(VERBS, tool) ? (VERBS[tool] ?? 'other') : 'other';
}

/** A tool's name for people: an MCP tool as "server: tool". */
export function toolName(tool: string): string {
  const mcp = /^mcp__(.+?)__(.+)$/.exec(tool);
  return mcp ? `${mcp[1]}: ${mcp[2]}` : tool;
}

/** The tools whose subject is a path. */
const ON_FILES = new Set<Verb>(['read', 'edit', 'write']);

/** What the call acts on, in one line, paths relative to the workspace. `statuses`: words for a task's status. */
export function subjectOf(
  tool: string,
  subject: string,
  input?: Payload,
  statuses: Readonly<Record<string, string>> = {},
): string {
  const verb = verbOf(tool);
  if (ON_FILES.has(verb)) return relative(pathIn(jsonOf(input)) ?? subject);
  return (verb === 'tasks' && taskIn(jsonOf(input), statuses)) || subject;
}

/** The task that a call makes or changes, and what it becomes. */
function taskIn(input: unknown, statuses: Readonly<Record<string, string>>): string {
  const id = text(input, 'taskId');
  const status = text(input, 'status') ?? '';
  const said = Object.hasOwn(statuses, status) ? statuses[status] : status;
  const name = [id && `#${id}`, text(input, 'subject')].filter(Boolean).join(' ');
  return [name, said].filter(Boolean).join(' → ');
}

/** The file that a tool's input names. */
export function pathIn(input: unknown): string | undefined {
  return text(input, 'file_path') ?? text(input, 'notebook_path');
}

/**
 * What can be told of a call while its input is still being written: the path or the command, as far as it has
 * come, read from unfinished JSON.
 */
export function subjectSoFar(unfinished: string): string {
  const field =
    /"(?:file_path|notebook_path|command|description|pattern|url|query)"\s*:\s*"((?:[^"\\]|\\.)*)/.exec(
      unfinished,
    );
  const found = field?.[1]?.replace(/\\n/g, ' ').replace(/\\(.)/g, '$1') ?? '';
  return relative(found).slice(0, 200);
}
