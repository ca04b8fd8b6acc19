/** The words of the operators' list of people, which come with it. */
import type { Language } from '../i18n/format';
import type { Role } from '../protocol/generated';

/** What can be done to somebody. */
export type PersonAct = 'disable' | 'enable' | 'raise' | 'lower' | 'erase';

const en = {
  title: 'People',
  back: 'Back to the conversations',
  filter: 'Find by name or e-mail',
  columns: { name: 'Name', role: 'Role', state: 'State', signedIn: 'Last sign-in', acts: 'Actions' },
  roles: { user: 'User', operator: 'Operator' } satisfies Record<Role, string>,
  you: 'you',
  out: 'kept out',
  erasing: 'being erased',
  in: 'let in',
  more: 'Show more',
  nobody: (query: string) => `Nobody found for “${query}”`,
  actsOf: (name: string) => `Actions: ${name}`,
  acts: {
    disable: 'Keep out',
    enable: 'Let in again',
    raise: 'Make an operator',
    lower: 'Make a user',
    erase: 'Erase',
  } satisfies Record<PersonAct, string>,
  export: 'Export',
  ask: {
    disable: (name: string) => `Keep ${name} out?`,
    enable: (name: string) => `Let ${name} in again?`,
    raise: (name: string) => `Make ${name} an operator?`,
    lower: (name: string) => `Make ${name} a user?`,
    erase: (name: string) => `Erase ${name} and all that is theirs?`,
  } satisfies Record<PersonAct, (name: string) => string>,
  what: {
    disable:
      'They are signed out at once, on every device. Their workspace stops, and what runs in it is cut off. Nothing is deleted.',
    enable: 'They can sign in again. Their workspace and conversations are as they were.',
    raise:
      'They see every workspace’s state and can do all that you can, to you as well. They read nobody’s conversations but those that somebody shares with operators.',
    lower: 'They are signed out and can sign in again as a user.',
    erase:
      'Account, conversations, workspace and every file in it. It can’t be undone. What was written down of what they did stays, without their name.',
  } satisfies Record<PersonAct, string>,
  typeName: (name: string) => `Type ${name} to say that you mean it.`,
  done: {
    disable: (name: string) => `${name} is kept out.`,
    enable: (name: string) => `${name} is let in again.`,
    raise: (name: string) => `${name} is an operator.`,
    lower: (name: string) => `${name} is a user.`,
    erase: (name: string) => `${name} is being erased.`,
  } satisfies Record<PersonAct, (name: string) => string>,
  cancel: 'Cancel',
};

/** The words of one language. */
export type PeopleWords = typeof en;

const ko: PeopleWords = {
  title: '사람',
  back: '대화로 돌아가기',
  filter: '이름이나 이메일로 찾기',
  columns: { name: '이름', role: '역할', state: '상태', signedIn: '마지막 로그인', acts: '동작' },
  roles: { user: '사용자', operator: '운영자' },
  you: '나',
  out: '막힘',
  erasing: '지우는 중',
  in: '허용됨',
  more: '더 보기',
  nobody: (query) => `“${query}”에 맞는 사람이 없어요`,
  actsOf: (name) => `동작: ${name}`,
  acts: {
    disable: '막기',
    enable: '다시 허용',
    raise: '운영자로 바꾸기',
    lower: '사용자로 바꾸기',
    erase: '지우기',
  },
  export: '내보내기',
  ask: {
    disable: (name) => `${name} 님을 막을까요?`,
    enable: (name) => `${name} 님을 다시 허용할까요?`,
    raise: (name) => `${name} 님을 운영자로 바꿀까요?`,
    lower: (name) => `${name} 님을 사용자로 바꿀까요?`,
    erase: (name) => `${name} 님과 그 데이터를 모두 지울까요?`,
  },
  what: {
    disable: '모든 기기에서 바로 로그아웃돼요. 작업공간이 중지되고 하던 일이 끊겨요. 지워지는 것은 없어요.',
    enable: '다시 로그인할 수 있어요. 작업공간과 대화는 그대로예요.',
    raise:
      '모든 작업공간의 상태를 보고, 나와 똑같은 일을 나에게도 할 수 있어요. 다른 사람의 대화는 그 사람이 공유한 것만 읽을 수 있어요.',
    lower: '로그아웃되고, 사용자로 다시 로그인할 수 있어요.',
    erase:
      '계정과 대화, 작업공간과 그 안의 모든 파일이 지워져요. 되돌릴 수 없어요. 한 일의 기록은 이름 없이 남아요.',
  },
  typeName: (name) => `정말 지우려면 ${name}을(를) 입력해 주세요.`,
  done: {
    disable: (name) => `${name} 님을 막았어요.`,
    enable: (name) => `${name} 님을 다시 허용했어요.`,
    raise: (name) => `${name} 님은 이제 운영자예요.`,
    lower: (name) => `${name} 님은 이제 사용자예요.`,
    erase: (name) => `${name} 님을 지우는 중이에요.`,
  },
  cancel: '취소',
};

/** Both languages. */
export const peopleWords: Record<Language, PeopleWords> = { en, ko };
