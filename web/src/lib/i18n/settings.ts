/** The words of the settings page, which come with it. */
import type { Language } from './format';
import { settingsTitle } from './settingsTitle';

const en = {
  title: settingsTitle.en,
  back: 'Back to the conversations',
  profile: {
    heading: 'You',
    name: 'What shall we call you?',
    save: 'Save',
    saved: 'Saved. Other pages that are open know it once they are loaded again.',
    noName: 'Say a name; it can be any.',
    badName: 'This name was not taken. Choose a shorter one, of letters and numbers; the one before is kept.',
  },
  sessions: {
    heading: 'Where you are signed in',
    help: 'A sign-in ends after a day at the latest. End one that you don’t know.',
    unknownOne: (provider: string) => `Then change your password at ${provider}.`,
    ask: 'Sign out everywhere?',
    askHelp:
      'Every page that is open is signed out at once, this one too. Work goes on, and nothing is lost.',
    cancel: 'Stay signed in',
    here: 'this device',
    since: (time: string) => `Signed in ${time}`,
    used: (time: string) => `last used ${time}`,
    unknown: 'Unknown device',
    end: 'End',
    endOf: (device: string) => `End the sign-in on ${device}`,
    everywhere: 'Sign out everywhere',
    ended: 'Ended. Pages that were open there are signed out.',
    on: (browser: string, system: string) => `${browser} on ${system}`,
  },
  data: {
    heading: 'Your data',
    take: 'Take it along',
    takeHelp:
      'One file with all that is kept of you: profile, sign-ins, conversations, what you did. One line of JSON each.',
    files: 'Take your files along',
    filesHelp: 'Everything in your workspace, as a tar archive. It may take a while.',
    downloadFiles: 'Download your files',
    download: 'Download',
    erase: 'Erase everything',
    eraseHelp:
      'Your account, all conversations, your workspace and every file in it. It can’t be undone. What you did stays in the operator’s records, without your name.',
    ask: 'Erase everything that is yours?',
    askHelp: (name: string) => `Type ${name} to say that you mean it.`,
    confirm: 'Your name',
    yes: 'Erase everything',
    no: 'Keep it',
    erasing: 'Erasing',
  },
};

const ko: typeof en = {
  title: settingsTitle.ko,
  back: '대화로 돌아가기',
  profile: {
    heading: '나',
    name: '어떻게 불러 드릴까요?',
    save: '저장',
    saved: '저장했어요. 열려 있는 다른 페이지는 새로 고치면 바뀌어요.',
    noName: '이름을 적어 주세요. 아무 이름이나 괜찮아요.',
    badName: '이 이름은 쓸 수 없어요. 글자와 숫자로 더 짧게 적어 주세요. 이전 이름은 그대로 있어요.',
  },
  sessions: {
    heading: '로그인한 기기',
    help: '로그인은 길어도 하루면 끝나요. 모르는 기기가 있으면 끝내 주세요.',
    unknownOne: (provider) => `그다음 ${provider}에서 비밀번호를 바꿔 주세요.`,
    ask: '모든 기기에서 로그아웃할까요?',
    askHelp: '열려 있는 페이지가 이 페이지까지 모두 바로 로그아웃돼요. 하던 일은 이어지고, 잃는 것은 없어요.',
    cancel: '그대로 있기',
    here: '이 기기',
    since: (time) => `${time}에 로그인`,
    used: (time) => `${time}에 마지막으로 사용`,
    unknown: '알 수 없는 기기',
    end: '끝내기',
    endOf: (device) => `${device} 로그인 끝내기`,
    everywhere: '모든 기기에서 로그아웃',
    ended: '끝냈어요. 그 기기에 열려 있던 페이지도 로그아웃됐어요.',
    on: (browser, system) => `${system}의 ${browser}`,
  },
  data: {
    heading: '내 데이터',
    take: '가져가기',
    takeHelp:
      '나에 대해 보관된 모든 것이 담긴 파일이에요. 프로필, 로그인, 대화, 한 일이 한 줄에 하나씩 JSON으로 들어 있어요.',
    files: '파일 가져가기',
    filesHelp: '작업공간에 있는 모든 것을 tar 파일 하나로 받아요. 시간이 걸릴 수 있어요.',
    downloadFiles: '내 파일 내려받기',
    download: '내려받기',
    erase: '모두 지우기',
    eraseHelp:
      '계정과 모든 대화, 작업공간과 그 안의 모든 파일이 지워져요. 되돌릴 수 없어요. 한 일은 이름 없이 운영자의 기록에 남아요.',
    ask: '내 데이터를 모두 지울까요?',
    askHelp: (name) => `정말 지우려면 ${name}을(를) 입력해 주세요.`,
    confirm: '내 이름',
    yes: '모두 지우기',
    no: '그대로 두기',
    erasing: '지우는 중',
  },
};

/** Both languages. */
export const settingsWords: Record<Language, typeof en> = { en, ko };
