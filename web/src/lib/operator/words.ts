/**
 * The words of the operator's page, which come with it: nobody else has to wait for them. Both languages, since they are
 * few.
 */
import type { Language } from '../i18n/format';
import type { Act } from '../protocol/generated';
import { operatorTitle } from './title';

/** What an operator is asked before an act: what it cuts off. */
interface Cut {
  working: number;
  waiting: number;
}

const conversations = (n: number) => (n === 1 ? '1 conversation' : `${n} conversations`);

function cutOff({ working, waiting }: Cut): string {
  const works = working > 0 ? `${conversations(working)} ${working === 1 ? 'is' : 'are'} working` : '';
  const waits =
    waiting > 0 ? `${conversations(waiting)} ${waiting === 1 ? 'waits' : 'wait'} for an answer` : '';
  const both = [works, waits].filter(Boolean).join(', and ');
  return both ? `${both}. That is cut off.` : 'No conversation is working.';
}

function cutOffKo({ working, waiting }: Cut): string {
  const works = working > 0 ? `대화 ${working}개가 작업 중` : '';
  const waits = waiting > 0 ? `대화 ${waiting}개가 답변을 기다리는 중` : '';
  const both = [works, waits].filter(Boolean).join('이고, ');
  return both ? `${both}이에요. 하던 일이 끊겨요.` : '작업 중인 대화가 없어요.';
}

const en = {
  title: operatorTitle.en,
  back: 'Back to the conversations',
  fleet: 'Workspaces',
  audit: 'Audit trail',
  people: 'People',
  totals: (connected: number, all: number) => `${connected} of ${all} connected`,
  filter: 'Find by name, e-mail, state',
  stopped: 'Show stopped ones too',
  columns: {
    user: 'User',
    state: 'State',
    since: 'Since',
    link: 'Link',
    conversations: 'Conversations',
    live: 'Live',
    working: 'Working',
    waiting: 'Waiting',
    prompts: 'Prompts',
    versions: 'Versions',
    error: 'Last error',
    acts: 'Actions',
  },
  hints: {
    link: 'How long a ping takes to the workspace-agent and back',
    live: 'Conversations with a Claude process',
    working: 'Conversations whose turn runs',
    waiting: 'Conversations whose turn waits for a person',
    prompts: 'Open permission prompts, questions and plans',
  },
  stuck: (n: number) => `${conversations(n)} not responding`,
  unknown: 'not known',
  nameless: 'no name',
  agent: (version: string) => `workspace-agent ${version}`,
  claude: (version: string) => `Claude Code ${version}`,
  ago: (time: string) => `${time} ago`,
  acts: { stop: 'Stop', restart: 'Restart' } satisfies Record<Act, string>,
  start: 'Start',
  actOn: (act: string, name: string) => `${act}: ${name}`,
  ask: {
    stop: (name: string) => `Stop the workspace “${name}”?`,
    restart: (name: string) => `Restart the workspace “${name}”?`,
  } satisfies Record<Act, (name: string) => string>,
  cutOff,
  kept: 'Open terminals end, with what runs in them. Files and conversations stay. Where something is cut off, the user is told that it was the operator.',
  cancel: 'Cancel',
  now: (name: string, state: string) => `${name}: ${state}`,
  none: 'No workspace is up',
  noneHelp:
    'Workspaces appear here as soon as they start. Those that are stopped are shown when you ask for them.',
  noneAtAll: 'There is no workspace yet',
  noneAtAllHelp: 'Everybody who signs in gets one.',
  nothingFound: (query: string) => `Nothing found for “${query}”`,
  more: (n: number) => `Show ${n} more`,
  stale: 'What you see may be out of date.',
  forbidden: 'This page is for operators',
  forbiddenHelp: 'You are signed in, but not as an operator. An operator can make you one.',
};

/** The words of one language. */
export type OperatorWords = typeof en;

const ko: OperatorWords = {
  title: operatorTitle.ko,
  back: '대화로 돌아가기',
  fleet: '작업공간',
  audit: '감사 기록',
  people: '사람',
  totals: (connected, all) => `${all}개 중 ${connected}개 연결됨`,
  filter: '이름, 이메일, 상태로 찾기',
  stopped: '중지된 작업공간도 보기',
  columns: {
    user: '사용자',
    state: '상태',
    since: '경과',
    link: '연결',
    conversations: '대화',
    live: '활성',
    working: '작업 중',
    waiting: '답변 대기',
    prompts: '질문',
    versions: '버전',
    error: '마지막 오류',
    acts: '동작',
  },
  hints: {
    link: 'workspace-agent까지 핑이 갔다 오는 시간',
    live: 'Claude 프로세스가 있는 대화',
    working: '차례가 진행 중인 대화',
    waiting: '사람의 답변을 기다리는 대화',
    prompts: '열려 있는 권한 요청과 질문, 계획',
  },
  stuck: (n) => `응답 없는 대화 ${n}개`,
  unknown: '알 수 없음',
  nameless: '이름 없음',
  agent: (version) => `workspace-agent ${version}`,
  claude: (version) => `Claude Code ${version}`,
  ago: (time) => `${time} 전`,
  acts: { stop: '중지', restart: '다시 시작' },
  start: '시작',
  actOn: (act, name) => `${act}: ${name}`,
  ask: {
    stop: (name) => `“${name}” 작업공간을 중지할까요?`,
    restart: (name) => `“${name}” 작업공간을 다시 시작할까요?`,
  },
  cutOff: cutOffKo,
  kept: '열려 있는 터미널은 그 안의 프로그램과 함께 끝나요. 파일과 대화는 그대로 남아요. 끊긴 일이 있으면 운영자가 했다고 사용자에게 알려요.',
  cancel: '취소',
  now: (name, state) => `${name}: ${state}`,
  none: '켜져 있는 작업공간이 없어요',
  noneHelp: '작업공간이 시작되면 바로 여기에 나타나요. 중지된 작업공간은 따로 골라서 볼 수 있어요.',
  noneAtAll: '아직 작업공간이 없어요',
  noneAtAllHelp: '로그인하는 사람마다 하나씩 생겨요.',
  nothingFound: (query) => `“${query}”에 맞는 것이 없어요`,
  more: (n) => `${n}개 더 보기`,
  stale: '지금 보이는 내용이 최신이 아닐 수 있어요.',
  forbidden: '운영자만 볼 수 있는 화면이에요',
  forbiddenHelp: '로그인했지만 운영자가 아니에요. 운영자가 권한을 줄 수 있어요.',
};

/** Both languages. */
export const operatorWords: Record<Language, OperatorWords> = { en, ko };
