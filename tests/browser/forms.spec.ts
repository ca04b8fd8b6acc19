import { expect, test } from './fixtures';

test('a plan is sent back with a reason, then approved, and edits need no more asking', async ({
  person,
  stack,
}) => {
  await person.choose('Permission mode: Ask first', /^Plan/);
  await person.say(
    [
      'TEXT First the tests. ||| TOOL:ExitPlanMode {}',
      'TEXT Then the sum. ||| TOOL:ExitPlanMode {}',
      'TOOL:Write {"file_path":"/workspace/planned.txt","content":"planned\\n"}',
    ].join('\n'),
  );
  await expect(person.prompt.getByText('Claude proposes a plan')).toBeVisible();
  await person.prompt.getByRole('button', { name: 'Keep planning' }).click();
  await person.prompt.getByRole('textbox').fill('Leave the tests alone.');
  await person.prompt.getByRole('button', { name: /^Keep planning/ }).click();
  await expect(person.words('You asked for more planning')).toBeVisible();
  await expect(person.words('Leave the tests alone.').first()).toBeVisible();
  await person.prompt.getByRole('button', { name: 'Approve and accept edits' }).click();
  await expect(person.words(/You approved the plan/)).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  await expect(person.prompt).toBeHidden();
  await expect(person.button('Permission mode: Accept edits')).toBeVisible();
  expect(await stack.exec('cat /home/workspace/planned.txt')).toBe('planned\n');
});

test('several questions are answered at once, one of them in own words, one with several answers', async ({
  person,
}) => {
  const option = (label: string) => ({ label, description: '' });
  const questions = [
    {
      question: 'Which colour?',
      header: 'Colour',
      multiSelect: false,
      options: [option('Red'), option('Blue')],
    },
    {
      question: 'Which sizes?',
      header: 'Sizes',
      multiSelect: true,
      options: [option('Small'), option('Large')],
    },
  ];
  await person.say(`TOOL:AskUserQuestion ${JSON.stringify({ questions })}`);
  await person.prompt.getByRole('radio', { name: 'Other…' }).check();
  await person.prompt.getByRole('textbox', { name: 'Your own answer' }).fill('Ochre');
  await person.prompt.getByRole('checkbox', { name: 'Small' }).check();
  await person.prompt.getByRole('checkbox', { name: 'Large' }).check();
  await person.prompt.getByRole('button', { name: /^Answer/ }).click();
  await expect(person.prompt).toBeHidden();
  await expect(person.words('Ochre').first()).toBeVisible();
  await expect(person.words('Small, Large').first()).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
});
