/** The words about what was done, which come with the pages that show it. Both languages, since they are few. */
import { deedValues } from './deedValues';
import type { Dictionary } from './en';
import type { Language } from './format';

const en = {
  title: 'Audit trail',
  help: 'Who did what, and when. Nothing here can be changed or removed.',
  ownTitle: 'What was done',
  ownHelp: 'What you did, and what was done to what is yours: by operators, too.',
  back: 'Back to the conversations',
  columns: { at: 'When', who: 'Who', what: 'What', object: 'To what', detail: 'Details' },
  filter: {
    kind: 'Kind',
    any: 'everything',
    about: 'User, workspace or other id',
    from: 'From',
    until: 'Until',
    show: 'Show',
  },
  export: 'Export as JSON lines',
  none: 'Nothing was written down that fits.',
  more: 'Show more',
  looking: 'Nothing so far; there is more to look through.',
  reload: 'Look again',
  atelier: 'Atelier',
  nobody: 'nobody',
  configuration: 'configuration',
  fields: {
    about: 'about',
    address: 'address',
    always: 'always allowed',
    ask: 'asked for',
    asked: 'what was asked',
    content: 'with conversations',
    conversations: 'conversations',
    decision: 'decision',
    device: 'device',
    expires_at: 'expires',
    found: 'found',
    from: 'from',
    how: 'by',
    input: 'input',
    kind: 'kind',
    mode: 'mode',
    name: 'name',
    own: 'their own',
    reason: 'reason',
    refused: 'refused',
    scopes: 'may',
    state: 'state',
    subject: 'about',
    suggestion: 'always allowed, by number',
    to: 'to',
    token: 'token',
    tool: 'tool',
    user: 'user',
    who: 'by',
    why: 'reason',
  },
  kinds: {
    signed_in: 'signed in',
    sign_in_failed: 'sign-in refused',
    signed_out: 'signed out',
    signed_out_everywhere: 'signed out everywhere',
    session_ended: 'signed a device out',
    role_changed: 'role changed',
    user_disabled: 'user kept out',
    user_enabled: 'user let in again',
    user_erased: 'user erased',
    user_exported: 'data exported',
    files_exported: 'files exported',
    audit_exported: 'audit trail exported',
    token_created: 'API token made',
    token_used: 'API token used, first time that day',
    token_revoked: 'API token revoked',
    model_key_set: 'own model key set',
    model_key_used: 'own model key used, first time that day',
    model_key_removed: 'own model key removed',
    prompt_answered: 'prompt answered',
    answer_refused: 'answer came too late',
    mode_changed: 'permission mode changed',
    conversation_deleted: 'conversation deleted',
    grant_given: 'operators allowed to read a conversation',
    grant_ended: 'operators no longer allowed to read a conversation',
    grant_used: 'conversation read by an operator',
    workspace_life: 'workspace',
    workspace_stopped: 'workspace stopped by an operator',
    workspace_restarted: 'workspace restarted by an operator',
  },
};

const ko: typeof en = {
  title: '감사 기록',
  help: '누가 언제 무엇을 했는지예요. 여기 있는 것은 바꾸거나 지울 수 없어요.',
  ownTitle: '한 일의 기록',
  ownHelp: '내가 한 일과, 내 것에 대해 운영자를 포함한 누군가가 한 일이에요.',
  back: '대화로 돌아가기',
  columns: { at: '언제', who: '누가', what: '무엇을', object: '대상', detail: '자세히' },
  filter: {
    kind: '종류',
    any: '모두',
    about: '사용자, 작업공간 등의 ID',
    from: '부터',
    until: '까지',
    show: '보기',
  },
  export: 'JSON 줄로 내보내기',
  none: '조건에 맞는 기록이 없어요.',
  more: '더 보기',
  looking: '아직 찾은 것이 없어요. 더 살펴볼 기록이 남아 있어요.',
  reload: '다시 보기',
  atelier: '아틀리에',
  nobody: '로그인하지 않은 사람',
  configuration: '설정 파일',
  fields: {
    about: '관련',
    address: '주소',
    always: '항상 허용',
    ask: '요청',
    asked: '요청 내용',
    content: '대화 포함',
    conversations: '대화',
    decision: '결정',
    device: '기기',
    expires_at: '만료',
    found: '그때 상태',
    from: '이전',
    how: '방법',
    input: '입력',
    kind: '종류',
    mode: '모드',
    name: '이름',
    own: '본인 것',
    reason: '이유',
    refused: '거절됨',
    scopes: '권한',
    state: '상태',
    subject: '내용',
    suggestion: '항상 허용(번호)',
    to: '이후',
    token: '토큰',
    tool: '도구',
    user: '사용자',
    who: '한 사람',
    why: '이유',
  },
  kinds: {
    signed_in: '로그인',
    sign_in_failed: '로그인 거절',
    signed_out: '로그아웃',
    signed_out_everywhere: '모든 곳에서 로그아웃',
    session_ended: '기기 로그아웃',
    role_changed: '역할 변경',
    user_disabled: '사용자 차단',
    user_enabled: '사용자 차단 해제',
    user_erased: '사용자 삭제',
    user_exported: '데이터 내보내기',
    files_exported: '파일 내보내기',
    audit_exported: '감사 기록 내보내기',
    token_created: 'API 토큰 만들기',
    token_used: 'API 토큰 사용(그날 처음)',
    token_revoked: 'API 토큰 폐기',
    model_key_set: '내 모델 키 넣기',
    model_key_used: '내 모델 키 사용(그날 처음)',
    model_key_removed: '내 모델 키 지우기',
    prompt_answered: '요청에 답함',
    answer_refused: '늦은 답',
    mode_changed: '권한 모드 변경',
    conversation_deleted: '대화 삭제',
    grant_given: '운영자에게 대화 읽기 허용',
    grant_ended: '운영자의 대화 읽기 허용 끝냄',
    grant_used: '운영자가 대화를 읽음',
    workspace_life: '작업공간',
    workspace_stopped: '운영자가 작업공간 중지',
    workspace_restarted: '운영자가 작업공간 다시 시작',
  },
};

/** Both languages. */
export const deedWords: Record<Language, typeof en> = { en, ko };

/** What a kind of deed is called; a kind that this page does not know, by its own name. */
export function deedName(kind: string, language: Language): string {
  return named(deedWords[language].kinds, kind);
}

/** What one of its details is called, likewise. */
export function fieldName(field: string, language: Language): string {
  return named(deedWords[language].fields, field);
}

/** A value that is one word of ours, likewise. Of most fields a person may have made up the value. */
export function valueName(field: string, value: string, language: Language, t: Dictionary): string {
  const values: Record<string, Record<string, string>> = {
    ...deedValues[language],
    kind: deedWords[language].kinds,
  };
  return shared(field, value, t) ?? named((Object.hasOwn(values, field) && values[field]) || {}, value);
}

/** The name that a state or a permission mode has on the rest of the page. */
function shared(
  field: string,
  value: string,
  { modes, workspace: { phases } }: Dictionary,
): string | undefined {
  if ((field === 'state' || field === 'found') && isKey(phases, value)) return phases[value];
  if ((field === 'mode' || field === 'from' || field === 'to') && isKey(modes, value))
    return modes[value].name;
  return undefined;
}

function isKey<Keyed extends object>(keyed: Keyed, key: string): key is Extract<keyof Keyed, string> {
  return Object.hasOwn(keyed, key);
}

function named(names: Readonly<Record<string, string>>, key: string): string {
  return (Object.hasOwn(names, key) && names[key]) || key;
}
