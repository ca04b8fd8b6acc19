import AxeBuilder from '@axe-core/playwright';
import { type Browser, expect, type Page, test as base } from '@playwright/test';
import { Corp } from './identity';

/** The words that the stories look for. */
interface Words {
  locale: string;
  signIn: string;
  welcome: string;
  name: string;
  purpose: string;
  begin: string;
  composer: string;
  menu: string;
  account: string;
  here: string;
  everywhere: string;
  heading: string;
}

const ENGLISH: Words = {
  locale: 'en-US',
  signIn: 'Sign in with Corp ID',
  welcome: 'Welcome to Atelier',
  name: 'What shall we call you?',
  purpose: 'Work with data',
  begin: 'Begin',
  composer: 'Message to Claude',
  menu: 'Settings: Ada',
  account: 'Account and settings',
  here: 'this device',
  everywhere: 'Sign out everywhere',
  heading: 'Sign in to Atelier',
};

const KOREAN: Words = {
  locale: 'ko-KR',
  signIn: 'Corp ID 계정으로 로그인',
  welcome: '아틀리에에 오신 것을 환영해요',
  name: '어떻게 불러 드릴까요?',
  purpose: '데이터 다루기',
  begin: '시작하기',
  composer: 'Claude에게 보낼 메시지',
  menu: '설정: 아다',
  account: '계정과 설정',
  here: '이 기기',
  everywhere: '모든 기기에서 로그아웃',
  heading: '아틀리에 로그인',
};

const test = base.extend<object, { corp: Corp }>({
  corp: [
    async ({}, use) => {
      const corp = await Corp.start();
      await use(corp);
      await corp.stop();
    },
    { scope: 'worker', timeout: 90_000 },
  ],
});

/** A device of somebody's. */
async function device(browser: Browser, words: Words = ENGLISH): Promise<Page> {
  return (await browser.newContext({ locale: words.locale })).newPage();
}

/** What a person who depends on it would stumble over. */
async function graveFaults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** Goes to the provider and says who one is. */
async function signIn(corp: Corp, page: Page, email: string, words: Words = ENGLISH, path = '/'): Promise<void> {
  await page.goto(corp.stack.url + path);
  await page.getByRole('button', { name: words.signIn }).click();
  await corp.sayWho(page, email);
}

/** Somebody who is here for the first time says what to call them. */
async function begin(page: Page, name: string, words: Words = ENGLISH): Promise<void> {
  await expect(page.getByRole('heading', { name: words.welcome })).toBeVisible();
  await page.getByLabel(words.name).fill(name);
  await page.getByLabel(words.purpose).check();
  await page.getByRole('button', { name: words.begin, exact: true }).click();
  await expect(page.getByRole('textbox', { name: words.composer })).toBeVisible();
}

for (const [words, name, email] of [
  [ENGLISH, 'Ada', 'ada@corp.com'],
  [KOREAN, '아다', 'ada.ko@corp.com'],
] as const) {
  test(`somebody comes for the first time, sees where they are signed in, and leaves everywhere (${words.locale})`, async ({
    browser,
    corp,
  }) => {
    const page = await device(browser, words);
    await page.goto(corp.stack.url);
    await expect(page.getByRole('heading', { name: words.heading })).toBeVisible();
    expect(await graveFaults(page)).toEqual([]);
    await signIn(corp, page, email, words);
    await expect(page.getByRole('heading', { name: words.welcome })).toBeVisible();
    expect(await graveFaults(page)).toEqual([]);
    // Neither code nor state stays in the address.
    expect(page.url()).toBe(`${corp.stack.url}/`);
    await begin(page, name, words);

    // Another device: they are known by now.
    const other = await device(browser, words);
    await signIn(corp, other, email, words);
    await expect(other.getByRole('textbox', { name: words.composer })).toBeVisible();

    await page.getByRole('button', { name: words.menu }).click();
    await page.getByRole('link', { name: words.account }).click();
    await expect(page.getByRole('listitem')).toHaveCount(2);
    await expect(page.getByRole('listitem').filter({ hasText: words.here })).toHaveCount(1);
    await expect(page.getByRole('listitem').first()).toContainText('Chrome');
    expect(await graveFaults(page)).toEqual([]);
    await page.getByRole('button', { name: words.everywhere }).click();
    await page.getByRole('dialog').getByRole('button', { name: words.everywhere }).click();
    for (const left of [page, other]) {
      await expect(left.getByRole('heading', { name: words.heading })).toBeVisible();
      await left.reload();
      await expect(left.getByRole('heading', { name: words.heading })).toBeVisible();
    }
    await page.context().close();
    await other.context().close();
  });
}

test('no secret of a sign-in is kept or written down', async ({ browser, corp }) => {
  const page = await device(browser);
  const returned: URL[] = [];
  page.on('request', (request) => {
    if (request.url().startsWith(`${corp.stack.url}/api/sign-in/callback`)) returned.push(new URL(request.url()));
  });
  await signIn(corp, page, 'canary@corp.com');
  await begin(page, 'Canary');
  const [callback] = returned;
  const codes = ['code', 'state'].map((name) => callback?.searchParams.get(name) ?? '');
  const cookies = (await page.context().cookies(corp.stack.url)).map(({ value }) => value);
  // The client's own, an access token and an ID token, what came back with the browser, and the session.
  const secrets = [...corp.secrets, ...codes, ...cookies];
  expect(secrets.length).toBeGreaterThanOrEqual(6);
  expect(Math.min(...secrets.map(({ length }) => length))).toBeGreaterThan(16);
  // Who came is known, so what else were kept would be found.
  expect((await corp.stack.search(['canary@corp.com'])).join()).toContain('atelier.db');
  expect((await corp.stack.search(['TRACE'])).join()).toContain('control-plane.log');
  expect(await corp.stack.search(secrets)).toEqual([]);
  await page.context().close();
});

test('one device is signed out from another, and what is there stays', async ({ browser, corp }) => {
  const [here, there] = [await device(browser), await device(browser)];
  await signIn(corp, here, 'two.devices@corp.com');
  await begin(here, 'Ada');
  await signIn(corp, there, 'two.devices@corp.com', ENGLISH, '/settings');
  // Back where they wanted to go.
  await expect(there.getByRole('heading', { name: ENGLISH.account })).toBeVisible();
  await there.getByRole('listitem').getByRole('button', { name: /End the sign-in on Chrome/ }).click();
  await expect(here.getByText('You have been signed out.')).toBeVisible();
  await expect(there.getByRole('listitem')).toHaveCount(1);

  // All that is theirs, as a file.
  const downloading = there.waitForEvent('download');
  await there.getByRole('link', { name: 'Download', exact: true }).click();
  const file = await (await downloading).createReadStream();
  let text = '';
  for await (const piece of file) text += String(piece);
  const lines = text.trim().split('\n').map((line) => JSON.parse(line) as { kind: string });
  expect(lines[0]?.kind).toBe('user');
  expect(lines.at(-1)?.kind).toBe('end');
  expect(text).toContain('two.devices@corp.com');
  // And the files, of which there are none yet.
  const archiving = there.waitForEvent('download');
  await there.getByRole('link', { name: 'Download your files' }).click();
  expect((await archiving).suggestedFilename()).toMatch(/^atelier-.*\.tar$/);

  // And gone, once they have said that they mean it.
  await there.getByRole('button', { name: 'Erase everything' }).first().click();
  const dialog = there.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Erase everything' })).toBeDisabled();
  await dialog.getByLabel('Your name').fill('Ada');
  await dialog.getByRole('button', { name: 'Erase everything' }).click();
  await expect(there.getByRole('heading', { name: ENGLISH.heading })).toBeVisible();
  await expect(there.getByText('All that was yours has been erased')).toBeVisible();
  await here.context().close();
  await there.context().close();
});

test('whoever is not let in is told, and so is whoever turns back', async ({ browser, corp }) => {
  for (const [email, words] of [
    ['eve@exploitcorp.com', 'This account is not let in here.'],
    ['unverified@corp.com', 'Your e-mail address is not verified there yet.'],
  ] as const) {
    const page = await device(browser);
    await signIn(corp, page, email);
    await expect(page.getByRole('alert')).toContainText(words);
    await expect(page.getByRole('button', { name: ENGLISH.signIn })).toBeVisible();
    expect(page.url()).toBe(`${corp.stack.url}/`);
    await page.context().close();
  }
  const page = await device(browser);
  await page.goto(corp.stack.url);
  await page.getByRole('button', { name: ENGLISH.signIn }).click();
  await page.getByRole('link', { name: 'Cancel' }).click();
  await expect(page.getByRole('alert')).toContainText('The sign-in was cancelled.');
  await page.context().close();
});

test('whoever is kept out loses the page that is open, and comes back when they are let in', async ({ browser, corp }) => {
  const boss = await device(browser);
  await signIn(corp, boss, 'boss@corp.com');
  await begin(boss, 'Boss');
  const page = await device(browser);
  await signIn(corp, page, 'grace@corp.com');
  await begin(page, 'Grace');
  await page.getByRole('textbox', { name: ENGLISH.composer }).fill('TEXT hello from inside');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('log').getByText('hello from inside', { exact: true })).toBeVisible();

  await boss.goto(`${corp.stack.url}/operator/users`);
  const row = boss.getByRole('row').filter({ hasText: 'grace@corp.com' });
  await expect(row).toContainText('let in');
  expect(await graveFaults(boss)).toEqual([]);
  await boss.getByRole('button', { name: 'Actions: Grace' }).click();
  await boss.getByRole('button', { name: 'Keep out' }).click();
  await boss.getByRole('dialog').getByRole('button', { name: 'Keep out' }).click();
  await expect(page.getByText('You have been signed out.')).toBeVisible();
  await expect(row).toContainText('kept out');
  // Their workspace has stopped.
  await boss.getByRole('link', { name: 'Workspaces' }).click();
  await boss.getByLabel('Show stopped ones too').check();
  await expect(boss.getByRole('row').filter({ hasText: 'Grace' })).toContainText('The operator stopped it.');

  // The provider still knows them; we don't want to.
  await page.getByRole('button', { name: ENGLISH.signIn }).click();
  await expect(page.getByRole('alert')).toContainText('An operator keeps this account out.');

  await boss.getByRole('link', { name: 'People' }).click();
  await boss.getByRole('button', { name: 'Actions: Grace' }).click();
  await boss.getByRole('button', { name: 'Let in again' }).click();
  await boss.getByRole('dialog').getByRole('button', { name: 'Let in again' }).click();
  await expect(row).toContainText('let in');
  await page.getByRole('button', { name: ENGLISH.signIn }).click();
  await page.getByRole('textbox', { name: ENGLISH.composer }).fill('TEXT back again');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('log').getByText('back again', { exact: true })).toBeVisible();

  // Erased: with workspace and all, and their page ends.
  await boss.getByRole('button', { name: 'Actions: Grace' }).click();
  await boss.getByRole('button', { name: 'Erase' }).click();
  await boss.getByRole('dialog').getByRole('textbox').fill('Grace');
  await boss.getByRole('dialog').getByRole('button', { name: 'Erase' }).click();
  await expect(page.getByRole('heading', { name: ENGLISH.heading })).toBeVisible();
  await expect(row).toBeHidden();
  await boss.context().close();
  await page.context().close();
});

test('an operator reads what its owner lets operators read, the owner sees that, and ends it', async ({ browser, corp }) => {
  const ada = await device(browser);
  await signIn(corp, ada, 'sharing@corp.com');
  await begin(ada, 'Ada');
  await ada.getByRole('textbox', { name: ENGLISH.composer }).fill('TEXT it does not compile');
  await ada.keyboard.press('Enter');
  await expect(ada.getByRole('log').getByText('it does not compile', { exact: true })).toBeVisible();
  await expect(ada.getByRole('button', { name: 'Stop' })).toBeHidden();

  const helper = await device(browser);
  await signIn(corp, helper, 'helper@corp.com');
  await begin(helper, 'Hal');
  const theirs = `${corp.stack.url}/operator/grants/${ada.url().split('/').at(-1)}`;
  await helper.goto(theirs);
  await expect(helper.getByRole('heading', { name: 'This conversation can’t be read' })).toBeVisible();
  await helper.getByRole('main').getByRole('link', { name: 'Back to the shared conversations' }).click();
  await expect(helper.getByRole('heading', { name: 'Nobody shares a conversation at the moment' })).toBeVisible();

  await ada.getByRole('button', { name: /^Actions for/ }).click();
  await ada.getByRole('button', { name: 'Let operators read…' }).click();
  const dialog = ada.getByRole('dialog', { name: /Let operators read “/ });
  await dialog.getByRole('button', { name: 'A day' }).click();
  // It outlasts the list, which a narrower window takes away.
  const wide = ada.viewportSize();
  await ada.setViewportSize({ width: 390, height: 780 });
  await expect(dialog).toBeVisible();
  await expect(ada.getByRole('searchbox')).toBeHidden();
  if (wide) await ada.setViewportSize(wide);
  expect(await graveFaults(ada)).toEqual([]);
  await dialog.getByRole('button', { name: 'Let them read' }).click();
  const told = ada.getByText(/^Operators may read this conversation until/);
  await expect(told).toBeVisible();

  await helper.getByRole('button', { name: 'Look again' }).click();
  const row = helper.getByRole('row').filter({ hasText: 'Ada' });
  await expect(row).toBeVisible();
  expect(await graveFaults(helper)).toEqual([]);
  await row.getByRole('link').click();
  await expect(helper.getByRole('log').getByText('it does not compile', { exact: true })).toBeVisible();
  await expect(helper.getByText(/^Ada lets operators read this until/)).toBeVisible();
  await expect(helper.getByRole('textbox')).toHaveCount(0);
  expect(await graveFaults(helper)).toEqual([]);

  // What comes to be in it, too, once they look again.
  await ada.getByRole('textbox', { name: ENGLISH.composer }).fill('TEXT now it does');
  await ada.keyboard.press('Enter');
  await expect(ada.getByRole('log').getByText('now it does', { exact: true })).toBeVisible();
  await expect(ada.getByRole('button', { name: 'Stop' })).toBeHidden();
  await helper.getByRole('button', { name: 'Look again' }).click();
  await expect(helper.getByRole('log').getByText('now it does', { exact: true })).toBeVisible();

  const trail = await ada.context().newPage();
  await trail.goto(`${corp.stack.url}/settings`);
  await expect(trail.getByRole('row').filter({ hasText: 'conversation read by an operator' })).toContainText('Hal');
  await expect(trail.getByRole('row').filter({ hasText: 'operators allowed to read' })).toContainText('Ada');

  await ada.getByRole('button', { name: 'End this' }).click();
  await expect(told).toBeHidden();
  await helper.getByRole('button', { name: 'Look again' }).click();
  await expect(helper.getByRole('heading', { name: 'This conversation can’t be read' })).toBeVisible();
  await expect(helper.getByRole('log')).toBeHidden();
  await helper.context().close();
  await ada.context().close();
});
