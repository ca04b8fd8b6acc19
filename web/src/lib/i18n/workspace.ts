/** The words about a workspace that come with what shows them: what it is, in a sentence, and why. Both languages. */
import type { Phase, Reason, ReasonCode } from '../protocol/generated';
import type { Language } from './format';

interface Words {
  titles: Record<Phase['type'], string>;
  /** It never ran. */
  unused: string;
  /** Why something is as it is, and what helps. */
  reasons: Record<ReasonCode, { why: string; help: string }>;
}

const en: Words = {
  titles: {
    stopped: 'The workspace is stopped',
    starting: 'The workspace is starting',
    running: 'The workspace is running',
    paused: 'The workspace is paused',
    stopping: 'The workspace is stopping',
    failed: 'The workspace has failed',
    deleting: 'The workspace is being deleted',
  },
  unused: 'The workspace has not run yet',
  reasons: {
    asked: { why: 'It was stopped on request.', help: '' },
    operator: { why: 'The operator stopped it.', help: '' },
    restarted: { why: 'The operator restarted it.', help: '' },
    idle: { why: 'Nothing happened for a while.', help: '' },
    engine_down: {
      why: 'The container engine does not answer.',
      help: 'Ask the operator to start it, then start again.',
    },
    image_missing: {
      why: 'The workspace image is not on this machine.',
      help: 'Ask the operator to build or pull it, then start again.',
    },
    engine_refused: {
      why: 'The container engine refused to make the workspace.',
      help: 'The details below tell the operator why.',
    },
    wall_failed: {
      why: 'The network wall could not be put up, so nothing runs behind it.',
      help: 'The details below tell the operator why.',
    },
    not_enrolled: {
      why: 'The workspace started but did not sign on in time.',
      help: 'Start again. If it happens twice, tell the operator.',
    },
    not_ready: {
      why: 'The workspace did not come up in time.',
      help: 'Start again. If it happens twice, tell the operator.',
    },
    exited: { why: 'The workspace’s container ended by itself.', help: 'Start again.' },
    out_of_memory: {
      why: 'The workspace ran out of memory.',
      help: 'Start again, and run fewer heavy things at a time.',
    },
    disk_full: {
      why: 'The disk is full, and this workspace is what fills it.',
      help: 'Ask the operator for room, then start again and remove what you do not need.',
    },
    version: {
      why: 'The workspace runs a version that this control plane does not speak to.',
      help: 'Ask the operator to update the workspace image.',
    },
    disabled: { why: 'The operator has switched this workspace off.', help: 'Ask the operator.' },
    internal: {
      why: 'The control plane failed, by its own fault.',
      help: 'Start again, or tell the operator.',
    },
  },
};

const ko: Words = {
  titles: {
    stopped: '작업공간이 중지되어 있어요',
    starting: '작업공간을 시작하고 있어요',
    running: '작업공간이 실행 중이에요',
    paused: '작업공간이 일시 정지되어 있어요',
    stopping: '작업공간을 중지하고 있어요',
    failed: '작업공간에 문제가 생겼어요',
    deleting: '작업공간을 삭제하고 있어요',
  },
  unused: '작업공간을 아직 시작하지 않았어요',
  reasons: {
    asked: { why: '요청을 받고 중지했어요.', help: '' },
    operator: { why: '운영자가 중지했어요.', help: '' },
    restarted: { why: '운영자가 다시 시작했어요.', help: '' },
    idle: { why: '한동안 아무 일도 없었어요.', help: '' },
    engine_down: {
      why: '컨테이너 엔진이 응답하지 않아요.',
      help: '운영자에게 엔진을 켜 달라고 한 뒤 다시 시작해 주세요.',
    },
    image_missing: {
      why: '이 기기에 작업공간 이미지가 없어요.',
      help: '운영자에게 이미지를 만들거나 받아 달라고 한 뒤 다시 시작해 주세요.',
    },
    engine_refused: {
      why: '컨테이너 엔진이 작업공간 만들기를 거절했어요.',
      help: '아래의 자세한 내용을 운영자에게 알려 주세요.',
    },
    wall_failed: {
      why: '네트워크 차단벽을 세우지 못해서 아무것도 실행하지 않아요.',
      help: '아래의 자세한 내용을 운영자에게 알려 주세요.',
    },
    not_enrolled: {
      why: '작업공간이 시작됐지만 제때 등록하지 못했어요.',
      help: '다시 시작해 주세요. 또 그러면 운영자에게 알려 주세요.',
    },
    not_ready: {
      why: '작업공간이 제때 준비되지 않았어요.',
      help: '다시 시작해 주세요. 또 그러면 운영자에게 알려 주세요.',
    },
    exited: { why: '작업공간의 컨테이너가 스스로 끝났어요.', help: '다시 시작해 주세요.' },
    out_of_memory: {
      why: '작업공간의 메모리가 모자랐어요.',
      help: '다시 시작하고, 무거운 일은 나눠서 해 주세요.',
    },
    disk_full: {
      why: '디스크가 가득 찼고, 이 작업공간이 그 원인이에요.',
      help: '운영자에게 공간을 늘려 달라고 한 뒤 다시 시작해서 필요 없는 파일을 지워 주세요.',
    },
    version: {
      why: '이 컨트롤 플레인과 맞지 않는 버전의 작업공간이에요.',
      help: '운영자에게 작업공간 이미지를 업데이트해 달라고 해 주세요.',
    },
    disabled: { why: '운영자가 이 작업공간을 껐어요.', help: '운영자에게 물어봐 주세요.' },
    internal: {
      why: '컨트롤 플레인 자체의 문제로 실패했어요.',
      help: '다시 시작하거나 운영자에게 알려 주세요.',
    },
  },
};

const words: Record<Language, Words> = { en, ko };

/** The state of a workspace in a sentence. One that stopped has a reason for it. */
export function phaseTitle(phase: Phase, language: Language): string {
  const { titles, unused } = words[language];
  return phase.type === 'stopped' && !phase.reason ? unused : titles[phase.type];
}

/** Why, without the advice that users get. */
export function why(reason: Reason, language: Language): string {
  return entry(reason, language).why;
}

/** Why something is as it is, and what helps. */
export function reasonWords(reason: Reason, language: Language): string {
  const { why, help } = entry(reason, language);
  return `${why} ${help}`.trim();
}

/** A control plane may say a code that this page has never heard of. */
function entry({ code }: Reason, language: Language) {
  const { reasons } = words[language];
  return Object.hasOwn(reasons, code) ? reasons[code] : reasons.internal;
}
