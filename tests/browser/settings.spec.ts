import { expect, test } from './fixtures';

test('in the mode that accepts edits a file is written without a question', async ({
  person,
  stack,
}) => {
  await person.choose('Permission mode: Ask first', /^Accept edits/);
  await person.say('TOOL:Write {"file_path":"/workspace/unasked.txt","content":"unasked\\n"}');
  await expect(person.words(/^OK \d+/)).toBeVisible();
  await expect(person.prompt).toBeHidden();
  expect(await stack.exec('cat /home/workspace/unasked.txt')).toBe('unasked\n');
  // In mid-conversation it is changed back, for this conversation.
  await person.choose('Permission mode: Accept edits', /^Ask first/);
  await expect(person.button('Permission mode: Ask first')).toBeVisible();
  await person.say('TOOL:Write {"file_path":"/workspace/asked.txt","content":"asked\\n"}');
  await person.prompt.getByRole('button', { name: 'Allow once' }).click();
  await expect(person.prompt).toBeHidden();
  await expect(person.button('Stop')).toBeHidden();
});

test('another model is chosen from those that Claude offers, and every device shows it', async ({
  person,
  browser,
}) => {
  await person.say('TEXT with the default');
  await expect(person.words(/^with the default$/)).toBeVisible();
  await person.choose(/^Model: Default model/, /Haiku/);
  await expect(person.button(/^Model: .*Haiku/)).toBeVisible();
  await person.say('TEXT with another');
  await expect(person.words(/^with another$/)).toBeVisible();
  await expect(person.words(/^Model: /)).toBeVisible();
  const other = await person.elsewhere(browser);
  await expect(other.getByRole('button', { name: /^Model: .*Haiku/ })).toBeVisible();
  await other.context().close();
});

test('the language is changed at once and kept', async ({ person, page }) => {
  await person.choose('Settings: You', '한국어');
  await expect(page.getByRole('heading', { name: '무엇을 해 볼까요?' })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('lang', 'ko');
  await page.reload();
  await expect(page.getByRole('heading', { name: '무엇을 해 볼까요?' })).toBeVisible();
  await person.choose('설정: 나', 'English');
  await expect(page.getByRole('heading', { name: 'What shall we work on?' })).toBeVisible();
});
