/** The words of what most turns do without: quiet lines across the log, and messages of unknown fate. They come with these. */
import type {
  NoticeKind,
  ProcessEnd,
  SettingsChange,
  SilentStep,
  Trouble,
  Unknown,
  Withdrawal,
} from '../protocol/generated';
import { code } from './code';
import type { Language } from './format';
import { modelWords } from './model';

const reasons = {
  tools_called: 'Claude’s process died after it had begun to use tools.',
  answer_lost: 'Claude had answered, but the answer was lost with its process.',
  keeps_dying: 'Claude’s process died again and again.',
  history_lost: 'The workspace’s record of it was lost.',
  machine_stopped:
    'The machine stopped at once while Claude was at work, and may have lost the end of the record.',
  other: 'Nobody knows why.',
} satisfies Record<Unknown, string>;

const enUnknown = {
  title: 'Nobody knows what became of this message',
  why: reasons,
  tools: 'It is not known whether these ran to their end:',
  chooseAgain: 'Send again starts over, and may do things twice.',
  choose: 'Continue takes the turn up where it was. Send again starts over, and may do things twice.',
  proceed: 'Continue',
  again: 'Send again',
  sending: 'sending',
  dealt: {
    continued: 'It was continued.',
    again: 'It was sent again.',
    passed: 'The conversation went on without it.',
  },
  notLoaded: 'The message could not be loaded to be sent again.',
};

const enLines = {
  resent: 'Claude restarted and is answering again',
  lost: 'Something before this is lost: a record was put back to an earlier time, or is gone',
  silent: {
    asked: (time: string) => `Nothing was heard of Claude for ${time}; its process is being asked`,
    answered: (time: string) =>
      `Nothing new for ${time}, but Claude’s process answers; it is given more time`,
    interrupted: (time: string) => `Nothing was heard of Claude for ${time}; the turn is interrupted`,
    ended: (time: string) => `Nothing was heard of Claude for ${time}; its process is ended`,
    over: (time: string) => `Claude goes on after ${time} of silence`,
    other: (time: string) => `Nothing was heard of Claude for ${time}`,
  } satisfies Record<SilentStep, (time: string) => string>,
  retry: (attempt: number, max: number, status: string) =>
    `The model’s API failed${status}; try ${attempt} of ${max}`,
  retryStatus: (status: number) => ` (${status})`,
  stop: (who: string) => `${who} asked to stop`,
  continued: (who: string) => `${who} had Claude continue`,
  withdrawn: {
    claude: 'Claude no longer needs an answer',
    stopped: 'The prompt was withdrawn by the stop',
    lost_with_process: 'The prompt was lost with Claude’s process',
    other: 'The prompt was withdrawn',
  } satisfies Record<Withdrawal, string>,
  answerNotTaken: 'the answer given was not taken',
  processEnded: {
    idle: 'Claude went to sleep',
    workspace_stopped: 'The workspace stopped in mid-work',
    stopped: 'Claude’s process was ended to carry out the stop',
    replaced: 'Claude restarted with new settings',
    silent: 'Claude showed no sign of life and was restarted',
    failed: 'Claude could not be started',
    died: 'Claude’s process died',
    log_full: 'Claude’s process was ended: this conversation is full',
    other: 'Claude’s process ended',
  } satisfies Record<ProcessEnd, string>,
  model: (model: string) => `Model: ${model}`,
  mode: (mode: string) => `Mode: ${mode}`,
  settingsWhy: {
    asked: '',
    claude: '',
    restarted: 'a looser mode ends with Claude’s process',
    other: '',
  } satisfies Record<SettingsChange, string>,
  compacted: (before: string, after: string) => `Summarised to make room: ${before} → ${after} tokens`,
  cleared: 'Claude has forgotten everything above',
  terminalOpened: 'Opened in Claude’s own screen, in a terminal',
  terminalByHand: 'Somebody started Claude on this conversation in a terminal',
  terminalClosed: 'Back from the terminal',
  terminalLeftOut: (count: number) =>
    count === 1
      ? 'One entry of what happened there could not be taken over.'
      : `${count} entries of what happened there could not be taken over.`,
  trouble: {
    cant_start: 'Claude could not be started',
    line_dropped: 'Something too long to keep was dropped',
    disk_full: 'The disk is full: the log could not be written',
    garbled: 'Claude Code said something that is not its protocol',
    session_lost: 'Claude remembers nothing of what is above: its own record of it is gone',
    setting_refused: 'A setting could not be changed',
    log_full: 'This conversation is full; go on in a new one',
    unreadable: 'A part of the workspace’s own record could not be read',
    other: 'Something went wrong',
  } satisfies Record<Trouble, string>,
  notices: {
    start_failed: 'The workspace could not be started',
    workspace_lost: 'The workspace went away in mid-turn',
    control_plane_restarted: 'The control plane restarted; the work went on',
    budget_reached: 'The budget is used up',
    out_of_memory: 'The workspace’s memory ran out, and a process was ended',
  } satisfies Record<NoticeKind['type'], string>,
  budget: (limit: string) => `The budget of ${limit} is used up. Ask the operator to raise it.`,
};

const enTyped = { label: 'Typed in a terminal' };

/** Why a turn failed. */
const enErrors = {
  key: 'The model’s API refused the key. Ask the operator for a valid one, then send again.',
  permission: 'The model’s API does not allow this with the operator’s key. Ask the operator.',
  model: 'The model’s API does not know this model. Choose another one below, then send again.',
  notOffered: 'This model is not offered here. Choose another one below, then send again.',
  tooLarge: `The conversation has become too long for the model. ${code('/compact')} makes room.`,
  rate: 'The model’s API limits how much can be asked at a time. Wait a little, then send again.',
  overloaded: 'The model’s API is overloaded. Wait a little, then send again.',
  server: 'The model’s API failed. Send again.',
  unreachable: 'The model’s API could not be reached. Wait a little, then send again.',
  request: 'The model’s API refused the request. Say it differently, or begin a new conversation.',
  other: 'The turn failed. What was done until then stays.',
};

const enHeld = {
  title: 'Open in a terminal',
  here: 'This conversation is open in Claude’s own screen. What you send here waits until that is closed.',
  byHand:
    'Somebody started Claude on this conversation in a terminal. What you send here waits until it has ended there.',
  show: 'Show the terminal',
};

const koUnknown: typeof enUnknown = {
  title: '이 메시지가 어떻게 됐는지 아무도 몰라요',
  why: {
    tools_called: 'Claude가 도구를 쓰기 시작한 뒤에 프로세스가 갑자기 끝났어요.',
    answer_lost: 'Claude가 답했지만, 답이 프로세스와 함께 사라졌어요.',
    keeps_dying: 'Claude의 프로세스가 거듭 갑자기 끝났어요.',
    history_lost: '작업공간에 있던 기록이 사라졌어요.',
    machine_stopped: 'Claude가 일하는 중에 기기가 갑자기 멈춰서 기록의 끝부분이 사라졌을 수 있어요.',
    other: '이유를 알 수 없어요.',
  },
  tools: '아래 작업이 끝까지 실행됐는지 알 수 없어요:',
  chooseAgain: '다시 보내기는 처음부터 하므로 같은 일을 두 번 할 수 있어요.',
  choose: '계속하기는 멈춘 곳에서 이어 가요. 다시 보내기는 처음부터 하므로 같은 일을 두 번 할 수 있어요.',
  proceed: '계속하기',
  again: '다시 보내기',
  sending: '보내는 중',
  dealt: {
    continued: '이어서 진행했어요.',
    again: '다시 보냈어요.',
    passed: '이 메시지 없이 대화가 이어졌어요.',
  },
  notLoaded: '메시지를 불러오지 못해서 다시 보낼 수 없어요.',
};

const koLines: typeof enLines = {
  resent: 'Claude가 다시 시작해서 다시 답하고 있어요',
  lost: '이보다 앞선 기록의 일부가 사라졌어요. 기록이 이전 시점으로 되돌아갔거나 없어졌어요',
  silent: {
    asked: (time) => `${time} 동안 Claude에게서 아무 소식이 없어 프로세스에 물어보고 있어요`,
    answered: (time) => `${time} 동안 새 소식은 없지만 Claude의 프로세스가 답해서 더 기다려요`,
    interrupted: (time) => `${time} 동안 Claude에게서 아무 소식이 없어 차례를 중단해요`,
    ended: (time) => `${time} 동안 Claude에게서 아무 소식이 없어 프로세스를 끝내요`,
    over: (time) => `${time} 만에 Claude가 다시 움직여요`,
    other: (time) => `${time} 동안 Claude에게서 아무 소식이 없어요`,
  },
  retry: (attempt, max, status) => `모델 API 실패${status}, ${max}번 중 ${attempt}번째 시도`,
  retryStatus: (status) => ` (${status})`,
  stop: (who) => `${who} 중지 요청`,
  continued: (who) => `${who} 계속하게 함`,
  withdrawn: {
    claude: 'Claude에게 더는 답이 필요하지 않아요',
    stopped: '중지하면서 요청을 거둬들였어요',
    lost_with_process: '요청이 Claude의 프로세스와 함께 사라졌어요',
    other: '요청이 거둬들여졌어요',
  },
  answerNotTaken: '준 답은 쓰이지 않았어요',
  processEnded: {
    idle: 'Claude가 잠들었어요',
    workspace_stopped: '작업 중에 작업공간이 중지됐어요',
    stopped: '중지하려고 Claude의 프로세스를 끝냈어요',
    replaced: 'Claude가 새 설정으로 다시 시작했어요',
    silent: 'Claude에게서 아무 신호가 없어 다시 시작했어요',
    failed: 'Claude를 시작하지 못했어요',
    died: 'Claude의 프로세스가 갑자기 끝났어요',
    log_full: '이 대화가 가득 차서 Claude의 프로세스를 끝냈어요',
    other: 'Claude의 프로세스가 끝났어요',
  },
  model: (model) => `모델: ${model}`,
  mode: (mode) => `모드: ${mode}`,
  settingsWhy: {
    asked: '',
    claude: '',
    restarted: '느슨한 모드는 Claude의 프로세스와 함께 끝나요',
    other: '',
  },
  compacted: (before, after) => `자리를 만들려고 요약함: ${before} → ${after} 토큰`,
  cleared: '이 위의 내용은 Claude가 잊었어요',
  terminalOpened: '터미널에서 Claude의 화면으로 열렸어요',
  terminalByHand: '누군가 터미널에서 이 대화로 Claude를 시작했어요',
  terminalClosed: '터미널에서 돌아왔어요',
  terminalLeftOut: (count) => `거기서 있었던 일 가운데 ${count}개를 옮겨 오지 못했어요.`,
  trouble: {
    cant_start: 'Claude를 시작하지 못했어요',
    line_dropped: '너무 길어서 담을 수 없는 내용을 버렸어요',
    disk_full: '디스크가 가득 차서 기록을 쓰지 못했어요',
    garbled: 'Claude Code가 규약에 없는 말을 했어요',
    session_lost: 'Claude가 이 위의 내용을 기억하지 못해요. Claude의 기록이 사라졌어요',
    setting_refused: '설정을 바꾸지 못했어요',
    log_full: '이 대화는 가득 찼어요. 새 대화에서 이어 가 주세요',
    unreadable: '작업공간 기록의 일부를 읽지 못했어요',
    other: '문제가 생겼어요',
  },
  notices: {
    start_failed: '작업공간을 시작하지 못했어요',
    workspace_lost: '차례가 진행되는 중에 작업공간이 사라졌어요',
    control_plane_restarted: '컨트롤 플레인이 다시 시작했고, 작업은 이어졌어요',
    budget_reached: '예산을 다 썼어요',
    out_of_memory: '작업공간의 메모리가 모자라 프로세스 하나가 끝났어요',
  },
  budget: (limit) => `예산 ${limit}를 다 썼어요. 운영자에게 늘려 달라고 해 주세요.`,
};

const koTyped: typeof enTyped = { label: '터미널에서 입력함' };

const koErrors: typeof enErrors = {
  key: '모델 API가 키를 거절했어요. 운영자에게 올바른 키를 부탁한 뒤 다시 보내 주세요.',
  permission: '운영자의 키로는 모델 API에서 이 일을 할 수 없어요. 운영자에게 물어봐 주세요.',
  model: '모델 API가 이 모델을 몰라요. 아래에서 다른 모델을 고른 뒤 다시 보내 주세요.',
  notOffered: '여기에서는 이 모델을 쓸 수 없어요. 아래에서 다른 모델을 고른 뒤 다시 보내 주세요.',
  tooLarge: `대화가 모델에 비해 너무 길어졌어요. ${code('/compact')}로 자리를 만들 수 있어요.`,
  rate: '모델 API가 한 번에 물을 수 있는 양을 제한해요. 잠시 뒤 다시 보내 주세요.',
  overloaded: '모델 API가 몹시 바빠요. 잠시 뒤 다시 보내 주세요.',
  server: '모델 API가 실패했어요. 다시 보내 주세요.',
  unreachable: '모델 API에 닿지 못했어요. 잠시 뒤 다시 보내 주세요.',
  request: '모델 API가 요청을 거절했어요. 다르게 말하거나 새 대화를 시작해 주세요.',
  other: '차례가 실패했어요. 그때까지 한 일은 남아 있어요.',
};

const koHeld: typeof enHeld = {
  title: '터미널에서 열림',
  here: '이 대화는 Claude의 화면으로 터미널에 열려 있어요. 여기서 보내는 메시지는 그 화면이 닫힐 때까지 기다려요.',
  byHand:
    '누군가 터미널에서 이 대화로 Claude를 시작했어요. 여기서 보내는 메시지는 거기서 끝날 때까지 기다려요.',
  show: '터미널 보기',
};

const en = {
  unknown: enUnknown,
  lines: enLines,
  typed: enTyped,
  held: enHeld,
  errors: enErrors,
  notStopped: 'Claude could not be stopped and goes on. Press Stop again.',
  nowSays: (text: string) =>
    `Somebody changed it to “${text}”. Your words are still here; saving again replaces theirs.`,
  badTitle: 'This title was not taken. Choose a shorter one; the one before is kept.',
  noKey: modelWords.en.noKey,
  ownKeyRefused: modelWords.en.ownKeyRefused,
};

/** The words of one language. */
export type RareWords = typeof en;

/** Both languages. */
export const rareWords: Record<Language, RareWords> = {
  en,
  ko: {
    unknown: koUnknown,
    lines: koLines,
    typed: koTyped,
    held: koHeld,
    errors: koErrors,
    notStopped: '중지하지 못해서 Claude가 계속 일하고 있어요. 중지를 다시 눌러 주세요.',
    nowSays: (text) =>
      `그사이 누군가 “${text}”(으)로 바꿨어요. 쓰신 내용은 여기 남아 있어요. 다시 저장하면 바꿔 써요.`,
    badTitle: '이 이름으로는 바꿀 수 없어요. 더 짧게 적어 주세요. 이전 이름은 그대로 있어요.',
    noKey: modelWords.ko.noKey,
    ownKeyRefused: modelWords.ko.ownKeyRefused,
  },
};
