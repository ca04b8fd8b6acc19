import { type Page } from '@playwright/test';
import { expect, test } from './fixtures';

const row = (page: Page, title: string | RegExp) => page.getByRole('listitem').filter({ hasText: title });

test('a conversation is renamed, found by its name, and named so in every browser', async ({
  person,
  page,
  browser,
}) => {
  await person.say('TEXT to be renamed');
  await expect(person.words(/^to be renamed$/)).toBeVisible();
  const other = await person.elsewhere(browser);
  await row(page, 'to be renamed').hover();
  await person.button(/^Actions for TEXT to be renamed/).click();
  await page.getByRole('button', { name: 'Rename', exact: true }).click();
  const field = page.getByRole('textbox', { name: 'New title' });
  await expect(field).toBeFocused();
  await field.fill('도서관 대출');
  await field.press('Enter');
  await expect(page.getByRole('heading', { name: '도서관 대출' })).toBeVisible();
  await expect(other.getByRole('heading', { name: '도서관 대출' })).toBeVisible();
  await page.getByRole('searchbox', { name: 'Search titles' }).fill('대출');
  await expect(row(page, '도서관 대출')).toBeVisible();
  await page.getByRole('searchbox', { name: 'Search titles' }).fill('nothing of the kind');
  await expect(page.getByText('Nothing found for “nothing of the kind”')).toBeVisible();
  await other.context().close();
});

test('a deleted conversation comes back by Undo, and without it is gone everywhere', async ({
  person,
  page,
  browser,
}) => {
  await person.say('TEXT to be deleted');
  await expect(person.words(/^to be deleted$/)).toBeVisible();
  const address = page.url();
  const other = await person.elsewhere(browser);
  const remove = async () => {
    await row(page, 'to be deleted').hover();
    await person.button(/^Actions for TEXT to be deleted/).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect(row(page, 'to be deleted')).toHaveCount(0);
  };
  await remove();
  await person.button('Undo').click();
  await expect(row(page, 'to be deleted')).toHaveCount(1);
  await remove();
  await expect(other.getByText('This conversation is not here')).toBeVisible();
  await page.goto(address);
  await expect(page.getByText('This conversation is not here')).toBeVisible();
  await other.context().close();
});

test('more conversations than a page holds are all reached, those that changed meanwhile too', async ({
  person,
  page,
}) => {
  await person.say('TEXT the newest');
  await expect(person.words(/^the newest$/)).toBeVisible();
  await page.evaluate(async () => {
    const ask = (method: string, path: string, body: object) =>
      fetch(path, {
        method,
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      });
    const ids = Array.from({ length: 130 }, () => crypto.randomUUID());
    for (const [n, id] of ids.entries())
      await ask('POST', '/api/conversations', { id, title: `numbered ${n}`, settings: { mode: 'default' } });
  });
  await page.reload();
  await expect(row(page, 'numbered 129')).toBeVisible();
  await expect(page.getByRole('navigation').getByRole('listitem')).toHaveCount(100);
  // One that is old by what happened in it, and new by its name, is no place to continue from.
  await row(page, /numbered 40\b/).hover();
  await person.button('Actions for numbered 40').click();
  await page.getByRole('button', { name: 'Rename', exact: true }).click();
  await page.getByRole('textbox', { name: 'New title' }).fill('numbered 40 anew');
  await page.keyboard.press('Enter');
  await page.reload();
  await expect(row(page, 'numbered 40 anew')).toBeVisible();
  await person.button('Show more').click();
  await expect(row(page, /numbered \d+/)).toHaveCount(130);
  await expect(person.button('Show more')).toBeHidden();
});

test('a conversation that is opened again is as alive as before', async ({ person, page }) => {
  await person.say('TEXT in the first');
  await expect(person.words(/^in the first$/)).toBeVisible();
  const first = page.url();
  await page.getByRole('link', { name: 'New conversation' }).first().click();
  await person.say('TEXT in the second');
  await expect(person.words(/^in the second$/)).toBeVisible();
  expect(page.url()).not.toBe(first);
  await row(page, 'TEXT in the first').getByRole('link').click();
  await expect(page).toHaveURL(first);
  await expect(person.words(/^in the first$/)).toBeVisible();
  await person.say('TEXT once more in the first');
  await expect(person.words(/^once more in the first$/)).toBeVisible();
  await person.say('TOOL:Bash touch /workspace/again.txt');
  await person.prompt.getByRole('button', { name: 'Allow once' }).click();
  await expect(person.prompt).toBeHidden();
});
