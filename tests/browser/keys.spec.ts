import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, test } from './fixtures';

/** What a person who depends on it would stumble over. */
async function graveFaults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

test('a token is made, shown once, used by a script, and revoked', async ({
  person,
  page,
  stack,
  playwright,
}) => {
  await page.goto(`${stack.url}/settings`);
  const tokens = page.getByRole('region', { name: 'API tokens' });
  await expect(tokens.getByText('No tokens yet.')).toBeVisible();
  await tokens.getByRole('button', { name: 'Make a token' }).click();
  await expect(tokens.getByRole('alert')).toContainText('Give it a name');
  await tokens.getByLabel('Name', { exact: true }).fill('build server');
  await tokens.getByLabel('Answer prompts in your name').check();
  await expect(tokens.getByText('without you looking')).toBeVisible();
  await expect(tokens.getByLabel('Good for').getByRole('option')).toHaveText(['7 days', '30 days']);
  await tokens.getByLabel('Answer prompts in your name').uncheck();
  await tokens.getByRole('button', { name: 'Make a token' }).click();
  const made = tokens.getByRole('status').filter({ hasText: 'Copy the token' });
  const token = await made.locator('code').innerText();
  expect(token).toMatch(/^atelier_[\w-]{43}$/);
  expect(await graveFaults(page)).toEqual([]);
  const script = await playwright.request.newContext({
    baseURL: stack.url,
    extraHTTPHeaders: { authorization: `Bearer ${token}` },
  });
  expect((await script.get('/api/conversations')).status()).toBe(200);

  await page.reload();
  const row = tokens.getByRole('listitem').filter({ hasText: 'build server' });
  await expect(row).toContainText('read, write');
  await expect(row).toContainText('last used');
  await expect(page.getByText(token)).toHaveCount(0);
  await row.getByRole('button', { name: 'Revoke “build server”' }).click();
  const dialog = page.getByRole('dialog', {
    name: 'Revoke the token “build server”?',
  });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  expect((await script.get('/api/conversations')).status()).toBe(200);
  await row.getByRole('button', { name: 'Revoke “build server”' }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await expect(row).toHaveCount(0);
  expect((await script.get('/api/conversations')).status()).toBe(401);
  await script.dispose();

  // It is written down, and whoever did it sees that.
  const trail = page.getByRole('region', { name: 'What was done' });
  await page.reload();
  for (const deed of ['API token made', 'API token used, first time that day', 'API token revoked']) {
    await expect(trail.getByRole('rowheader', { name: deed, exact: true })).toBeVisible();
  }
  await expect(person.composer).toHaveCount(0);
});

test('an own model key is checked before it is kept, and removed', async ({ person, page, stack }) => {
  await expect(person.composer).toBeVisible();
  await page.goto(`${stack.url}/settings`);
  const key = page.getByRole('region', { name: 'Your own model key' });
  await expect(key).toContainText('The operator’s key is in use.');
  await key.getByLabel('Key', { exact: true }).fill('sk-wrong-key-0000');
  await key.getByRole('button', { name: 'Check and use' }).click();
  await expect(key.getByRole('alert')).toContainText('refuses this key. Nothing was changed.');
  // The scripted model takes one key alone, which is the operator's; it can be a person's own as well.
  await key.getByLabel('Key', { exact: true }).fill('sk-canary-5e1f0c3b');
  await key.getByRole('button', { name: 'Check and use' }).click();
  await expect(key.getByRole('status')).toContainText('The key works');
  await expect(key).toContainText('A key that ends in 0c3b is in use');
  await expect(key.getByLabel('Key', { exact: true })).toHaveValue('');
  expect(await graveFaults(page)).toEqual([]);
  await key.getByRole('button', { name: 'Remove' }).click();
  await expect(key).toContainText('The operator’s key is in use.');
});

test('an operator reads the audit trail by kind and by whom it concerns, and takes it along', async ({
  person,
  page,
  stack,
}) => {
  await expect(person.composer).toBeVisible();
  await page.goto(`${stack.url}/operator/audit`);
  await expect(page.getByRole('rowheader', { name: 'signed in' }).first()).toBeVisible();
  await page.getByLabel('Kind').selectOption('signed in');
  await expect(page.getByRole('rowheader', { name: 'workspace', exact: true })).toHaveCount(0);
  expect(await graveFaults(page)).toEqual([]);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Export as JSON lines' }).click();
  expect((await download).suggestedFilename()).toBe('atelier-audit.jsonl');
});

test('the reference of the API is readable, in the page’s own words around it', async ({
  person,
  page,
  stack,
}) => {
  await expect(person.composer).toBeVisible();
  await page.goto(`${stack.url}/settings/api`);
  const send = page.getByText('/api/conversations/{id}/messages', {
    exact: true,
  });
  await send.click();
  await expect(page.getByText('SendMessage', { exact: true }).first()).toBeVisible();
  await expect(page.getByText('token: write').first()).toBeVisible();
  expect(await graveFaults(page)).toEqual([]);
});

test.describe('in Korean', () => {
  test.use({ locale: 'ko-KR' });

  test('keys, deeds and the reference speak Korean', async ({ page, stack }) => {
    await page.goto(await stack.signIn());
    await expect(page.getByRole('textbox', { name: /Claude/ })).toBeVisible();
    await page.goto(`${stack.url}/settings`);
    await expect(page.getByRole('region', { name: 'API 토큰' })).toContainText('할 수 있는 일');
    await expect(page.getByRole('region', { name: '내 모델 키' })).toContainText(
      '운영자의 키를 쓰고 있어요.',
    );
    await expect(page.getByRole('region', { name: '한 일의 기록' })).toBeVisible();
    await page.goto(`${stack.url}/settings/api`);
    await expect(page.getByRole('heading', { name: 'API 안내' })).toBeVisible();
    await page.goto(`${stack.url}/operator/audit`);
    await expect(page.getByRole('rowheader', { name: '로그인' }).first()).toBeVisible();
  });
});
