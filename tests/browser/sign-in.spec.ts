import { expect, test } from './fixtures';

test('a sign-in address that is spent says so and what to do', async ({ browser, stack }) => {
  const address = await stack.signIn();
  const first = await (await browser.newContext()).newPage();
  await first.goto(address);
  await expect(first.getByRole('textbox', { name: 'Message to Claude' })).toBeVisible();
  // The code is good for nothing once it is used, and it does not stay in the address.
  expect(first.url()).not.toContain('code=');
  const second = await (await browser.newContext()).newPage();
  await second.goto(address);
  await expect(second.getByRole('alert')).toContainText('This link was used before or is too old.');
  await expect(second.getByRole('alert')).toContainText('make sign-in');
  // A fresh one is taken where the spent one was refused.
  await second.getByLabel('Link or code').fill(await stack.signIn());
  await second.getByRole('button', { name: 'Sign in' }).click();
  await expect(second.getByRole('textbox', { name: 'Message to Claude' })).toBeVisible();
  await first.context().close();
  await second.context().close();
});

test('what is no sign-in address is refused before it is sent', async ({ page, stack }) => {
  await page.goto(stack.url);
  await page.getByLabel('Link or code').fill('hello there');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText('neither a sign-in link nor a code');
});

test('whoever signs out is out, in every tab', async ({ person, page, context, stack }) => {
  await person.say('TEXT before signing out');
  await expect(person.words(/^before signing out$/)).toBeVisible();
  const tab = await context.newPage();
  await tab.goto(page.url());
  await expect(tab.getByRole('log').getByText(/^before signing out$/)).toBeVisible();
  await person.button('Settings: You').click();
  await person.button('Sign out').click();
  await expect(page.getByRole('heading', { name: 'Sign in to Atelier' })).toBeVisible();
  await expect(tab.getByRole('heading', { name: 'Sign in to Atelier' })).toBeVisible();
  await page.goto(stack.url);
  await expect(page.getByRole('heading', { name: 'Sign in to Atelier' })).toBeVisible();
});
