/** The words for whether the model can be reached. They come with whatever says them: mostly there is nothing to say. */
import { code } from './code';
import type { Language } from './format';

const en = {
  demo: 'Demo: a scripted model answers, not Claude.',
  demoExamples: 'What to type',
  demoOther: `Ask it for ${code('help')} to see all that it understands. Anything else is answered with a short sample text.`,
  noKey: 'Claude has no key yet.',
  noKeyHelp: `The operator puts an Anthropic API key into the file ${code('data/anthropic-key')}, or into ${code('ATELIER_ANTHROPIC_KEY')}, and restarts the control plane. Until then Claude cannot answer.`,
  ownKeyRefused: 'The model’s API refuses your own key.',
  ownKeyRefusedHelp: 'Replace or remove it in the settings.',
  keyRefused: 'Anthropic refuses the key.',
  keyRefusedHelp: `The operator puts a valid one into ${code('data/anthropic-key')} or ${code('ATELIER_ANTHROPIC_KEY')} and restarts the control plane.`,
  unreachable: 'The model’s API cannot be reached.',
  unreachableHelp: 'Turns will fail until it can. Nothing is lost.',
};

const ko: typeof en = {
  demo: '데모: Claude가 아니라 각본대로 답하는 모델이에요.',
  demoExamples: '입력해 볼 것',
  demoOther: `알아듣는 말을 모두 보려면 ${code('help')}라고 보내 보세요. 그 밖의 말에는 짧은 예시 글로 답해요.`,
  noKey: 'Claude에 쓸 키가 아직 없어요.',
  noKeyHelp: `운영자가 Anthropic API 키를 ${code('data/anthropic-key')} 파일이나 ${code('ATELIER_ANTHROPIC_KEY')}에 넣고 컨트롤 플레인을 다시 시작해야 해요. 그때까지는 Claude가 답할 수 없어요.`,
  ownKeyRefused: '모델 API가 내 키를 거절해요.',
  ownKeyRefusedHelp: '설정에서 바꾸거나 지워 주세요.',
  keyRefused: 'Anthropic이 키를 거절했어요.',
  keyRefusedHelp: `운영자가 올바른 키를 ${code('data/anthropic-key')}나 ${code('ATELIER_ANTHROPIC_KEY')}에 넣고 컨트롤 플레인을 다시 시작해야 해요.`,
  unreachable: '모델 API에 닿지 않아요.',
  unreachableHelp: '닿을 때까지 차례가 실패해요. 잃는 것은 없어요.',
};

/** Both languages. */
export const modelWords: Record<Language, typeof en> = { en, ko };
