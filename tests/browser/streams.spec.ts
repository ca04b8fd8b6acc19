import { type Page } from '@playwright/test';
import { expect, test } from './fixtures';

/** What a reader saw of one line of Claude's in the log. */
interface Seen {
  /** As often as it stood there at once. */
  most: number;
  /** It had come, and was gone again. */
  vanished: boolean;
}

/** Watches, from the page's next load on, every state of the log for lines that begin with `words`. */
async function watch(page: Page, words: string): Promise<() => Promise<Seen>> {
  await page.addInitScript((words) => {
    const seen = { most: 0, vanished: false };
    const look = () => {
      const lines = [...document.querySelectorAll('[role=log] p')];
      const now = lines.filter((line) => line.textContent.startsWith(words)).length;
      if (seen.most > 0 && now === 0) seen.vanished = true;
      seen.most = Math.max(seen.most, now);
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
    Object.assign(window, { seen });
  }, words);
  return () => page.evaluate(() => (window as unknown as { seen: Seen }).seen);
}

test('a stream that is reloaded in the middle never flickers and is never there twice', async ({
  person,
  page,
  stack,
}) => {
  await person.say('GATE flicker');
  await expect(person.words('gate flicker', { exact: true })).toBeVisible();
  const seen = await watch(page, 'gate flicker');
  await page.reload();
  await expect(person.words('gate flicker', { exact: true })).toBeVisible();
  await stack.release('flicker');
  await expect(person.words('gate flicker released', { exact: true })).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  await expect(person.words('GATE flicker', { exact: true })).toHaveCount(1);
  expect(await seen()).toEqual({ most: 1, vanished: false });
});

test('a control plane killed in mid-stream leaves one message, one answer and every word in view', async ({
  person,
  page,
  stack,
}) => {
  await person.say('TEXT first');
  await expect(person.words(/^first$/)).toBeVisible();
  const seen = await watch(page, 'first');
  await page.reload();
  await expect(person.words(/^first$/)).toBeVisible();
  await person.say('GATE once');
  await expect(person.words('gate once', { exact: true })).toBeVisible();
  await stack.killControlPlane();
  await expect(page.getByText(/Link lost/)).toBeVisible();
  await expect(page.getByText('What you see may be out of date.')).toBeVisible();
  await stack.startControlPlane();
  await expect(page.getByText(/Link lost/)).toBeHidden();
  await stack.release('once');
  await expect(person.words('gate once released', { exact: true })).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  await expect(person.words('GATE once', { exact: true })).toHaveCount(1);
  await expect(person.words('gate once released', { exact: true })).toHaveCount(1);
  expect(await seen()).toEqual({ most: 1, vanished: false });
});

test('a reader who has scrolled up stays where they are while Claude writes', async ({
  person,
  page,
  stack,
}) => {
  await person.say('MD');
  await expect(person.words('That is all.')).toBeVisible();
  await expect(person.button('Stop')).toBeHidden();
  await person.say('TEXT above ||| GATE below');
  await expect(person.words('gate below', { exact: true })).toBeVisible();
  const heading = page.getByRole('heading', { name: 'A tour of Markdown' });
  await heading.scrollIntoViewIfNeeded();
  await expect(person.button('To the end')).toBeVisible();
  const before = await heading.boundingBox();
  await stack.release('below');
  await expect(person.button('Stop')).toBeHidden();
  expect(await heading.boundingBox()).toEqual(before);
  await page.reload();
  await expect(person.words('gate below released', { exact: true })).toBeInViewport();
});
