/** The words of the sign-in page, which come with it: whoever is signed in has no need of them. */
import { code } from './code';
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
  expired: '로그아웃됐어요. 다시 로그인해 주세요. 초안과 보내지 않은 메시지는 남아 있어요.',
};

/** Both languages. */
export const signInWords: Record<Language, typeof en> = { en, ko };
