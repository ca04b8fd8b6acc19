import { expect, test } from './fixtures';

const bottom = (box: { y: number; height: number } | null) => (box ? box.y + box.height : NaN);

test('an allowed tool runs, and its file is in the volume', async ({ person, page, stack }) => {
  await person.say('TOOL:Write {"file_path":"/workspace/made.txt","content":"by Claude\\n"}');
  await expect(person.prompt.getByText('Claude wants to write a file')).toBeVisible();
  await expect(person.prompt.getByText('by Claude')).toBeVisible();
  await person.prompt.getByRole('button', { name: 'Allow once' }).click();
  await expect(person.prompt).toBeHidden();
  await expect(page.getByText('You allowed it once')).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  expect(await stack.exec('cat /home/workspace/made.txt')).toBe('by Claude\n');
});

test('a denied tool does not run, and Claude is told why', async ({ person, page, stack }) => {
  await person.say('TOOL:Bash touch /workspace/never.txt');
  await person.prompt.getByRole('button', { name: 'Deny with a reason' }).click();
  await person.prompt.getByRole('textbox').fill('Not in this folder.');
  await person.prompt.getByRole('button', { name: /^Deny/ }).click();
  await expect(page.getByText('You denied it')).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  expect(await stack.exec('ls /home/workspace')).not.toContain('never.txt');
});

test('a reason that is too long is refused with the limit, and nothing of it is lost', async ({ person, page }) => {
  await person.say('TOOL:Bash touch /workspace/never.txt');
  await person.prompt.getByRole('button', { name: 'Deny with a reason' }).click();
  const reason = person.prompt.getByRole('textbox');
  // One line: the browser's automation takes a minute to type as many.
  await reason.fill('a line of a log '.repeat(4_500));
  await person.prompt.getByRole('button', { name: /^Deny/ }).click();
  await expect(person.prompt.getByRole('alert')).toContainText('This answer is too long: 48');
  await expect(reason).toHaveValue(/a line of a log/);
  await reason.fill('Not in this folder.');
  await person.prompt.getByRole('button', { name: /^Deny/ }).click();
  await expect(page.getByText('You denied it')).toBeVisible();
});

test('two prompts are open at once and each is answered for itself', async ({ person }) => {
  const fetch = 'TOOL:WebFetch {"url":"http://127.0.0.1:9/","prompt":"x"}';
  await person.say(`${fetch} ||| ${fetch}`);
  await expect(person.prompt.getByText('1 of 2')).toBeVisible();
  await person.prompt.getByRole('button', { name: 'Deny', exact: false }).first().click();
  await expect(person.prompt.getByText('1 of 2')).toBeHidden();
  await person.prompt.getByRole('button', { name: 'Allow once' }).click();
  await expect(person.prompt).toBeHidden();
  await expect(person.button('Stop')).toBeHidden();
  await expect(person.words('You denied it')).toHaveCount(1);
  await expect(person.words('You allowed it once')).toHaveCount(1);
});

test('an answer on one device is shown, with who gave it, on the other', async ({
  person,
  page,
  browser,
}) => {
  await person.say('TOOL:Bash touch /workspace/shared.txt');
  await expect(person.prompt).toBeVisible();
  const other = await person.elsewhere(browser);
  await other.getByRole('button', { name: 'Allow once' }).click();
  await expect(person.prompt).toBeHidden();
  await expect(page.getByText('You allowed it once')).toBeVisible();
  await other.context().close();
});

test('a question is answered by choosing', async ({ person, page }) => {
  const questions = [
    {
      question: 'Which colour?',
      header: 'Colour',
      multiSelect: false,
      options: [
        { label: 'Red', description: 'Warm' },
        { label: 'Blue', description: 'Cold' },
      ],
    },
  ];
  await person.say(`TOOL:AskUserQuestion ${JSON.stringify({ questions })}`);
  await expect(person.prompt.getByText('Which colour?')).toBeVisible();
  await person.prompt.getByText('Blue', { exact: true }).click();
  await person.prompt.getByRole('button', { name: /^Answer/ }).click();
  await expect(person.prompt).toBeHidden();
  await expect(page.getByText('You answered').first()).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
});

test('a long command is shown in full, and never under its buttons', async ({ person, page }) => {
  const lines = Array.from({ length: 60 }, (_, n) => `echo line ${n}`).join('\n');
  await person.say(`TOOL:Bash ${JSON.stringify({ command: `${lines}\ntouch /workspace/long.txt` })}`);
  await person.prompt.getByRole('button', { name: 'Show all 61 lines' }).click();
  const allow = person.prompt.getByRole('button', { name: 'Allow once' });
  await expect(allow).toBeInViewport({ ratio: 1 });
  // What is asked goes on below the buttons, which stand at the card's lower edge…
  const card = await person.prompt.boundingBox();
  const button = await allow.boundingBox();
  expect(bottom(card) - bottom(button)).toBeLessThan(24);
  // …and ends above them.
  await person.prompt.evaluate((card) => card.scrollTo(0, card.scrollHeight));
  const end = await allow.boundingBox();
  expect(bottom(await person.prompt.locator('pre').boundingBox())).toBeLessThan(end?.y ?? 0);
  await allow.click();
  await expect(person.prompt).toBeHidden();
  await expect(person.button('Stop')).toBeHidden();
  await expect(page.getByText('You allowed it once')).toBeVisible();
});

test('a key that is held down answers nothing, and neither key answers while one writes down why not', async ({
  person,
  page,
}) => {
  await person.say('TOOL:Bash touch /workspace/first.txt');
  await expect(person.prompt).toBeVisible();
  await page.keyboard.down('Control');
  // As a keyboard repeats it.
  for (let press = 0; press < 20; press++) {
    await page.evaluate(() =>
      dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true, repeat: true })),
    );
  }
  await person.prompt.getByRole('button', { name: 'Deny with a reason' }).click();
  await page.getByRole('textbox', { name: 'Message to Claude' }).focus();
  await page.keyboard.press('Control+Enter');
  await page.keyboard.press('Control+Backspace');
  await expect(person.prompt.getByRole('textbox')).toBeVisible();
  await expect(page.getByText('You allowed it once')).toHaveCount(0);
  await expect(page.getByText('You denied it')).toHaveCount(0);
  await page.keyboard.up('Control');
  await person.prompt.getByRole('textbox').fill('Not now.');
  await person.prompt.getByRole('button', { name: /^Deny/ }).click();
  await expect(page.getByText('You denied it')).toBeVisible();
});
