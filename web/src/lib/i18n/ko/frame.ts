/** 틀의 한국어 낱말: 작업공간, 연결, 목록, 로그인. */
import type { Dictionary } from '../en';

const workspace: Dictionary['workspace'] = {
  name: '작업공간',
  phases: {
    stopped: '중지됨',
    starting: '시작하는 중',
    running: '실행 중',
    paused: '일시 정지됨',
    stopping: '중지하는 중',
    failed: '실패',
    deleting: '삭제하는 중',
  },
  stages: { image: '이미지', create: '컨테이너', start: '시작', enrol: '등록', ready: '준비' },
  stageNow: {
    image: '작업공간 이미지를 찾고 있어요',
    create: '네트워크와 볼륨, 컨테이너를 만들고 있어요',
    start: '컨테이너를 시작하고 있어요',
    enrol: '작업공간이 인증서를 받고 있어요',
    ready: '양쪽이 가진 내용을 맞춰 보고 있어요',
  },
  filesSafe: '파일과 대화는 안전해요.',
  start: '시작',
  startAgain: '다시 시작',
  stop: '작업공간 중지',
  stopHint: '실행 중인 일은 끝나요. 파일과 대화는 남아 있어요.',
  sendingStarts: '메시지를 보내도 시작돼요.',
  wakes: '메시지를 보내면 깨어나요.',
  waitsForIt: '메시지는 저장됐어요. 작업공간이 준비되는 대로 Claude에게 전달돼요.',
  versions: (agent, claude) => `workspace-agent ${agent}, Claude Code ${claude}`,
  lasting: (time) => `${time}째`,
  mute: '응답 없음',
  unlinked: '지금은 작업공간이 응답하지 않아요. 계속 다시 시도하고 있어요.',
  details: '운영자를 위한 자세한 내용',
};

const link: Dictionary['link'] = {
  connecting: '연결하는 중',
  offline: '이 기기가 오프라인이에요',
  lost: (seconds) => (seconds > 0 ? `연결 끊김, ${seconds}초 뒤 다시 시도` : '연결 끊김, 다시 시도하는 중'),
  retry: '지금 시도',
  stale: '보이는 내용이 최신이 아닐 수 있어요. 보낸 내용은 여기에 두었다가 연결되면 보낼게요.',
  version: '아틀리에가 업데이트됐어요',
  versionHelp:
    '이 화면이 컨트롤 플레인보다 오래됐어요. 새로 고쳐 주세요. 초안과 보내지 않은 메시지는 남아 있어요.',
  reload: '새로 고침',
};

const status: Dictionary['status'] = {
  states: { idle: '대기', working: '작업 중', waiting: '답변 기다림', not_responding: '응답 없음' },
  unknown: '확인 불가',
  onHold: '멈춰 있음',
  claudeStarts: 'Claude 시작하는 중',
  noPlace: (seconds) =>
    `Claude가 ${seconds}초째 시작하지 못하는 중, 다른 대화나 터미널이 자리를 쓰고 있을 수 있음`,
  requesting: '모델에 묻는 중',
  noAnswer: (seconds) => `모델이 ${seconds}초째 응답하지 않음`,
  responding: '답하는 중',
  retrying: (attempt, max, seconds) => `${seconds}초 뒤 재시도 ${attempt}/${max}`,
  retryingNow: (attempt, max) => `재시도 ${attempt}/${max}`,
  compacting: '자리를 만들려고 요약하는 중',
  stopping: '중지하는 중',
  inTerminal: '터미널에서 열림',
  diskFull: '디스크가 가득 참, 자리가 날 때까지 멈춤',
  stop: '중지',
  stopHint: 'Esc 두 번',
  notResponding: 'Claude에게서 아무 신호가 없어서 살펴보고 있어요',
};

const list: Dictionary['list'] = {
  title: '대화',
  fresh: '새 대화',
  search: '제목 검색',
  none: '대화가 여기에 모여요. 첫 메시지를 보내면 시작돼요.',
  nothingFound: (query) => `‘${query}’에 맞는 대화가 없어요`,
  untitled: '새 대화',
  more: '더 보기',
  rename: '이름 바꾸기',
  grant: '운영자가 읽게 하기…',
  shared: '공유 중',
  remove: '삭제',
  ownScreen: '터미널에서 열기',
  actions: (title) => `${title}: 동작`,
  newTitle: '새 이름',
  deleted: (title) => `‘${title}’ 대화를 삭제했어요`,
  undo: '되돌리기',
  waiting: (count) => `대기열 ${count}개`,
  open: '대화 목록',
  close: '목록 닫기',
};

const start: Dictionary['start'] = {
  heading: '무엇을 해 볼까요?',
  intro: 'Claude Code와 내 파일이 있는 나만의 작업실이에요. 부탁하면 일하는 모습을 볼 수 있어요.',
};

const errors: Dictionary['errors'] = {
  invalid: '컨트롤 플레인이 이 요청을 이해하지 못했어요.',
  signed_out: '로그아웃된 상태예요.',
  forbidden: '이 일을 할 권한이 없어요.',
  not_found: '더는 여기에 없어요.',
  conflict: '그사이 다른 곳에서 바뀌었어요.',
  too_large: '너무 커요.',
  too_many: '한꺼번에 너무 많아요. 잠시 뒤 다시 시도해 주세요.',
  unavailable: '지금은 할 수 없어요. 잠시 뒤 다시 시도해 주세요.',
  prompt_closed: '이미 답했거나 거둬들인 요청이에요.',
  internal: '컨트롤 플레인 자체의 문제로 실패했어요. 바뀐 것은 없어요.',
  unreachable: '컨트롤 플레인에 닿지 않아요.',
};

const ui: Dictionary['ui'] = {
  product: '아틀리에',
  me: '나',
  menu: '설정',
  language: '언어',
  theme: '테마',
  themes: { system: '시스템', light: '밝게', dark: '어둡게' },
  signOut: '로그아웃',
  copy: '복사',
  copied: '복사됨',
  requestId: '요청',
  terminals: '터미널',
  skip: '메시지 입력으로 건너뛰기',
};

const time: Dictionary['time'] = { now: '방금' };

export const frameWords = { workspace, link, status, list, start, errors, ui, time };
