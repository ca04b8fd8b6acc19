/** The words for what is one word of ours in the details of what was done. */
import type {
  Counts,
  Decision,
  ErrorCode,
  PromptKind,
  ReasonCode,
  Role,
  Scope,
  SignInRefusal,
} from '../protocol/generated';
import type { Language } from './format';

type Words<Keys extends string> = Record<Keys, string>;

const yesNo = { en: { true: 'yes', false: 'no' }, ko: { true: '예', false: '아니요' } };
/** Besides permission modes, whose names the page has anyway. */
const roles: Record<Language, Words<Role>> = {
  en: { user: 'user', operator: 'operator' },
  ko: { user: '사용자', operator: '운영자' },
};
const reasons: Record<Language, Words<ReasonCode>> = {
  en: {
    asked: 'asked for',
    operator: 'an operator asked',
    restarted: 'an operator restarted it',
    idle: 'nothing happened for a while',
    engine_down: 'the engine did not answer',
    image_missing: 'the image was not there',
    engine_refused: 'the engine refused',
    wall_failed: 'no network wall',
    not_enrolled: 'did not sign on in time',
    not_ready: 'did not come up in time',
    exited: 'ended by itself',
    out_of_memory: 'out of memory',
    disk_full: 'disk full',
    version: 'another version',
    disabled: 'switched off by an operator',
    internal: 'the control plane’s own fault',
  },
  ko: {
    asked: '사용자 요청',
    operator: '운영자 요청',
    restarted: '운영자가 다시 시작',
    idle: '한동안 쓰지 않음',
    engine_down: '엔진 응답 없음',
    image_missing: '이미지 없음',
    engine_refused: '엔진이 거절',
    wall_failed: '네트워크 차단벽 없음',
    not_enrolled: '제때 등록하지 못함',
    not_ready: '제때 준비되지 않음',
    exited: '스스로 끝남',
    out_of_memory: '메모리 부족',
    disk_full: '디스크 가득 참',
    version: '버전이 다름',
    disabled: '운영자가 끔',
    internal: '컨트롤 플레인 자체의 문제',
  },
};
/** Why somebody was not signed in, or an answer not taken. */
const refusals: Record<Language, Words<SignInRefusal | ErrorCode>> = {
  en: {
    stale: 'used before, too old or another browser’s',
    denied: 'cancelled',
    not_allowed: 'not let in here',
    unverified: 'e-mail address not verified',
    disabled: 'kept out',
    erasing: 'being erased',
    invalid: 'could not be trusted',
    unavailable: 'not possible at that time',
    too_many: 'too many',
    signed_out: 'signed out',
    forbidden: 'not allowed',
    not_found: 'not there',
    conflict: 'changed meanwhile',
    too_large: 'too large',
    prompt_closed: 'answered or withdrawn before',
    internal: 'the control plane’s own fault',
  },
  ko: {
    stale: '이미 썼거나 오래됐거나 다른 브라우저의 것',
    denied: '취소됨',
    not_allowed: '허용되지 않은 계정',
    unverified: '이메일 주소 미확인',
    disabled: '차단됨',
    erasing: '지우는 중',
    invalid: '믿을 수 없음',
    unavailable: '그때는 할 수 없음',
    too_many: '너무 많음',
    signed_out: '로그아웃됨',
    forbidden: '권한 없음',
    not_found: '없음',
    conflict: '그사이 바뀜',
    too_large: '너무 큼',
    prompt_closed: '이미 답했거나 취소됨',
    internal: '컨트롤 플레인 자체의 문제',
  },
};
const asks: Record<Language, Words<PromptKind>> = {
  en: {
    permission: 'permission',
    question: 'an answer',
    plan: 'a plan',
    form: 'a form',
    other: 'something else',
  },
  ko: { permission: '허용', question: '질문', plan: '계획', form: '양식', other: '그 밖의 것' },
};
const decisions: Record<Language, Words<Decision['type']>> = {
  en: { allow: 'allowed', deny: 'denied', answer: 'answered', form: 'filled in' },
  ko: { allow: '허용', deny: '거절', answer: '답함', form: '채움' },
};
const scopes: Record<Language, Words<Scope>> = {
  en: { read: 'read', write: 'write', answer: 'answer prompts', delete: 'delete conversations' },
  ko: { read: '읽기', write: '쓰기', answer: '요청에 답하기', delete: '대화 지우기' },
};
const counts: Record<Language, Words<keyof Counts>> = {
  en: {
    total: 'all',
    live: 'with Claude running',
    working: 'working',
    waiting: 'waiting for a person',
    not_responding: 'not responding',
    prompts: 'open prompts',
  },
  ko: {
    total: '모두',
    live: 'Claude 실행 중',
    working: '작업 중',
    waiting: '사람을 기다림',
    not_responding: '응답 없음',
    prompts: '열린 요청',
  },
};

const en = {
  ask: asks.en,
  asked: { too_old: 'too long ago to be found' },
  content: yesNo.en,
  conversations: counts.en,
  decision: decisions.en,
  from: roles.en,
  how: { local: 'one-time link', provider: 'identity provider', id_token: 'Google’s button' },
  own: yesNo.en,
  reason: reasons.en,
  refused: yesNo.en,
  scopes: scopes.en,
  state: { deleted: 'deleted' },
  to: roles.en,
  why: refusals.en,
};

const ko: typeof en = {
  ask: asks.ko,
  asked: { too_old: '오래되어 찾을 수 없음' },
  content: yesNo.ko,
  conversations: counts.ko,
  decision: decisions.ko,
  from: roles.ko,
  how: { local: '일회용 링크', provider: '로그인 제공자', id_token: 'Google 버튼' },
  own: yesNo.ko,
  reason: reasons.ko,
  refused: yesNo.ko,
  scopes: scopes.ko,
  state: { deleted: '지워짐' },
  to: roles.ko,
  why: refusals.ko,
};

/** Both languages: by detail, then by value. */
export const deedValues: Record<Language, typeof en> = { en, ko };
