/** The words about what one lets operators read, which come with what shows them. Both languages, since they are few. */
import type { Language } from './format';

const en = {
  ask: (title: string) => `Let operators read “${title}”?`,
  what: 'For as long as you choose they see all that is in this conversation and all that comes to be in it: messages, what Claude does, what its tools show. They can change nothing. They see its title at once; when one of them reads on, your settings say so under “What was done”.',
  hours: 'For how long',
  choices: { '1': 'An hour', '24': 'A day', '168': 'A week' },
  give: 'Let them read',
  cancel: 'Cancel',
  granted: (time: string) => `Operators may read this conversation until ${time}.`,
  end: 'End this',
  title: 'Shared conversations',
  help: 'What people let operators read. When you read one, that is written down, and its owner sees it.',
  none: 'Nobody shares a conversation at the moment',
  noneHelp:
    'Its owner shares one with the menu beside it in the list of conversations, for as long as they choose.',
  columns: { title: 'Conversation', user: 'Whose', until: 'Until' },
  more: 'There are more. These are the ones that end first.',
  reload: 'Look again',
  of: (name: string, time: string) => `${name} lets operators read this until ${time}.`,
  over: 'This conversation can’t be read',
  overHelp: 'Its owner does not share it, or not any more.',
  back: 'Back to the shared conversations',
};

const ko: typeof en = {
  ask: (title) => `운영자가 “${title}” 대화를 읽게 할까요?`,
  what: '고른 시간 동안 운영자는 이 대화에 있는 것과 새로 생기는 것을 모두 볼 수 있어요. 메시지와 Claude가 한 일, 도구가 보여 준 것까지요. 바꿀 수는 없어요. 제목은 바로 보이고, 누가 내용을 읽으면 설정의 “한 일의 기록”에 남아요.',
  hours: '얼마 동안',
  choices: { '1': '한 시간', '24': '하루', '168': '일주일' },
  give: '읽게 하기',
  cancel: '취소',
  granted: (time) => `${time}까지 운영자가 이 대화를 읽을 수 있어요.`,
  end: '그만두기',
  title: '공유된 대화',
  help: '사람들이 운영자에게 읽게 한 대화예요. 읽으면 기록에 남고, 대화의 주인이 그 기록을 볼 수 있어요.',
  none: '지금 공유된 대화가 없어요',
  noneHelp: '대화의 주인이 대화 목록에서 그 대화 옆의 메뉴로, 원하는 동안만 공유할 수 있어요.',
  columns: { title: '대화', user: '주인', until: '언제까지' },
  more: '더 있어요. 먼저 끝나는 것부터 보여요.',
  reload: '다시 보기',
  of: (name, time) => `${name} 님이 ${time}까지 운영자에게 읽게 했어요.`,
  over: '이 대화는 읽을 수 없어요',
  overHelp: '주인이 공유하지 않았거나, 공유가 끝났어요.',
  back: '공유된 대화로 돌아가기',
};

/** Both languages. */
export const grantWords: Record<Language, typeof en> = { en, ko };
