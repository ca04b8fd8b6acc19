/** 요청과 답의 한국어 낱말. */
import type { Dictionary } from '../en';
import { wordsFor } from '../known';

const reach = {
  session: '이 대화에서',
  workspace: '이 작업공간에서',
  user: '내 모든 작업에서',
  other: '알 수 없는 범위에서',
};

const prompts: Dictionary['prompts'] = {
  count: (index, total) => `${index} / ${total}`,
  previous: '이전 요청',
  next: '다음 요청',
  label: 'Claude가 답변을 기다려요',
  permission: {
    run: 'Claude가 명령을 실행하려고 해요',
    read: 'Claude가 읽으려고 해요',
    edit: 'Claude가 파일을 편집하려고 해요',
    write: 'Claude가 파일을 쓰려고 해요',
    fetch: 'Claude가 웹에서 가져오려고 해요',
    other: (tool) => `Claude가 ${tool} 도구를 쓰려고 해요`,
  },
  by: (agent) => `하위 에이전트 ${agent}의 요청`,
  why: '묻는 이유',
  allow: '한 번 허용',
  alwaysWhat: {
    rules: (what, where) => `${wordsFor(reach, where)} ${what} 항상 허용`,
    every: (tool) => `${tool}의 모든 사용`,
    mode: {
      acceptEdits: (where) => `${wordsFor(reach, where)} 모든 편집 허용`,
      other: (mode, where) => `${wordsFor(reach, where)} ‘${mode}’ 모드로 계속`,
    },
    folders: (folders, _count, where) => `${wordsFor(reach, where)} ${folders} 폴더 허용`,
    beginning: (command) => `${command}(으)로 시작하는 명령`,
    domain: (domain) => `${domain}에서 가져오기`,
    and: ' 및 ',
  },
  deny: '거부',
  denyReason: '대신 어떻게 할지 Claude에게 알려 주세요 (선택)',
  denyWith: '이유와 함께 거부',
  sending: '보내는 중',
  answeredBy: (who) => `${who} 답했어요. Claude에게 가고 있어요`,
  closed: '이미 답했거나 거둬들인 요청이에요.',
  tooLong: (limit) =>
    `답이 너무 길어요. ${limit}까지만 보낼 수 있어요. 줄이거나, 파일에 넣고 Claude에게 읽게 해 주세요.`,
  question: 'Claude의 질문',
  other: '직접 입력…',
  otherLabel: '직접 쓰는 답',
  several: '여러 개 선택',
  submit: '답하기',
  skip: '답하지 않기',
  back: '돌아가기',
  unanswered: (count) => `답하지 않은 질문 ${count}개`,
  plan: 'Claude의 계획 제안',
  noPlan: '계획을 따로 적지 않았어요. 위의 글에 담겨 있어요.',
  approve: '승인',
  approveHint: '편집 전에 묻기',
  approveEdits: '승인하고 편집 허용',
  keepPlanning: '계획 더 다듬기',
  feedback: '무엇을 바꿀까요?',
  form: (server) => `${server}의 요청`,
  formSend: '보내기',
  decline: '거절',
  required: '필수',
  choose: '선택',
  badForm: '여기에서 보여 줄 수 없는 양식이에요. 거절할 수 있어요.',
  keys: (allow, deny) => `${allow} 허용, ${deny} 거부`,
};

const answered: Dictionary['answered'] = {
  allowed: (who) => `${who} 한 번 허용`,
  allowedAlways: (who, what) => `${who} 허용: ${what}`,
  approved: (who) => `${who} 계획 승인`,
  approvedMode: (who, mode) => `${who} 계획 승인, 모드: ${mode}`,
  denied: (who) => `${who} 거부`,
  keptPlanning: (who) => `${who} 계획을 더 다듬어 달라고 함`,
  skipped: (who) => `${who} 답하지 않음`,
  answered: (who) => `${who} 답함`,
  filled: (who) => `${who} 양식 작성`,
};

export const promptWords = { prompts, answered };
