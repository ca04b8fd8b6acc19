/** The words for whoever is here for the first time, which come with that page. */
import type { Purpose } from '../protocol/generated';
import type { Language } from './format';

const en = {
  heading: 'Welcome to Atelier',
  intro: 'You get a workshop of your own: Claude, a place for your files, and a machine that is yours alone.',
  name: 'What shall we call you?',
  noName: 'Say a name; it can be any.',
  badName:
    'This name was not taken. Choose a shorter one, of letters and numbers; the rest is kept as it is.',
  purposes: 'What would you like to do here?',
  optional: 'Choose what fits, or nothing.',
  purpose: {
    code: 'Write programs',
    data: 'Work with data',
    documents: 'Write and read documents',
    automation: 'Hand over work that comes again and again',
    explore: 'Look around first',
  } satisfies Record<Purpose, string>,
  note: 'Anything else? (optional)',
  begin: 'Begin',
  beginning: 'One moment',
  signOut: 'Sign in as somebody else',
};

const ko: typeof en = {
  heading: '아틀리에에 오신 것을 환영해요',
  intro: '나만의 작업실이 생겨요. Claude와 내 파일을 둘 곳, 그리고 나 혼자 쓰는 컴퓨터예요.',
  name: '어떻게 불러 드릴까요?',
  noName: '이름을 적어 주세요. 아무 이름이나 괜찮아요.',
  badName: '이 이름은 쓸 수 없어요. 글자와 숫자로 더 짧게 적어 주세요. 나머지는 그대로 있어요.',
  purposes: '여기에서 무엇을 하고 싶으세요?',
  optional: '맞는 것을 골라 주세요. 고르지 않아도 돼요.',
  purpose: {
    code: '프로그램 만들기',
    data: '데이터 다루기',
    documents: '문서 쓰고 읽기',
    automation: '되풀이되는 일 맡기기',
    explore: '먼저 둘러보기',
  },
  note: '더 하고 싶은 말이 있나요? (선택)',
  begin: '시작하기',
  beginning: '잠시만요',
  signOut: '다른 계정으로 로그인',
};

/** Both languages. */
export const onboardingWords: Record<Language, typeof en> = { en, ko };
