/** The words of the sign-in page, which come with it: whoever is signed in has no need of them. */
import { code } from './code';
import type { SignInRefusal } from '../protocol/generated';
import type { Language } from './format';

const en = {
  heading: 'Sign in to Atelier',
  how: `The way in is a one-time link. It is printed in the terminal where the control plane was started (${code('make up')}).`,
  fresh: `${code('make sign-in')} prints a fresh one there. A link works once, for five minutes.`,
  label: 'Link or code',
  submit: 'Sign in',
  checking: 'Signing in',
  notACode: 'This is neither a sign-in link nor a code.',
  used: `This link was used before or is too old. Print a fresh one with ${code('make sign-in')}.`,
  elsewhere:
    'One signs in here only from a browser on the machine where the control plane runs. Ask the operator.',
  with: (provider: string) => `Sign in with ${provider}`,
  going: (provider: string) => `Going to ${provider}`,
  other: 'Use another account',
  providerHow: (provider: string) => `${provider} says who you are. Your password stays there.`,
  refusals: {
    stale: 'This sign-in was used before, took too long, or was begun in another browser. Begin again here.',
    denied: 'The sign-in was cancelled. Begin again whenever you like.',
    not_allowed:
      'This account is not let in here. Choose another one, or ask the operator to let this one in.',
    unverified: 'Your e-mail address is not verified there yet. Verify it, then sign in again.',
    disabled: 'An operator keeps this account out. Ask them why; nothing of yours is lost.',
    erasing: 'This account is being erased. Once that is done, it begins anew; try again later.',
    invalid:
      'What came back could not be trusted, so nobody was signed in. Begin again; if it stays so, ask the operator.',
    unavailable: 'The sign-in service can’t be reached just now. Try again in a moment.',
    too_many: 'There were too many attempts from your network. Wait a minute, then try again.',
  } satisfies Record<SignInRefusal, string>,
  erased: {
    entirely:
      'All that was yours has been erased: account, conversations, workspace and files, and what this browser kept. Whoever signs in again begins anew.',
    begun:
      'Your account is closed, and what this browser kept is erased. The rest cannot go at once: it is erased as soon as it can be, without you.',
  },
  expired: 'You have been signed out. Sign in again to go on; drafts and unsent messages are kept.',
};

const ko: typeof en = {
  heading: '아틀리에 로그인',
  how: `일회용 링크로 들어와요. 링크는 컨트롤 플레인을 시작한 터미널에 나와 있어요 (${code('make up')}).`,
  fresh: `거기서 ${code('make sign-in')}을 실행하면 새 링크가 나와요. 링크는 5분 안에 한 번만 쓸 수 있어요.`,
  label: '링크 또는 코드',
  submit: '로그인',
  checking: '로그인하는 중',
  notACode: '로그인 링크나 코드가 아니에요.',
  used: `이미 쓴 링크이거나 너무 오래된 링크예요. ${code('make sign-in')}으로 새 링크를 만들어 주세요.`,
  elsewhere: '컨트롤 플레인이 돌아가는 기기의 브라우저에서만 로그인할 수 있어요. 운영자에게 물어봐 주세요.',
  with: (provider) => `${provider} 계정으로 로그인`,
  going: (provider) => `${provider}로 가는 중`,
  other: '다른 계정으로 로그인',
  providerHow: (provider) => `${provider}에서 본인을 확인해요. 비밀번호는 그곳에만 있어요.`,
  refusals: {
    stale:
      '이미 쓴 로그인이거나, 너무 오래 걸렸거나, 다른 브라우저에서 시작한 로그인이에요. 여기에서 다시 시작해 주세요.',
    denied: '로그인이 취소됐어요. 언제든 다시 시작할 수 있어요.',
    not_allowed: '이 계정으로는 들어올 수 없어요. 다른 계정을 고르거나, 운영자에게 허용해 달라고 해 주세요.',
    unverified: '이메일 주소가 아직 확인되지 않았어요. 확인한 다음 다시 로그인해 주세요.',
    disabled: '운영자가 이 계정을 막아 두었어요. 운영자에게 물어봐 주세요. 데이터는 그대로 있어요.',
    erasing: '이 계정은 지우는 중이에요. 다 지워지면 처음부터 시작할 수 있어요. 나중에 다시 해 주세요.',
    invalid:
      '돌아온 응답을 믿을 수 없어서 로그인하지 않았어요. 다시 시작해 보고, 계속되면 운영자에게 알려 주세요.',
    unavailable: '지금은 로그인 서비스에 연결할 수 없어요. 잠시 뒤에 다시 해 주세요.',
    too_many: '이 네트워크에서 시도가 너무 많았어요. 1분쯤 기다렸다가 다시 해 주세요.',
  },
  erased: {
    entirely:
      '모두 지워졌어요. 계정과 대화, 작업공간과 파일, 이 브라우저에 남아 있던 내용까지요. 다시 로그인하면 처음부터 시작해요.',
    begun:
      '계정을 닫았고, 이 브라우저에 남아 있던 내용도 지웠어요. 나머지는 지금 바로 지울 수 없어서, 되는 대로 알아서 지워요.',
  },
  expired: '로그아웃됐어요. 다시 로그인해 주세요. 초안과 보내지 않은 메시지는 남아 있어요.',
};

/** Both languages. */
export const signInWords: Record<Language, typeof en> = { en, ko };
