import { expect, Person, test } from './fixtures';
import { Stack } from './stack';

test('the first message of all starts the workspace, in stages, and is answered', async ({ page }) => {
  const fresh = await Stack.start();
  const person = new Person(page, fresh);
  await person.signIn();
  await expect(page.getByText('Conversations appear here.')).toBeVisible();
  await person.say('hello there');
  await expect(page).toHaveURL(/\/c\//);
  await expect(page.getByText('The workspace is starting')).toBeVisible();
  await expect(person.words('OK 2: hello there')).toBeVisible();
  await expect(person.button('Workspace: running')).toBeVisible();
  await fresh.stop();
});

test('Stop ends the turn in mid-stream, and the next message is answered', async ({ person, stack }) => {
  await person.say('GATE never');
  await expect(person.words('gate never', { exact: true })).toBeVisible();
  await person.button('Stop').click();
  await expect(person.words('You asked to stop')).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  await person.say('TEXT after the stop');
  await expect(person.words(/^after the stop$/)).toBeVisible();
  await stack.release('never');
});

test('two browsers show one conversation', async ({ person, page, browser, stack }) => {
  await person.say('GATE shared');
  await expect(person.words('gate shared', { exact: true })).toBeVisible();
  const other = await person.elsewhere(browser);
  const log = other.getByRole('log');
  await expect(log.getByText('gate shared', { exact: true })).toBeVisible();
  await stack.release('shared');
  await expect(person.button('Stop')).toBeHidden();
  await expect(other.getByRole('button', { name: 'Stop' })).toBeHidden();
  expect(await log.innerText()).toBe(await page.getByRole('log').innerText());
  await other.context().close();
});

test('somebody else finds no conversation behind its address', async ({ person, page, browser, stack }) => {
  await person.say('TEXT between us');
  await expect(person.words(/^between us$/)).toBeVisible();
  const context = await browser.newContext();
  const [name, value] = (await stack.stranger()).split('=') as [string, string];
  await context.addCookies([{ name, value, url: stack.url }]);
  const stranger = await context.newPage();
  await stranger.goto(page.url());
  await expect(stranger.getByText('This conversation is not here')).toBeVisible();
  await expect(stranger.getByText('between us')).toHaveCount(0);
  await context.close();
});

test('a turn that failed says why and what to do, and its message is sent again by a click', async ({
  person,
}) => {
  await person.say('ERR401x1');
  await expect(person.words('The model’s API refused the key.', { exact: false })).toBeVisible();
  await person.button('Send again').click();
  await expect(person.words('ERR401x1', { exact: true })).toHaveCount(2);
  await expect(person.button('Stop')).toBeHidden();
  await expect(person.button('Send again')).toBeHidden();
  await expect(person.words('recovered')).toBeVisible();
});

test('a file that is written over is shown as changed, not as new', async ({ person, page, stack }) => {
  const write = (content: string) =>
    `TOOL:Write ${JSON.stringify({ file_path: '/workspace/over.txt', content })}`;
  const lines = (word: string) => Array.from({ length: 400 }, (_, n) => `${word} ${n} of many\n`).join('');
  await person.choose('Permission mode: Ask first', /^Accept edits/);
  await person.say([write(lines('before')), write(lines('after'))].join('\n'));
  await expect(person.words(/^OK \d+/)).toBeVisible();
  await page.getByRole('log').locator('summary').filter({ hasText: 'over.txt' }).nth(1).click();
  await expect(person.words('before 0 of many', { exact: true })).toBeVisible();
  expect(await stack.exec('head -n 1 /home/workspace/over.txt')).toBe('after 0 of many\n');
});
