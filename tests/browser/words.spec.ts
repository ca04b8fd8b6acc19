import { expect, test } from './fixtures';

test('Enter that confirms a Korean composition never sends; the next one does', async ({ person, page }) => {
  const session = await page.context().newCDPSession(page);
  await person.composer.click();
  await session.send('Input.imeSetComposition', { text: '안녕', selectionStart: 2, selectionEnd: 2 });
  // What Chromium reports for an Enter that its input method takes.
  await person.composer.evaluate((field) =>
    field.dispatchEvent(
      new KeyboardEvent('keydown', {
        key: 'Enter',
        keyCode: 229,
        isComposing: true,
        bubbles: true,
        cancelable: true,
      }),
    ),
  );
  await expect(person.composer).toHaveValue('안녕');
  await session.send('Input.insertText', { text: '안녕' });
  await expect(person.composer).toHaveValue('안녕');
  await person.composer.press('Shift+Enter');
  await expect(person.composer).toHaveValue('안녕\n');
  await person.composer.press('Enter');
  await expect(person.composer).toHaveValue('');
  await expect(person.words(/OK \d+: 안녕/)).toBeVisible();
});

test.describe('in Korean, on a phone', () => {
  test.use({ locale: 'ko-KR', viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test('a person chats and answers a prompt', async ({ page, stack }) => {
    await page.goto(await stack.signIn());
    const composer = page.locator('#message');
    await composer.fill('TOOL:Bash touch /workspace/phone.txt');
    await page.getByRole('button', { name: '보내기' }).click();
    await page.getByRole('button', { name: '한 번 허용' }).click();
    await expect(page.getByRole('log').getByText(/^OK/).last()).toBeVisible();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(390);
    expect(await stack.exec('ls /home/workspace')).toContain('phone.txt');
  });
});
