/** The words of prompts and their answers in English. */
import type { Reach } from '../../protocol/generated';
import { wordsFor } from '../known';

const reach = {
  session: 'in this conversation',
  workspace: 'in this workspace',
  user: 'in all your work',
  other: 'with a reach that is not known here',
} satisfies Record<Reach, string>;

const prompts = {
  count: (index: number, total: number) => `${index} of ${total}`,
  previous: 'Previous prompt',
  next: 'Next prompt',
  label: 'Claude waits for you',
  permission: {
    run: 'Claude wants to run a command',
    read: 'Claude wants to read',
    edit: 'Claude wants to edit a file',
    write: 'Claude wants to write a file',
    fetch: 'Claude wants to fetch from the web',
    other: (tool: string) => `Claude wants to use ${tool}`,
  },
  by: (agent: string) => `asked by the sub-agent ${agent}`,
  why: 'Why you are asked',
  allow: 'Allow once',
  alwaysWhat: {
    rules: (what: string, where: Reach) => `Always allow ${what} ${wordsFor(reach, where)}`,
    every: (tool: string) => `every use of ${tool}`,
    mode: {
      acceptEdits: (where: Reach) => `Accept all edits ${wordsFor(reach, where)}`,
      other: (mode: string, where: Reach) => `Go on in mode “${mode}” ${wordsFor(reach, where)}`,
    },
    folders: (folders: string, count: number, where: Reach) =>
      `Allow the folder${count > 1 ? 's' : ''} ${folders} ${wordsFor(reach, where)}`,
    beginning: (command: string) => `commands that begin with ${command}`,
    domain: (domain: string) => `fetching from ${domain}`,
    and: ' and ',
  },
  deny: 'Deny',
  denyReason: 'What Claude should do instead (optional)',
  denyWith: 'Deny with a reason',
  sending: 'sending',
  answeredBy: (who: string) => `${who} answered; it is on its way to Claude`,
  closed: 'It was answered or withdrawn already.',
  tooLong: (limit: string) =>
    `This answer is too long: ${limit} is the most that can be sent. Shorten it, or put it into a file for Claude to read.`,
  question: 'Claude asks',
  other: 'Other…',
  otherLabel: 'Your own answer',
  several: 'Choose any',
  submit: 'Answer',
  skip: 'Don’t answer',
  back: 'Back',
  unanswered: (count: number) => (count === 1 ? '1 question left open' : `${count} questions left open`),
  plan: 'Claude proposes a plan',
  noPlan: 'The plan is in what Claude wrote above.',
  approve: 'Approve',
  approveHint: 'ask before edits',
  approveEdits: 'Approve and accept edits',
  keepPlanning: 'Keep planning',
  feedback: 'What should change?',
  form: (server: string) => `${server} asks`,
  formSend: 'Send',
  decline: 'Decline',
  required: 'required',
  choose: 'Choose',
  badForm: 'This form cannot be shown here. You can decline it.',
  keys: (allow: string, deny: string) => `${allow} allows, ${deny} denies`,
};

const answered = {
  allowed: (who: string) => `${who} allowed it once`,
  allowedAlways: (who: string, what: string) => `${who} allowed it: ${what}`,
  approved: (who: string) => `${who} approved the plan`,
  approvedMode: (who: string, mode: string) => `${who} approved the plan; mode: ${mode}`,
  denied: (who: string) => `${who} denied it`,
  keptPlanning: (who: string) => `${who} asked for more planning`,
  skipped: (who: string) => `${who} did not answer`,
  answered: (who: string) => `${who} answered`,
  filled: (who: string) => `${who} filled in the form`,
};

export const promptWords = { prompts, answered };
