/** The words around the API's description of itself, which is in English: it is read by programs, too. */
import type { Language } from './format';

const en = {
  title: 'The API',
  help: 'What scripts can do with an API token. Put it into the header of each request:',
  document: 'This page shows the document that the server has for programs',
  scope: (scope: string) => `token: ${scope}`,
  pageOnly: 'page only',
  parameters: 'Parameters',
  body: 'Body',
  answers: 'Answers',
  optional: 'optional',
  refusals:
    'Everything else is refused with an object that has a code, a message and a request id: 400, 401, 403, 404, 408, 409, 413, 429 and 503.',
  shapes: 'Shapes',
  back: 'Back to the conversations',
  failed: 'The description can’t be loaded.',
};

const ko: typeof en = {
  title: 'API 안내',
  help: '스크립트가 API 토큰으로 할 수 있는 일이에요. 요청마다 헤더에 토큰을 넣어 주세요:',
  document: '이 화면은 서버가 프로그램에 내주는 문서를 보여 줘요',
  scope: (scope) => `토큰 권한: ${scope}`,
  pageOnly: '화면에서만',
  parameters: '매개변수',
  body: '본문',
  answers: '응답',
  optional: '선택',
  refusals:
    '그 밖에는 code와 message, request_id가 있는 객체로 거절해요: 400, 401, 403, 404, 408, 409, 413, 429, 503.',
  shapes: '형식',
  back: '대화로 돌아가기',
  failed: '안내를 불러오지 못했어요.',
};

/** Both languages. */
export const referenceWords: Record<Language, typeof en> = { en, ko };
