import AxeBuilder from '@axe-core/playwright';
import { type Locator, type Page } from '@playwright/test';
import { expect, test } from './fixtures';

/** What a person who depends on it would stumble over. */
async function graveFaults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** Presses `key` until the focus is where it is wanted, as somebody without a mouse does. */
async function go(page: Page, key: 'Tab' | 'Shift+Tab', to: Locator): Promise<void> {
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press(key);
    if (await to.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`${key} does not lead to ${to}`);
}

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme, reducedMotion: 'reduce' });

    test('signing in has no grave fault, a refused code neither', async ({ page, stack }) => {
      await page.goto(stack.url);
      await expect(page.getByRole('heading', { name: 'Sign in to Atelier' })).toBeVisible();
      expect(await graveFaults(page)).toEqual([]);
      await page.getByLabel('Link or code').fill('no code');
      await page.keyboard.press('Enter');
      await expect(page.getByRole('alert')).toBeVisible();
      expect(await graveFaults(page)).toEqual([]);
    });

    test('start, chat, prompt and settings have no grave fault', async ({ person, page, stack }) => {
      await expect(person.button('A long answer')).toBeVisible();
      expect(await graveFaults(page)).toEqual([]);
      await person.button('Settings: You').click();
      await expect(page.getByRole('group', { name: 'Language' })).toBeVisible();
      expect(await graveFaults(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await person.say('MD ||| TOOL:Write {"file_path":"/workspace/seen.txt","content":"seen\\n"}');
      await expect(person.prompt.getByRole('button', { name: 'Allow once' })).toBeVisible();
      await person.say('and this waits');
      await expect(page.getByRole('region', { name: '1 message waits' })).toBeVisible();
      expect(await graveFaults(page)).toEqual([]);
      await person.prompt.getByRole('button', { name: 'Allow once' }).click();
      await expect(person.words('OK 6: and this waits')).toBeVisible();
      await person.choose(/^Model:/, /Haiku/);
      await stack.killControlPlane();
      await expect(page.getByText(/Link lost/)).toBeVisible();
      expect(await graveFaults(page)).toEqual([]);
      await stack.startControlPlane();
      await expect(page.getByText(/Link lost/)).toBeHidden();
    });
  });
}

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test('chat and list have no grave fault, and nothing moves when a turn begins', async ({
    person,
    page,
  }) => {
    const bar = page.locator('main > header');
    const still = await bar.boundingBox();
    await person.composer.fill('TOOL:Bash touch /workspace/phone.txt');
    await person.button('Send').tap();
    await expect(person.prompt.getByRole('button', { name: 'Allow once' })).toBeVisible();
    expect(await bar.boundingBox()).toEqual(still);
    expect(await graveFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Conversations' }).tap();
    await expect(page.getByRole('navigation', { name: 'Conversations' })).toBeVisible();
    expect(await graveFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Close list' }).tap();
    await person.prompt.getByRole('button', { name: 'Allow once' }).tap();
    await expect(person.button('Stop')).toBeHidden();
  });
});

test('everything is done without a mouse', async ({ person, page }) => {
  const keyboard = page.keyboard;
  // The message field has the focus from the start.
  await keyboard.type('TEXT from the keyboard');
  await keyboard.press('Enter');
  await expect(person.words(/^from the keyboard$/)).toBeVisible();
  const first = page.url();

  // A new conversation, in another mode.
  await go(page, 'Shift+Tab', page.getByRole('link', { name: 'New conversation' }));
  await keyboard.press('Enter');
  await expect(person.composer).toBeFocused();
  await go(page, 'Tab', person.button('Permission mode: Ask first'));
  await keyboard.press('Enter');
  await go(page, 'Tab', page.getByRole('button', { name: /^Plan/ }));
  await keyboard.press('Enter');
  await expect(person.button('Permission mode: Plan')).toBeFocused();
  await keyboard.press('Enter');
  await go(page, 'Tab', page.getByRole('button', { name: /^Ask first/ }));
  await keyboard.press('Enter');

  // A prompt is answered by its key, from the message field, and by its button.
  await go(page, 'Shift+Tab', person.composer);
  await keyboard.type('TOOL:Bash touch /workspace/one.txt; echo was made');
  await keyboard.press('Shift+Enter');
  await keyboard.type('TOOL:Bash touch /workspace/two.txt');
  await keyboard.press('Enter');
  await expect(person.prompt.getByText('one.txt').first()).toBeVisible();
  // It takes no key before it can have been read.
  await expect(async () => {
    if (await person.prompt.getByText('one.txt').first().isVisible()) await keyboard.press('Control+Enter');
    await expect(person.prompt.getByText('two.txt').first()).toBeVisible({ timeout: 300 });
  }).toPass();
  await go(page, 'Shift+Tab', person.prompt.getByRole('button', { name: /^Deny/ }).first());
  await keyboard.press('Enter');
  await expect(person.prompt).toBeHidden();
  await expect(person.button('Stop')).toBeHidden();
  // The focus did not go with the prompt.
  await expect(person.composer).toBeFocused();

  // A tool's card is opened.
  const card = page.getByRole('log').locator('summary').filter({ hasText: 'one.txt' });
  await go(page, 'Shift+Tab', card);
  await keyboard.press('Enter');
  await expect(person.words('was made', { exact: true })).toBeVisible();

  // A turn is stopped.
  await go(page, 'Tab', person.composer);
  await keyboard.type('GATE keyboard');
  await keyboard.press('Enter');
  await expect(person.words('gate keyboard', { exact: true })).toBeVisible();
  await keyboard.press('Escape');
  await keyboard.press('Escape');
  await expect(person.words('You asked to stop')).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();

  // Another conversation is gone to.
  await go(page, 'Shift+Tab', page.getByRole('link', { name: /TEXT from the keyboard/ }));
  await keyboard.press('Enter');
  await expect(page).toHaveURL(first);
  await expect(person.words(/^from the keyboard$/)).toBeVisible();
  await expect(person.composer).toBeFocused();
});
