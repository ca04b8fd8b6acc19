import AxeBuilder from '@axe-core/playwright';
import type { Locator, Page } from '@playwright/test';
import { expect, test } from './fixtures';
import type { Person } from './fixtures';

/** What a person who depends on it would stumble over. */
async function graveFaults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** Has the workspace run, with a conversation in it. */
async function begin(person: Person, text: string): Promise<void> {
  await person.say(`TEXT ${text}`);
  await expect(person.words(text, { exact: true })).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
}

/** The operator's page in a tab of its own, reached as a person does; and the row of their own workspace. */
async function overview(person: Person): Promise<{ tab: Page; row: Locator }> {
  const tab = await person.page.context().newPage();
  await tab.goto(person.stack.url);
  await tab.getByRole('button', { name: 'Settings: You' }).click();
  await tab.getByRole('link', { name: 'Operator', exact: true }).click();
  await expect(tab.getByRole('heading', { name: 'Operator' })).toBeVisible();
  return { tab, row: tab.getByRole('row').filter({ hasText: 'You' }) };
}

test('an operator sees a workspace stop and start, and has it do both', async ({ person, page }) => {
  await begin(person, 'before the operator came');
  const { tab, row } = await overview(person);
  await expect(row).toContainText('running');
  await expect(row).toContainText(/\d ms/);
  await tab.getByLabel('Show stopped ones too').check();

  // What is shown is pushed: it is the user who stops it here, and starts it again by a message.
  await person.button('Workspace: running').click();
  await person.button('Stop workspace').click();
  await expect(row).toContainText('It was stopped on request.');
  await begin(person, 'started again');
  await expect(row).toContainText('running');

  // The operator stops it, and is asked first.
  await row.getByRole('button', { name: 'Stop: You' }).click();
  const dialog = tab.getByRole('dialog', { name: 'Stop the workspace “You”?' });
  await expect(dialog).toContainText('No conversation is working.');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(row.getByRole('button', { name: 'Stop: You' })).toBeFocused();
  await expect(row).toContainText('running');
  await row.getByRole('button', { name: 'Stop: You' }).click();
  await dialog.getByRole('button', { name: 'Stop' }).click();
  await expect(row).toContainText('The operator stopped it.');
  await expect(page.getByText('The operator stopped it.').first()).toBeVisible();

  await row.getByRole('button', { name: 'Start: You' }).click();
  await expect(row).toContainText('running');
  await expect(person.button('Workspace: running')).toBeVisible();
});

test('a restart says what it cuts off, and does it', async ({ person, page, stack }) => {
  await person.say('GATE operator');
  await expect(person.words('gate operator', { exact: true })).toBeVisible();
  const { tab, row } = await overview(person);
  await row.getByRole('button', { name: 'Restart: You' }).click();
  const dialog = tab.getByRole('dialog', { name: 'Restart the workspace “You”?' });
  await expect(dialog).toContainText('1 conversation is working. That is cut off.');
  await dialog.getByRole('button', { name: 'Restart' }).click();
  await expect(row).toContainText('stopping');
  await expect(row).toContainText('running');
  await expect(page.getByText(/The operator restarted it\./).first()).toBeVisible();
  await stack.release('operator');
  await expect(person.button('Stop')).toBeHidden();
});

test('the list is filtered, and stopped workspaces are shown on demand', async ({ person, browser, stack }) => {
  await begin(person, 'so that one is up');
  // Somebody else's workspace, which never ran.
  const [name, value] = (await stack.stranger()).split('=') as [string, string];
  const context = await browser.newContext();
  await context.addCookies([{ name, value, url: stack.url }]);
  const other = await context.newPage();
  await other.goto(stack.url);
  await expect(other.getByRole('button', { name: 'Workspace: stopped' })).toBeVisible();

  const { tab, row } = await overview(person);
  const neighbour = tab.getByRole('row').filter({ hasText: 'neighbour' });
  await expect(row).toBeVisible();
  await expect(neighbour).toBeHidden();
  await tab.getByLabel('Show stopped ones too').check();
  await expect(neighbour).toContainText('stopped');
  const filter = tab.getByRole('searchbox', { name: 'Find by name, e-mail, state' });
  await filter.fill('NEIGH');
  await expect(neighbour).toBeVisible();
  await expect(row).toBeHidden();
  await filter.fill('nobody of this name');
  await expect(tab.getByText('Nothing found for “nobody of this name”')).toBeVisible();

  // To somebody who is no operator there is no such page, nor a way to it.
  await other.getByRole('button', { name: 'Settings: neighbour' }).click();
  await expect(other.getByRole('button', { name: 'Sign out' })).toBeVisible();
  await expect(other.getByRole('link', { name: 'Operator', exact: true })).toBeHidden();
  await other.goto(`${stack.url}/operator`);
  await expect(other.getByRole('heading', { name: 'This page is for operators' })).toBeVisible();
  await other.getByRole('link', { name: 'Back to the conversations' }).click();
  await expect(other.getByRole('textbox', { name: 'Message to Claude' })).toBeVisible();
  await context.close();
});

test('a lost link is said, and what was missed is there when it is back', async ({ person, stack }) => {
  await begin(person, 'before the link is lost');
  const { tab, row } = await overview(person);
  await expect(row).toContainText('running');
  await stack.killControlPlane();
  await expect(tab.getByText(/What you see may be out of date/)).toBeVisible();
  await expect(row.getByRole('button', { name: 'Stop: You' })).toBeDisabled();
  await stack.startControlPlane();
  await expect(tab.getByText(/What you see may be out of date/)).toBeHidden();
  await expect(row).toContainText('running');
  await expect(row.getByRole('button', { name: 'Stop: You' })).toBeEnabled();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test.describe(`in ${colorScheme}`, () => {
    test.use({ colorScheme, reducedMotion: 'reduce' });

    test('table, cards and dialog have no grave fault', async ({ person }) => {
      await begin(person, 'to be looked at');
      const { tab, row } = await overview(person);
      await expect(row).toContainText('running');
      expect(await graveFaults(tab)).toEqual([]);
      await row.getByRole('button', { name: 'Stop: You' }).click();
      await expect(tab.getByRole('dialog')).toBeVisible();
      expect(await graveFaults(tab)).toEqual([]);
      await tab.keyboard.press('Escape');
      await tab.setViewportSize({ width: 390, height: 844 });
      const card = tab.getByRole('list', { name: 'Workspaces' }).getByRole('listitem');
      await expect(card.filter({ hasText: 'You' })).toContainText('running');
      expect(await graveFaults(tab)).toEqual([]);
    });
  });
}
