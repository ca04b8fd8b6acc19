/** One stack a worker, which many stories share; one person, signed in, a story. */
import { test as base, type Browser, expect, type Locator, type Page } from '@playwright/test';
import { Stack } from './stack';

/** What a person sees and does, in the page's own words. */
export class Person {
  readonly composer: Locator;
  readonly prompt: Locator;

  constructor(
    readonly page: Page,
    readonly stack: Stack,
  ) {
    this.composer = page.getByRole('textbox', { name: 'Message to Claude' });
    this.prompt = page.getByRole('region', { name: 'Claude waits for you' });
  }

  async signIn(): Promise<void> {
    await this.page.goto(await this.stack.signIn());
    await expect(this.composer).toBeVisible();
  }

  /** The same person at another device, looking at the same conversation. */
  async elsewhere(browser: Browser): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    await new Person(page, this.stack).signIn();
    await page.goto(this.page.url());
    return page;
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
  }

  /** Waits until the store says that the newest conversation's turn runs. */
  async untilKept(): Promise<void> {
    const newest = async () => {
      const answer = await fetch('/api/conversations');
      const { conversations } = (await answer.json()) as {
        conversations: { summary: { state: string } }[];
      };
      return conversations[0]?.summary.state;
    };
    await expect.poll(() => this.page.evaluate(newest)).toBe('working');
  }

  /** Claude's words, anywhere in the conversation. */
  words(text: string | RegExp, options?: { exact: boolean }): Locator {
    return this.page.getByRole('log').getByText(text, options);
  }

  /** Opens a menu by its button and chooses from it. */
  async choose(menu: string | RegExp, choice: string | RegExp): Promise<void> {
    await this.button(menu).click();
    await this.page.getByRole('group').getByRole('button', { name: choice }).click();
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name });
  }
}

export const test = base.extend<{ person: Person }, { stack: Stack }>({
  stack: [
    async ({}, use) => {
      const stack = await Stack.start();
      await use(stack);
      await stack.stop();
    },
    { scope: 'worker', timeout: 90_000 },
  ],
  person: async ({ page, stack }, use) => {
    const person = new Person(page, stack);
    await person.signIn();
    await use(person);
  },
});

export { expect };
