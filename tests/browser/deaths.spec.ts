import { expect, test } from './fixtures';

test('a control plane killed in mid-stream comes back to one answer, and says so', async ({
  person,
  page,
  stack,
}) => {
  await person.say('GATE crash');
  await expect(person.words('gate crash', { exact: true })).toBeVisible();
  // A control plane knows of what was under way by the store alone.
  await person.untilKept();
  await stack.killControlPlane();
  await expect(page.getByText(/Link lost/)).toBeVisible();
  await stack.release('crash');
  await stack.startControlPlane();
  await expect(page.getByText(/Link lost/)).toBeHidden();
  await expect(person.words('The control plane restarted; the work went on')).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  await expect(person.words('GATE crash', { exact: true })).toHaveCount(1);
});

test('a message written while the link is lost goes out when it is back', async ({ person, page, stack }) => {
  await person.say('TEXT before');
  await expect(person.words(/^before$/)).toBeVisible();
  await stack.killControlPlane();
  await expect(page.getByText(/Link lost/)).toBeVisible();
  await person.say('TEXT while it was lost');
  await expect(page.getByText('not sent yet')).toBeVisible();
  await stack.startControlPlane();
  await expect(person.words(/^while it was lost$/)).toBeVisible();
});

test('Claude killed before any tool is given the message again', async ({ person, stack }) => {
  await person.say('GATE kill');
  await expect(person.words('gate kill', { exact: true })).toBeVisible();
  await stack.killClaude();
  await expect(person.words('Claude restarted and is answering again')).toBeVisible();
  await stack.release('kill');
  await expect(person.button('Stop')).toBeHidden();
  await expect(person.words('GATE kill', { exact: true })).toHaveCount(1);
});

test('Claude killed after a tool call leaves the message unknown until a person decides', async ({
  person,
  page,
  stack,
}) => {
  await person.say("TOOL:Bash touch /workspace/half.txt; python3 -c 'import time; time.sleep(600)'");
  await person.prompt.getByRole('button', { name: 'Allow once' }).click();
  await stack.exec('until [ -e /home/workspace/half.txt ]; do :; done');
  await stack.killClaude();
  await expect(page.getByText('Nobody knows what became of this message')).toBeVisible();
  await expect(person.button('Send again')).toBeVisible();
  await person.button('Continue').click();
  await expect(page.getByText('It was continued.')).toBeVisible();
});

test('a workspace stopped and started again goes on with the conversation', async ({
  person,
  page,
  stack,
}) => {
  await person.say('TEXT remember this');
  await expect(person.words(/^remember this$/)).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  await stack.docker('kill');
  await expect(page.getByText('The workspace’s container ended by itself.').first()).toBeVisible();
  await person.say('and go on');
  // The scripted model counts the messages that it is shown: the conversation has kept its context.
  await expect(person.words(/^OK [4-9]: and go on$/)).toBeVisible();
});
