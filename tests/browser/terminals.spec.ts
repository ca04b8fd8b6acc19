import AxeBuilder from '@axe-core/playwright';
import { type Browser, type BrowserContext, type Locator, type Page } from '@playwright/test';
import { expect, Person, test } from './fixtures';

/** The terminals of a page, as somebody sees and uses them. */
class Panel {
  readonly panel: Locator;
  readonly screen: Locator;
  /** What takes clicks. */
  readonly surface: Locator;
  /** What takes keys. */
  readonly keys: Locator;

  constructor(readonly page: Page) {
    this.panel = page.getByRole('complementary', { name: 'Terminals' });
    this.screen = this.panel.locator('.view:not([inert]) .xterm-rows');
    this.surface = this.panel.locator('.view:not([inert]) .xterm-screen');
    this.keys = this.panel.locator('.view:not([inert]) .xterm-helper-textarea');
  }

  button(name: string | RegExp): Locator {
    return this.panel.getByRole('button', { name });
  }

  /** Opens the panel and a shell in it, and waits for its prompt. */
  async openShell(): Promise<void> {
    await this.page.getByRole('button', { name: 'Terminals' }).click();
    await this.button('Open a terminal').first().click();
    await this.button(/^Shell/).click();
    await this.prompted();
  }

  /** Opens the panel and runs a command in a terminal of its own. */
  async run(line: string): Promise<void> {
    if (!(await this.panel.isVisible())) await this.page.getByRole('button', { name: 'Terminals' }).click();
    await this.button('Open a terminal').first().click();
    await this.panel.getByRole('textbox', { name: 'Run a command' }).fill(line);
    await this.button('Run').click();
  }

  async prompted(): Promise<void> {
    await expect(this.screen).toContainText('$');
  }

  /** Types a line, by its keys. */
  async type(line: string): Promise<void> {
    await this.page.keyboard.type(line);
    await this.page.keyboard.press('Enter');
  }

  /** Says something to Claude's own screen. An Enter in one piece with what is before it is a line of a paste to it. */
  async tell(text: string): Promise<void> {
    await this.page.keyboard.type(text);
    await expect(this.screen).toContainText(text);
    await this.page.keyboard.press('Enter');
  }

  /** The size that programs see. */
  async size(): Promise<string> {
    await this.type('clear; echo "si"ze-$(stty size | tr " " x)');
    await expect(this.screen).toContainText(/^size-\d+x\d+/);
    return /\d+x\d+/.exec(await this.screen.innerText())?.[0] ?? '';
  }

  async choose(choice: string | RegExp): Promise<void> {
    await this.button('This terminal').click();
    await this.button(choice).click();
  }

  /** Everything that the terminal has, scrolled away or not, by way of the clipboard. */
  async everything(): Promise<string> {
    await this.choose('Copy everything');
    await expect(this.panel.getByText('Copied')).toBeVisible();
    return this.page.evaluate(() => navigator.clipboard.readText());
  }

  /** Those of its lines that are numbered. */
  async lines(): Promise<string[]> {
    return (await this.everything()).split('\n').filter((line) => /^line \d+$/.test(line));
  }

  /** Ends all terminals: the next story begins without. */
  async closeAll(): Promise<void> {
    const closers = this.button(/^Close (?!the panel)/);
    await closers.first().waitFor();
    while ((await closers.count()) > 0) await closers.first().click();
    await this.page.reload();
  }
}

/** Terminals are drawn by elements, whose text can be read, where there is no WebGL. */
async function withoutWebGl(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const getContext = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, ...asked: unknown[]) {
      return asked[0] === 'webgl2' ? null : Reflect.apply(getContext, this, asked);
    } as typeof getContext;
  });
}

/** The same person at a device of another kind. */
async function elsewhere(browser: Browser, person: Person, viewport: { width: number; height: number }) {
  const context = await browser.newContext({ viewport });
  await withoutWebGl(context);
  const page = await context.newPage();
  await new Person(page, person.stack).signIn();
  return new Panel(page);
}

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });
test.beforeEach(async ({ context, person, page }) => {
  await withoutWebGl(context);
  await page.reload();
  await expect(person.composer).toBeVisible();
});

test('vim survives a reload with its screen and its modes, in the midst of a word', async ({ person, page }) => {
  const panel = new Panel(page);
  await panel.openShell();
  await panel.type('export TERM; seq 200 > numbers; vim numbers');
  await expect(panel.screen).toContainText('200L');
  await page.keyboard.type('50Gohalf a');
  await expect(panel.screen).toContainText('half a');
  await expect(panel.screen).toContainText('-- INSERT --');
  const before = await panel.screen.innerText();
  await page.reload();
  await expect(person.composer).toBeVisible();
  await expect.poll(() => panel.screen.innerText()).toBe(before);
  // It is still being written into; and modes that a screen does not show are as they were: arrow keys, and the mouse.
  await panel.keys.focus();
  await page.keyboard.type(' word');
  await expect(panel.screen).toContainText('half a word');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('End');
  await page.keyboard.type(' above');
  await expect(panel.screen).toContainText('50 above');
  await page.keyboard.press('Escape');
  await expect(panel.screen).not.toContainText('-- INSERT --');
  await expect(panel.screen).toContainText('50,8');
  await panel.surface.click({ position: { x: 4, y: 4 } });
  await expect(panel.screen).not.toContainText('50,8');
  await page.keyboard.type(':wq\n');
  await panel.prompted();
  await panel.type("grep -c -e '^50 above$' -e '^half a word$' numbers; echo 'coun'ted");
  await expect(panel.screen).toContainText(/2\s*counted/);
  await panel.closeAll();
});

test('two devices share a terminal: one owns its size, the other sees it whole and takes it over with one key', async ({
  person,
  page,
  browser,
}) => {
  const desk = new Panel(page);
  await desk.openShell();
  const size = await desk.size();
  const phone = await elsewhere(browser, person, { width: 390, height: 844 });
  await phone.page.getByRole('button', { name: 'Terminals' }).click();
  await expect(phone.panel.getByText('The size follows another device')).toBeVisible();
  await expect(phone.screen).toContainText(size);
  await phone.surface.click();
  await phone.page.keyboard.type('x');
  await desk.type('echo after');
  await expect(phone.screen).toContainText('after');
  await expect(phone.screen).not.toContainText('xecho');
  // One key, which the program does not get; what is typed behind it waits until it has been decided.
  await phone.page.keyboard.press('Enter');
  await phone.page.keyboard.type('echo at on""ce\n');
  await expect(phone.screen).toContainText('at once');
  await expect(phone.panel.getByText('The size follows another device')).toBeHidden();
  await expect(desk.panel.getByText('The size follows another device')).toBeVisible();
  await expect.poll(() => phone.size()).not.toBe(size);
  // Who looks at something else for a moment finds the size as it was: whoever only watches does not take it.
  const there = await phone.size();
  await phone.button('Back to the conversation').click();
  await expect(desk.panel.getByText('The size is as another device left it')).toBeVisible();
  await phone.page.getByRole('button', { name: 'Terminals' }).click();
  await expect.poll(() => phone.size()).toBe(there);
  await expect(desk.panel.getByText('The size follows another device')).toBeVisible();
  await phone.page.close();
  await desk.button(/^Use it here/).click();
  await expect(desk.panel.getByText(/^The size (follows|is as)/)).toBeHidden();
  await expect.poll(() => desk.size()).toBe(size);
  await desk.closeAll();
});

test('what is asked of a terminal is answered once, whether one device looks or two', async ({
  person,
  page,
  browser,
}) => {
  const first = new Panel(page);
  await first.openShell();
  const second = await elsewhere(browser, person, { width: 1000, height: 700 });
  await second.page.getByRole('button', { name: 'Terminals' }).click();
  await expect(second.screen).toContainText('$');
  const asks = [
    'import sys, termios, tty, os',
    'old = termios.tcgetattr(0); tty.setraw(0)',
    'os.write(1, b"\\x1b[c\\x1b[6n\\x1b]11;?\\x07\\x1b[?1004h\\x1b[?1004lSEEN")',
    'got = b""',
    'while not got.endswith(b"!"): got += os.read(0, 100)',
    'termios.tcsetattr(0, termios.TCSANOW, old)',
    'print("\\n", got.count(b"[?"), got.count(b"R"), got.count(b"]11;"), "answers")',
  ].join('\n');
  await first.type(
    `echo ${Buffer.from(asks).toString('base64')} | base64 -d > asks.py; clear; python3 asks.py`,
  );
  await expect(first.screen).toContainText('SEEN');
  await expect(second.screen).toContainText('SEEN');
  await page.keyboard.type('!');
  await expect(first.screen).toContainText('1 1 1 answers');
  await second.page.close();
  await first.closeAll();
});

test('nothing is lost or shown twice when the control plane dies while a program prints', async ({
  person,
  page,
  stack,
}) => {
  const panel = new Panel(page);
  await panel.openShell();
  await panel.type(
    'mkfifo -m 666 go; for i in $(seq 900); do echo "line $i"; [ $i = 300 ] && cat go; done; echo "th"e end',
  );
  await expect(panel.screen).toContainText('line 300');
  await stack.killControlPlane();
  await expect(page.getByText(/Link lost/)).toBeVisible();
  await expect(panel.panel.getByText('The link is lost.')).toBeVisible();
  await stack.exec('echo > /home/workspace/go');
  await stack.startControlPlane();
  await expect(panel.screen).toContainText('the end');
  await expect(person.composer).toBeVisible();
  expect(await panel.lines()).toEqual(Array.from({ length: 900 }, (_, i) => `line ${i + 1}`));
  await panel.closeAll();
});

test('no byte is lost or shown twice when the link is cut for ten seconds while a program prints', async ({
  person,
  page,
  stack,
}) => {
  const panel = new Panel(page);
  await panel.openShell();
  await panel.type(
    'mkfifo -m 666 on; for i in $(seq 1200); do echo "line $i"; echo >> made; [ $i = 300 ] && cat on; sleep 0.02; done; echo "th"e end',
  );
  await expect(panel.screen).toContainText('line 300');
  await stack.cutOff();
  // At its pace that takes ten seconds; those who watch have nothing of it.
  await stack.exec('echo > /home/workspace/on; until [ $(wc -l < /home/workspace/made) -ge 800 ]; do sleep 0.1; done');
  expect((await panel.lines()).length).toBeLessThan(800);
  await stack.mend();
  await expect(panel.screen).toContainText('the end');
  await expect(person.button('Workspace: running')).toBeVisible();
  expect(await panel.lines()).toEqual(Array.from({ length: 1200 }, (_, i) => `line ${i + 1}`));
  await panel.closeAll();
});

test('text is copied and pasted, and asked about where it would run unseen', async ({ page }) => {
  const panel = new Panel(page);
  await panel.openShell();
  await panel.type('clear; echo "to"copy');
  const word = panel.screen.getByText('tocopy', { exact: true });
  await expect(word).toBeVisible();
  // The text lies below what takes the clicks.
  await word.dblclick({ force: true });
  await page.keyboard.press('Control+Shift+C');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('tocopy');
  await page.keyboard.type('echo "[');
  await page.keyboard.press('Control+Shift+V');
  await panel.type(']"');
  await expect(panel.screen).toContainText('[tocopy]');
  // bash knows what is pasted from what is typed; cat does not.
  await page.evaluate(() => navigator.clipboard.writeText('one\ntwo\n\x1b[201~three'));
  await page.keyboard.press('Control+Shift+V');
  await expect(panel.screen).toContainText('[201~three');
  await page.keyboard.press('Control+C');
  await panel.type('clear; echo "rea"dy; cat');
  await expect(panel.screen).toHaveText(/^ready\s*$/);
  await page.keyboard.press('Control+Shift+V');
  const ask = panel.panel.getByRole('alertdialog');
  await expect(ask).toContainText('These 2 lines would run');
  await page.keyboard.press('Escape');
  await expect(ask).toBeHidden();
  await page.keyboard.press('Control+Shift+V');
  await ask.getByRole('button', { name: 'Paste' }).click();
  await expect(panel.screen).toContainText(/ready\s*one\s*two\s*\[201~three\s*one\s*two/);
  await page.keyboard.press('Control+C');
  await panel.closeAll();
});

test('a program puts text on the clipboard only where somebody lets it', async ({ page }) => {
  const panel = new Panel(page);
  await panel.openShell();
  await page.evaluate(() => navigator.clipboard.writeText('mine'));
  await panel.type(String.raw`printf '\e]52;c;%s\a' $(printf offered | base64)`);
  const offer = panel.panel.getByText('A program wants to copy this text');
  await expect(offer).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('mine');
  await panel.button('Copy').click();
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('offered');
  await panel.choose('Copy everything');
  await panel.button('This terminal').click();
  await panel.panel.getByRole('checkbox', { name: /Programs may copy/ }).check();
  await page.keyboard.press('Escape');
  await panel.surface.click();
  await panel.type(String.raw`printf '\e]52;c;%s\a' $(printf allowed | base64)`);
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('allowed');
  await panel.closeAll();
});

test('the terminal is reached, left and closed without a mouse', async ({ person, page }) => {
  const panel = new Panel(page);
  await panel.openShell();
  await expect(panel.panel.getByText('Ctrl+` or Shift+F6 leaves the terminal')).toBeVisible();
  await page.keyboard.press('Shift+F6');
  await expect(person.composer).toBeFocused();
  await page.keyboard.press('Control+`');
  await panel.type('echo back "a"gain');
  await expect(panel.screen).toContainText('back again');
  // Tab and Escape are the program's, and two of the latter stop nothing.
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await panel.type('');
  await page.keyboard.press('Control+`');
  await expect(person.composer).toBeFocused();
  await panel.closeAll();
});

test('the end of a program is told, and it is started again or closed, and that undone', async ({ page }) => {
  const panel = new Panel(page);
  await panel.run('echo "r"an; read line; exit 7');
  await expect(panel.screen).toContainText('ran');
  await panel.type('');
  await expect(panel.panel.getByText('The program has ended with status 7')).toBeVisible();
  await panel.button('Start again').click();
  await expect(panel.panel.getByText('The program has ended with status 7')).toBeHidden();
  await expect(panel.screen).toContainText('ran');
  await panel.type('');
  await expect(panel.panel.getByText('The program has ended with status 7')).toBeVisible();
  await panel.button(/^Close$/).click();
  await expect(panel.panel.getByText('No terminal is open')).toBeVisible();
  await panel.button('Undo').click();
  await expect(panel.screen).toContainText('ran');
  await panel.closeAll();
});

test('the next shell has the keys as soon as it is there', async ({ page }) => {
  const panel = new Panel(page);
  await panel.openShell();
  await panel.type('clear; echo "fi"rst');
  await expect(panel.screen).toContainText('first');
  await panel.button('Open a terminal').first().click();
  await panel.button('A login shell in your workspace').click();
  await expect(panel.screen).not.toContainText('first');
  await panel.prompted();
  await panel.type('echo "sec"ond');
  await expect(panel.screen).toContainText('second');
  await panel.closeAll();
});

test('what is typed into an ended program is for no other one', async ({ page }) => {
  const panel = new Panel(page);
  await panel.openShell();
  await panel.type('exit');
  await expect(panel.panel.getByText(/^The program has ended/)).toBeVisible();
  await panel.type('touch never');
  await panel.button('Start again').click();
  await panel.prompted();
  await panel.type('clear; ls -d never; echo "th"at is all');
  await expect(panel.screen).toContainText('that is all');
  await expect(panel.screen).toContainText('No such file');
  await panel.closeAll();
});

test('a recording is played in the page', async ({ page }) => {
  const panel = new Panel(page);
  await panel.openShell();
  await panel.choose('Record from now on');
  await expect(panel.button(/being recorded/)).toBeVisible();
  await panel.type('echo "rec"orded 한글');
  await expect(panel.screen).toContainText('recorded 한글');
  await panel.choose('Stop recording');
  await expect(panel.button(/being recorded/)).toBeHidden();
  await panel.choose('Play the recording');
  const player = panel.panel.getByRole('region', { name: /^Recording of/ });
  await expect(player.locator('.xterm-rows')).toContainText('recorded 한글');
  await expect(player.getByRole('button', { name: 'Play', exact: true })).toBeVisible();
  await player.getByRole('slider', { name: 'Position' }).fill('0');
  await expect(player.locator('.xterm-rows')).not.toContainText('recorded 한글');
  await player.getByRole('button', { name: 'Back to the terminals' }).click();
  await expect(panel.screen).toContainText('recorded 한글');
  await panel.closeAll();

  // It outlives its terminal.
  await panel.button('Open a terminal').first().click();
  await panel.button('Recordings').click();
  const list = panel.panel.getByRole('region', { name: 'Recordings' });
  await list.getByRole('listitem').first().getByRole('button').click();
  await expect(player.locator('.xterm-rows')).toContainText('recorded 한글');
  await player.getByRole('button', { name: 'Back to the recordings' }).click();
  await expect(list).toBeVisible();
  await list.getByRole('button', { name: 'Back to the terminals' }).click();
  await expect(list).toBeHidden();
});

test('Korean is composed syllable by syllable and arrives whole', async ({ page }) => {
  const panel = new Panel(page);
  await panel.openShell();
  await panel.type('clear; echo "rea"dy; cat');
  await expect(panel.screen).toHaveText(/^ready\s*$/);
  const devtools = await page.context().newCDPSession(page);
  for (const composed of ['ㅎ', '하', '한']) {
    await devtools.send('Input.imeSetComposition', {
      text: composed,
      selectionStart: 1,
      selectionEnd: 1,
    });
  }
  await expect(panel.panel.locator('.composition-view')).toHaveText('한');
  await devtools.send('Input.insertText', { text: '한' });
  for (const composed of ['ㄱ', '그', '글']) {
    await devtools.send('Input.imeSetComposition', {
      text: composed,
      selectionStart: 1,
      selectionEnd: 1,
    });
  }
  await devtools.send('Input.insertText', { text: '글' });
  await page.keyboard.press('Enter');
  await expect(panel.screen).toContainText(/한글\s*한글/);
  await page.keyboard.press('Control+C');
  await panel.closeAll();
});

test('links lead into the web, by a click with Ctrl, and nowhere else', async ({ page, context }) => {
  const panel = new Panel(page);
  await panel.openShell();
  await panel.type(
    String.raw`clear; echo "http:"//127.0.0.1:9/seen; printf '\e]8;;javascript:alert(1)\e\\%s\e]8;;\e\\\n' "trap"ped`,
  );
  const link = panel.screen.getByText('http://127.0.0.1:9/seen');
  await expect(link).toBeVisible();
  await link.click({ force: true });
  const opened = context.waitForEvent('page');
  await link.click({ force: true, modifiers: ['Control'] });
  expect((await opened).url()).toMatch(/127\.0\.0\.1:9\/seen|chrome-error/);
  await (await opened).close();
  await panel.screen.getByText('trapped').click({ force: true, modifiers: ['Control'] });
  expect(context.pages()).toHaveLength(1);
  await panel.closeAll();
});

test('what was printed is searched', async ({ page }) => {
  const panel = new Panel(page);
  await panel.openShell();
  await panel.type('clear; seq 300 | sed "s/^/row /"');
  await expect(panel.screen).toContainText('row 300');
  await page.keyboard.press('Control+Shift+F');
  await page.keyboard.type('row 77');
  await expect(panel.panel.getByText('1 of 1')).toBeVisible();
  await expect(panel.screen).toContainText('row 77');
  await page.keyboard.press('Escape');
  await panel.type('echo "typ"ed');
  await expect(panel.screen).toContainText('typed');
  await panel.closeAll();
});

test('the graphics card draws where there is one, and the CSP takes no colour from what is drawn without', async ({
  person,
  browser,
}) => {
  const page = await (await browser.newContext()).newPage();
  await new Person(page, person.stack).signIn();
  const refused: string[] = [];
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) refused.push(message.text());
  });
  const panel = new Panel(page);
  await page.getByRole('button', { name: 'Terminals' }).click();
  await panel.button('Open a terminal').first().click();
  await panel.button(/^Shell/).click();
  await expect(panel.panel.locator('.xterm-screen > canvas').first()).toBeVisible();
  // Without WebGL the same text has the colour that the program gave it, in spite of the page's CSP.
  const plain = await elsewhere(browser, person, { width: 1280, height: 800 });
  await plain.page.getByRole('button', { name: 'Terminals' }).click();
  await plain.panel.getByText('The size follows another device').waitFor();
  await plain.surface.click();
  await plain.page.keyboard.press('Enter');
  await expect(plain.panel.getByText('The size follows another device')).toBeHidden();
  await plain.type(String.raw`clear; printf '\e[38;2;200;30;30m%s\e[0m\n' "colour"ed`);
  const coloured = plain.screen.getByText('coloured', { exact: true });
  await expect(coloured).toHaveCSS('color', 'rgb(200, 30, 30)');
  expect(refused).toEqual([]);
  await plain.page.close();
  await page.reload();
  await panel.closeAll();
  await page.close();
});

test('a conversation is opened in Claude’s own screen, held meanwhile, and what was said there comes back', async ({
  person,
  page,
}) => {
  const panel = new Panel(page);
  await sayInChat(person);
  await openScreen(page);
  const held = page.getByRole('region', { name: 'Open in a terminal' });
  await expect(held).toBeVisible();
  await expect(panel.screen).toContainText('said in the chat');
  await panel.surface.click();
  await panel.tell('TEXT said in the terminal');
  await expect(panel.screen).toContainText(/said in the terminal[^]*said in the terminal/);
  await panel.type('/exit');
  await expect(panel.panel.getByText('The program has ended')).toBeVisible();
  await expect(page.getByText('Back from the terminal')).toBeVisible();
  await expect(page.getByText('Typed in a terminal')).toBeVisible();
  await expect(person.words(/^said in the terminal$/)).toBeVisible();
  await expect(held).toBeHidden();
  await person.say('TEXT and on in the chat');
  await expect(person.words(/^and on in the chat$/)).toBeVisible();
  await panel.closeAll();
});

test('a screen that somebody starts by hand holds its conversation likewise', async ({
  person,
  page,
}) => {
  const panel = new Panel(page);
  await sayInChat(person);
  const conversation = new URL(page.url()).pathname.split('/').at(-1) ?? '';
  await panel.openShell();
  await panel.type(`claude --resume ${conversation}`);
  await expect(panel.screen).toContainText('said in the chat');
  const held = page.getByRole('region', { name: 'Open in a terminal' });
  await panel.tell('TEXT said by hand');
  await expect(held).toBeVisible();
  await person.say('TEXT said meanwhile');
  await expect(page.getByRole('region', { name: '1 message waits' })).toContainText('TEXT said meanwhile');
  await expect(panel.screen).toContainText(/said by hand[^]*said by hand/);
  await panel.surface.click();
  await panel.type('/exit');
  await expect(held).toBeHidden();
  await expect(person.words(/^said by hand$/)).toBeVisible();
  await expect(person.words(/^said meanwhile$/)).toBeVisible();
  const log = await page.getByRole('log').innerText();
  expect(log.indexOf('TEXT said by hand')).toBeLessThan(log.indexOf('TEXT said meanwhile'));
  await panel.closeAll();
});

test('what was said in Claude’s own screen comes back after the workspace was killed', async ({
  person,
  page,
  stack,
}) => {
  const panel = new Panel(page);
  await sayInChat(person);
  await openScreen(page);
  await expect(panel.screen).toContainText('said in the chat');
  await panel.surface.click();
  await panel.tell('TEXT said before the end');
  await expect(panel.screen).toContainText(/said before the end[^]*said before the end/);
  // The screen shows it a moment before it is in the record.
  const asUser = 'setpriv --reuid "$(stat -c %u /home/user)" --clear-groups';
  const answers = `${asUser} sh -c "cat /home/user/.claude/projects/*/*.jsonl" | grep end_turn | grep -c 'said before the end' || true`;
  await expect.poll(() => stack.exec(answers)).toBe('1\n');
  await stack.docker('kill');
  await person.say('TEXT and on in the chat');
  await expect(person.words(/^and on in the chat$/)).toBeVisible();
  await expect(person.words(/^said before the end$/)).toBeVisible();
  const log = await page.getByRole('log').innerText();
  expect(log.indexOf('said before the end')).toBeLessThan(log.indexOf('and on in the chat'));
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme, reducedMotion: 'reduce' });

    test('terminals have no grave fault, for screen readers neither', async ({ page }) => {
      const panel = new Panel(page);
      await page.getByRole('button', { name: 'Terminals' }).click();
      await expect(panel.panel.locator('.empty').getByRole('button')).toBeVisible();
      expect(await graveFaults(page)).toEqual([]);
      await panel.button('Open a terminal').first().click();
      await panel.button(/^Shell/).click();
      await panel.prompted();
      expect(await graveFaults(page)).toEqual([]);
      await panel.button('This terminal').click();
      await panel.panel.getByRole('checkbox', { name: /For screen readers/ }).check();
      expect(await graveFaults(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await panel.surface.click();
      await panel.type('echo "read"able');
      await expect(panel.panel.getByRole('list').getByText('readable', { exact: true })).toBeAttached();
      expect(await graveFaults(page)).toEqual([]);
      await panel.closeAll();
    });
  });
}

/** A conversation that has had a turn. */
async function sayInChat(person: Person): Promise<void> {
  await person.say('TEXT said in the chat');
  await expect(person.words(/^said in the chat$/)).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
}

/** Opens Claude's own screen on the conversation that is looked at. */
async function openScreen(page: Page): Promise<void> {
  const current = page.getByRole('navigation', { name: 'Conversations' }).locator('li.current');
  await current.hover();
  await current.getByRole('button', { name: /^Actions for/ }).click();
  await current.getByRole('button', { name: 'Open in a terminal' }).click();
}

/** What a person who depends on it would stumble over. */
async function graveFaults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

test.describe('on a phone', () => {
  test.use({
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });

  test('keys that its keyboard lacks are on the screen, and Ctrl goes with the next one', async ({
    page,
  }) => {
    const panel = new Panel(page);
    await page.getByRole('button', { name: 'Terminals' }).tap();
    await panel.button('Open a terminal').first().tap();
    await panel.button(/^Shell/).tap();
    await panel.prompted();
    await panel.surface.tap();
    await panel.type('echo fir"st"');
    await expect(panel.screen).toContainText('first');
    await panel.button('Up').tap();
    await panel.button('Pipe').tap();
    await panel.type(' rev');
    await expect(panel.screen).toContainText('tsrif');
    await panel.type('cat');
    await panel.button('Ctrl').tap();
    await expect(panel.button('Ctrl')).toHaveAttribute('aria-pressed', 'true');
    await page.keyboard.type('c');
    await expect(panel.screen).toContainText('^C');
    await expect(panel.button('Ctrl')).toHaveAttribute('aria-pressed', 'false');
    await panel.type('ec');
    expect(await graveFaults(page)).toEqual([]);
    await panel.button('Back to the conversation').tap();
    await expect(page.getByRole('textbox', { name: 'Message to Claude' })).toBeVisible();
    await page.getByRole('button', { name: 'Terminals' }).tap();
    await expect(panel.screen).toContainText('tsrif');
    await panel.closeAll();
  });
});
