import { expect, it } from 'vitest';
import { spokenText } from './spoken';

it('reads words out, not signs', () => {
  for (const [markdown, words] of [
    ['All **done**, _really_.', 'All done, really.'],
    ['# Title\n\n- one\n- [x] two\n3. three\n> said', 'Title one two three said'],
    ['See [the docs](https://x.example/a "t") and ![a cat](cat.png).', 'See the docs and a cat.'],
    ['Run `make up` in\n```sh\nmake up\n```\nnow', 'Run make up in make up now'],
    ['| a | b |\n|---|:-:|\n| 1 | 2 |', 'a b 1 2'],
    [
      '`snake_case_name` and 2 * 3 and <https://x.example>',
      'snake_case_name and 2 * 3 and https://x.example',
    ],
    ['~~old~~ ***new***\n\n---\nend', 'old new end'],
    ['**“끝났어요.”** 다음은 *파일*이에요.', '“끝났어요.” 다음은 파일이에요.'],
    ['', ''],
  ] as const)
    expect(spokenText(markdown)).toBe(words);
});

it('is quick with what is nothing but signs, as far as it is asked', () => {
  const began = performance.now();
  for (const sign of ['*', '_', '[', '`', '# ', '| ', '> ', '![', '- ']) spokenText(sign.repeat(1000));
  expect(performance.now() - began).toBeLessThan(1000);
});
