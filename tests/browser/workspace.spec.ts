import { expect, Person, test } from './fixtures';
import { Stack } from './stack';

test('a workspace is stopped and started from the page, and the conversation goes on', async ({
  person,
  page,
}) => {
  await person.say('TEXT kept in mind');
  await expect(person.words(/^kept in mind$/)).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  await person.button('Workspace: running').click();
  await person.button('Stop workspace').click();
  await expect(page.getByRole('heading', { name: 'The workspace is stopped' })).toBeVisible();
  await expect(person.button('Workspace: stopped')).toBeVisible();
  await person.button('Start').click();
  await expect(person.button('Workspace: running')).toBeVisible();
  await person.say('and go on');
  await expect(person.words(/^OK [4-9]: and go on$/)).toBeVisible();
});

test('a start shows its stages, and the message that waits for it', async ({ person, page, stack }) => {
  await person.say('TEXT so that there is a workspace');
  await expect(person.words(/^so that there is a workspace$/)).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  await stack.docker('stop', '--time', '1');
  await expect(person.button('Workspace: failed').or(person.button('Workspace: stopped'))).toBeVisible();
  await person.say('TEXT woken');
  const stages = page.getByRole('region', { name: 'Workspace' }).getByRole('listitem');
  await expect(stages).toHaveText(['Image', 'Container', 'Start', 'Sign-on', 'Ready']);
  await expect(page.getByText('Your message is saved.')).toBeVisible();
  await expect(person.words(/^woken$/)).toBeVisible();
  await expect(person.button('Workspace: running')).toBeVisible();
});

test('a message that waits for a workspace is changed and taken back', async ({ page }) => {
  const stack = await Stack.start('--image=there-is-no-such-image');
  const person = new Person(page, stack);
  await person.signIn();
  await expect(page.getByRole('heading', { name: 'The workspace has not run yet' })).toBeVisible();
  await person.say('TEXT not like that');
  await expect(page.getByText('The workspace image is not on this machine.').first()).toBeVisible();
  await expect(person.words('TEXT not like that')).toBeVisible();
  // What is being written meanwhile stays.
  await person.composer.fill('something else');
  await person.button('Edit').click();
  const field = page.getByRole('textbox', { name: 'Edit queued message' });
  await expect(field).toHaveValue('TEXT not like that');
  await field.fill('TEXT rather not');
  await person.button('Save').click();
  await expect(field).toBeHidden();
  await expect(person.words('TEXT rather not')).toBeVisible();
  await person.button('Cancel').click();
  await expect(person.words(/TEXT/)).toHaveCount(0);
  await expect(person.composer).toBeFocused();
  await expect(person.composer).toHaveValue('something else');
  await page.reload();
  await expect(person.composer).toBeVisible();
  await expect(person.words(/TEXT/)).toHaveCount(0);
  await stack.stop();
});

test('what a dead workspace was at is on hold until it runs again', async ({ person, page, stack }) => {
  await person.say('GATE cut');
  await expect(person.words('gate cut', { exact: true })).toBeVisible();
  await stack.docker('kill');
  await expect(person.button('Workspace: failed')).toBeVisible();
  // At the top, and in the list.
  await expect(page.getByText('on hold', { exact: true })).toHaveCount(2);
  await expect(person.button('Stop')).toBeHidden();
  await stack.release('cut');
  await person.button('Start again').click();
  await expect(person.button('Workspace: running')).toBeVisible();
  await expect(page.getByText('on hold', { exact: true })).toHaveCount(0);
  await expect(person.button('Stop')).toBeHidden();
});

test('a message of unknown fate is sent again when a person says so', async ({ person, page, stack }) => {
  const counter = '/home/workspace/counter.txt';
  await person.say(`TOOL:Bash echo once >> ${counter}; [ $(wc -l < ${counter}) = 2 ] || sleep 600`);
  await person.prompt.getByRole('button', { name: 'Allow once' }).click();
  await stack.exec(`until [ -s ${counter} ]; do :; done`);
  await stack.killClaude();
  await expect(page.getByText('Nobody knows what became of this message')).toBeVisible();
  await person.button('Send again').click();
  await expect(page.getByText('It was sent again.')).toBeVisible();
  await person.prompt.getByRole('button', { name: 'Allow once' }).click();
  await expect(person.words(/^OK \d+/)).toBeVisible();
  expect(await stack.exec(`cat ${counter}`)).toBe('once\nonce\n');
});

test('an unknown address says so and leads back', async ({ person, page, stack }) => {
  await page.goto(`${stack.url}/c/00000000-0000-4000-8000-000000000000`);
  await expect(page.getByRole('heading', { name: 'This conversation is not here' })).toBeVisible();
  await page.getByRole('main').getByRole('link', { name: 'New conversation' }).click();
  await expect(person.composer).toBeVisible();
});
