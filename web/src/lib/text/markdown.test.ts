// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { Markdown, sanitizeHighlight } from './markdown';

const labels = { copy: 'Copy', image: 'image' };
const html = (text: string) =>
  new Markdown(labels)
    .render(text, false)
    .map((block) => block.html)
    .join('');

function dom(text: string): HTMLElement {
  const root = document.createElement('div');
  root.innerHTML = html(text);
  return root;
}

describe('hostile text', () => {
  const attacks = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    'a <b onmouseover="alert(1)">b</b> c',
    '<svg><script>alert(1)</script></svg>',
    '<iframe src="javascript:alert(1)"></iframe>',
    '<style>body{display:none}</style>',
    '<form action="https://evil.example"><button>go</button></form>',
    '<a href="https://ok.example" style="position:fixed">x</a>',
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](java&#10;script:alert(1))',
    '[x](data:text/html;base64,PHNjcmlwdD4=)',
    '[x](vbscript:x)',
    '[x](//evil.example)',
    '<javascript:alert(1)>',
    '![x](https://evil.example/pixel.png)',
    '![x](javascript:alert(1))',
    '[x](https://ok.example "t\\" onclick=\\"alert(1)")',
    '```"><img src=x onerror=alert(1)>\ncode\n```',
    '```js"onload="alert(1)\n</code></pre><script>alert(1)</script>\n```',
    '`<img src=x onerror=alert(1)>`',
    '| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |',
    '<math><mtext></table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
    '[a]: javascript:alert(1)\n\n[a]',
  ];

  it.each(attacks)('%s does nothing', (attack) => {
    const root = dom(attack);
    expect(root.querySelector('script, img, svg, iframe, style, form, math, object, input')).toBeNull();
    for (const element of root.querySelectorAll('*')) {
      for (const { name } of element.attributes) {
        expect([
          'href',
          'title',
          'class',
          'start',
          'target',
          'rel',
          'type',
          'tabindex',
          'data-copy',
          'data-lang',
        ]).toContain(name);
      }
      const href = element.getAttribute('href');
      if (href !== null) expect(href).toMatch(/^(https?:\/\/|mailto:)/i);
    }
  });

  it('in HTML is shown as it was written', () => {
    expect(dom('a <b>bold</b> move').textContent.trim()).toBe('a <b>bold</b> move');
    expect(dom('<div>\nblock\n</div>').textContent).toContain('<div>');
  });

  it('that a parser takes for ever to read is shown unread', () => {
    for (const run of ['_a', '**a', 'a.', '*_', '[', '<a ']) {
      const root = dom(run.repeat(60_000 / run.length) + '@b');
      expect(root.textContent.length).toBeGreaterThan(50_000);
      expect(root.querySelector('em, strong, a')).toBeNull();
    }
  });

  it('nested deeper than anybody reads is still shown', () => {
    const deep = '> '.repeat(20_000) + 'end';
    expect(dom(deep).textContent).toContain('end');
  });
});

describe('links', () => {
  it('open elsewhere and give nothing away', () => {
    const link = dom('[docs](https://example.com/a?b=1&c=2)').querySelector('a')!;
    expect(link.getAttribute('href')).toBe('https://example.com/a?b=1&c=2');
    expect(link.getAttribute('target')).toBe('_blank');
    expect(link.getAttribute('rel')).toBe('noopener noreferrer');
  });

  it('to files keep their words and say where they pointed', () => {
    const root = dom('[main](src/main.rs)');
    expect(root.querySelector('a')).toBeNull();
    expect(root.querySelector('span')!.title).toBe('src/main.rs');
  });

  it('stand in for images', () => {
    const link = dom('![a cat](https://example.com/cat.png)').querySelector('a')!;
    expect(link.textContent).toBe('[image] a cat');
  });
});

describe('text', () => {
  it('keeps headings below those of the page', () => {
    expect(dom('# One\n\n##### Five').innerHTML).toMatch(
      /<h3 class="depth-1">One<\/h3>[\s\S]*<h6 class="depth-5">Five<\/h6>/,
    );
  });

  it('has code with its language, a copy button, and every character', () => {
    const root = dom('```rust\nlet a = "<b>&amp;";\n```');
    expect(root.querySelector('code')!.textContent).toBe('let a = "<b>&amp;";');
    expect(root.querySelector('code')!.dataset['lang']).toBe('rust');
    expect(root.querySelector('button[data-copy]')!.textContent).toBe('Copy');
  });

  it('has tables, task lists and numbered lists that start where they say', () => {
    expect(dom('| a | b |\n|---|--:|\n| 1 | 2 |').querySelectorAll('td.right')).toHaveLength(1);
    expect(dom('- [x] done\n- [ ] open').textContent).toMatch(/☑\s+done[\s\S]*☐\s+open/);
    expect(dom('3. three').querySelector('ol')!.getAttribute('start')).toBe('3');
  });
});

describe('streaming', () => {
  const text =
    'One *two*.\n\n- a\n- b\n\n```js\nlet x = 1;\n```\n\n| a |\n|---|\n| 1 |\n\nEnd [link][l].\n\n[l]: https://example.com\n';

  it('ends, however it is cut, in what the whole text gives', () => {
    for (const step of [1, 2, 3, 7, 50]) {
      const markdown = new Markdown(labels);
      for (let end = step; end < text.length; end += step) markdown.render(text.slice(0, end), true);
      const blocks = markdown.render(text, false);
      expect(blocks.map((block) => block.html).join('')).toBe(html(text));
    }
  });

  it('keeps finished blocks as they are', () => {
    const markdown = new Markdown(labels);
    const before = markdown.render('One.\n\nTwo.\n\nThree.\n\nFo', true);
    const after = markdown.render('One.\n\nTwo.\n\nThree.\n\nFour.\n\nFi', true);
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toBe(before[1]);
  });

  it('starts over when the text does', () => {
    const markdown = new Markdown(labels);
    markdown.render('One.\n\nTwo.\n\nThree.', true);
    expect(markdown.render('Other.', true).map((block) => block.html)).toEqual(['<p>Other.</p>\n']);
  });

  it('reads Windows line ends', () => {
    const markdown = new Markdown(labels);
    markdown.render('One.\r\n\r\nTwo.\r\n\r\nThr', true);
    expect(markdown.render('One.\r\n\r\nTwo.\r\n\r\nThree.', true)).toHaveLength(3);
  });
});

it('highlighted code is spans with classes and nothing else', () => {
  expect(sanitizeHighlight('<span class="hljs-a" onclick="x">a</span><img src=x><b>c</b>')).toBe(
    '<span class="hljs-a">a</span>c',
  );
});
