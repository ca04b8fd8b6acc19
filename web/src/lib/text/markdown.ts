/**
 * Markdown of hostile origin to safe HTML, block by block. Raw HTML is shown as text, images become links, links
 * are kept for http, https and mailto only; then the sanitiser goes over all of it once more.
 */
import DOMPurify from 'dompurify';
import { Lexer, Parser, Renderer, type Token, type Tokens } from 'marked';

/** A top-level block: a paragraph, a list, a code block. */
export interface Block {
  readonly raw: string;
  readonly html: string;
}

/** What the page itself writes into the rendered text. */
export interface Labels {
  readonly copy: string;
  readonly image: string;
}

const LINK = /^(?:https?:\/\/|mailto:)/i;

/** The page's own headings end above this level. Answers begin at `#` or at `##`, as it pleases them. */
const FIRST_HEADING = 3;

/** Attributes whose values are no addresses, and are not to be judged as such. */
const PLAIN_ATTRIBUTES = ['start', 'target', 'rel', 'type', 'tabindex', 'data-copy', 'data-lang'];

const SAFE = {
  ALLOWED_TAGS: (
    'p br hr strong em del code pre a span div button blockquote ul ol li ' +
    'h3 h4 h5 h6 table thead tbody tr th td'
  ).split(' '),
  ALLOWED_ATTR: ['href', 'title', 'class', ...PLAIN_ATTRIBUTES],
  ADD_URI_SAFE_ATTR: PLAIN_ATTRIBUTES,
  ALLOWED_URI_REGEXP: LINK,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

/** `text` with everything that HTML would obey written out. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

class SafeRenderer extends Renderer {
  constructor(private readonly labels: Labels) {
    super();
  }

  override html({ text, block }: Tokens.HTML | Tokens.Tag): string {
    return block ? `<p>${escapeHtml(text.trimEnd())}</p>\n` : escapeHtml(text);
  }

  override code({ text, lang }: Tokens.Code): string {
    const language = escapeHtml(/^[\w+#.-]*/.exec(lang ?? '')?.[0] ?? '');
    const head = `<div class="code-head"><span>${language}</span><button type="button" data-copy="">${escapeHtml(this.labels.copy)}</button></div>`;
    return `<div class="code">${head}<pre tabindex="0"><code data-lang="${language}">${escapeHtml(text)}</code></pre></div>\n`;
  }

  override heading({ tokens, depth }: Tokens.Heading): string {
    const level = Math.min(6, Math.max(FIRST_HEADING, depth + 1));
    return `<h${level} class="depth-${depth}">${this.parser.parseInline(tokens)}</h${level}>\n`;
  }

  override checkbox({ checked }: Tokens.Checkbox): string {
    return `<span class="check">${checked ? '☑' : '☐'}</span> `;
  }

  override table(token: Tokens.Table): string {
    return `<div class="table">${super.table(token)}</div>`;
  }

  override tablecell({ tokens, header, align }: Tokens.TableCell): string {
    const tag = header ? 'th' : 'td';
    return `<${tag} class="${align ?? 'left'}">${this.parser.parseInline(tokens)}</${tag}>`;
  }

  override link({ href, title, tokens }: Tokens.Link): string {
    return anchor(href, title, this.parser.parseInline(tokens));
  }

  override image({ href, title, text }: Tokens.Image): string {
    return anchor(href, title, `[${escapeHtml(this.labels.image)}] ${escapeHtml(text || href)}`);
  }
}

/** A paragraph this long is no paragraph: its words are shown, its signs are not read. */
const MAX_INLINE = 6000;

/** The parser's time for one run of text grows with its square, and hostile text would be a single long run. */
class BoundedLexer extends Lexer {
  override inlineTokens(src: string, tokens: Token[] = []): Token[] {
    if (src.length <= MAX_INLINE) return super.inlineTokens(src, tokens);
    tokens.push({ type: 'text', raw: src, text: src, escaped: false });
    return tokens;
  }
}

function anchor(href: string, title: string | null | undefined, inner: string): string {
  if (!LINK.test(href)) return `<span title="${escapeHtml(href)}">${inner}</span>`;
  const hint = title ? ` title="${escapeHtml(title)}"` : '';
  return `<a href="${escapeHtml(href)}"${hint} target="_blank" rel="noopener noreferrer">${inner}</a>`;
}

/**
 * A text that may still grow, rendered. Finished blocks are kept; only what can still change, the last two blocks,
 * is read again when more comes.
 */
export class Markdown {
  readonly #options;
  #blocks: readonly Block[] = [];

  constructor(labels: Labels) {
    this.#options = { gfm: true, renderer: new SafeRenderer(labels) };
  }

  /** The blocks of `text`. `live`: more of it will come. */
  render(text: string, live: boolean): readonly Block[] {
    const source = text.replace(/\r\n?/g, '\n');
    const kept = live ? this.#blocks.slice(0, -2) : [];
    const head = kept.map((block) => block.raw).join('');
    const grows = source.startsWith(head);
    this.#blocks = grows ? [...kept, ...this.#read(source.slice(head.length))] : this.#read(source);
    return this.#blocks;
  }

  #read(text: string): Block[] {
    try {
      const tokens = new BoundedLexer(this.#options).lex(text);
      // Where the text defines links, a block may read differently than it did before its definition came.
      const plain = Object.keys(tokens.links).length === 0;
      const known = new Map(plain ? this.#blocks.map((block) => [block.raw, block]) : []);
      return joinSpaces(tokens).map(({ raw, token }) => known.get(raw) ?? { raw, html: this.#html(token) });
    } catch {
      // Nested beyond what the parser's stack holds: the words matter more than their shape.
      return [{ raw: text, html: `<p class="plain">${escapeHtml(text)}</p>` }];
    }
  }

  #html(token: Token): string {
    return DOMPurify.sanitize(new Parser(this.#options).parse([token]), SAFE);
  }
}

/** Blocks with the blank lines after them, so that all raw texts together are the text again. */
function joinSpaces(tokens: readonly Token[]): { raw: string; token: Token }[] {
  const joined: { raw: string; token: Token }[] = [];
  for (const token of tokens) {
    const last = joined.at(-1);
    if (last && (token.type === 'space' || token.type === 'def')) last.raw += token.raw;
    else joined.push({ raw: token.raw, token });
  }
  return joined;
}

/** Highlighted code, with nothing in it but spans with classes. */
export function sanitizeHighlight(html: string): string {
  return DOMPurify.sanitize(html, { ALLOWED_TAGS: ['span'], ALLOWED_ATTR: ['class'] });
}
