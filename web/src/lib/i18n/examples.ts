/** The words of what one could begin with. They come with the examples. */
import type { Shown } from '../chat/demo';
import type { Language } from './format';

const en = {
  examples: 'Try one of these',
  /** First steps with the real Claude: what the button says, and what it puts into the message field. */
  steps: [
    ['Look around', 'Look around in my workspace and tell me in a few sentences what is there.'],
    [
      'Write a program',
      'Write a Python program that counts the words in a text file, with a test, and run it.',
    ],
    ['Plan together', 'I have an idea for a small tool. Ask me what you need to know, then propose a plan.'],
  ] as readonly (readonly [string, string])[],
  /** What the demo's examples show. */
  shown: {
    stream: 'A long answer',
    think: 'Thinking',
    run: 'Run a command',
    write: 'Write a file',
    ask: 'Ask me something',
    plan: 'Propose a plan',
  } satisfies Record<Shown, string>,
};

const ko: typeof en = {
  examples: '이렇게 해 보세요',
  steps: [
    ['둘러보기', '내 작업공간을 둘러보고 무엇이 있는지 몇 문장으로 알려 주세요.'],
    ['프로그램 쓰기', '텍스트 파일의 낱말 수를 세는 파이썬 프로그램을 테스트와 함께 쓰고 실행해 주세요.'],
    ['함께 계획하기', '작은 도구를 만들고 싶어요. 필요한 것을 나에게 물어본 뒤 계획을 제안해 주세요.'],
  ],
  shown: {
    stream: '긴 답변',
    think: '생각하기',
    run: '명령 실행하기',
    write: '파일 쓰기',
    ask: '나에게 묻기',
    plan: '계획 제안하기',
  },
};

/** Both languages. */
export const exampleWords: Record<Language, typeof en> = { en, ko };
