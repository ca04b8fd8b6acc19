import { expect, test } from './fixtures';

test('messages that wait are changed, reordered, taken back and sent at once', async ({
  person,
  page,
  stack,
}) => {
  await person.say('GATE queue');
  await expect(person.words('gate queue', { exact: true })).toBeVisible();
  for (const text of ['TEXT one', 'TEXT two', 'TEXT three']) await person.say(text);
  const queue = page.getByRole('region', { name: /messages? waits?$/ });
  const items = queue.getByRole('listitem');
  const item = (text: string) => items.filter({ hasText: text });
  await expect(items).toContainText(['TEXT one', 'TEXT two', 'TEXT three']);

  await item('TEXT two').getByRole('button', { name: 'Edit' }).click();
  const field = queue.getByRole('textbox', { name: 'Edit queued message' });
  await expect(field).toBeFocused();
  await field.fill('TEXT second');
  await field.press('Enter');
  await item('TEXT second').getByRole('button', { name: 'Move up' }).click();
  await expect(items).toContainText(['TEXT second', 'TEXT one', 'TEXT three']);
  await item('TEXT one').getByRole('button', { name: 'Cancel' }).click();
  await expect(items).toContainText(['TEXT second', 'TEXT three']);
  // Whoever looks elsewhere meanwhile finds it so.
  await page.reload();
  await expect(items).toContainText(['TEXT second', 'TEXT three']);

  await item('TEXT three')
    .getByRole('button', { name: /^Send now/ })
    .click();
  await expect(
    person.words('into the running turn').or(queue.getByText('goes into the running turn')),
  ).toBeVisible();
  await stack.release('queue');
  await expect(person.words(/^second$/)).toBeVisible();
  await expect(queue).toBeHidden();
  await expect(person.button('Stop')).toBeHidden();
  await expect(person.words('TEXT three', { exact: true })).toHaveCount(1);
  await expect(person.words('TEXT one')).toHaveCount(0);
});
