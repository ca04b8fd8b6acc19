/** An identity provider that nobody here wrote, as a process of its own, and an Atelier whose people sign in there. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Page } from '@playwright/test';
import { Stack } from './stack';

/** A port that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error())));
    });
  });
}

/** What Atelier is known by at the provider. */
const SECRET = 'a-secret-of-the-story';

export class Corp {
  /** Secrets that this Atelier has or was given: the client's own, and all tokens so far. */
  readonly secrets = [SECRET];

  private constructor(
    readonly stack: Stack,
    private readonly provider: ChildProcessWithoutNullStreams,
    private readonly folder: string,
  ) {}

  /** An Atelier for people of `corp.com`, whose boss and helper operate it. */
  static async start(): Promise<Corp> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'identity-'));
    const secret = join(folder, 'secret');
    writeFileSync(secret, `${SECRET}\n`, { mode: 0o600 });
    const stack = await Stack.start(
      '--loud',
      `--oidc-issuer=http://127.0.0.1:${port}`,
      '--oidc-client-id=atelier',
      `--oidc-client-secret-file=${secret}`,
      '--oidc-name=Corp ID',
      '--allowed-domains=corp.com',
      '--operators=boss@corp.com,helper@corp.com',
    );
    const script = new URL('identity.mjs', import.meta.url).pathname;
    const provider = spawn('node', [script, String(port), `${stack.url}/api/sign-in/callback`]);
    let words = '';
    provider.stderr.on('data', (data: Buffer) => (words += data.toString()));
    const reader = createInterface({ input: provider.stdout });
    const first = await reader[Symbol.asyncIterator]().next();
    if (first.done) throw new Error(`the identity provider does not come up: ${words}`);
    const corp = new Corp(stack, provider, folder);
    // The library has words of its own on the same stream.
    reader.on('line', (line) => {
      if (line.startsWith('{')) corp.secrets.push(...(JSON.parse(line) as { tokens: string[] }).tokens);
    });
    return corp;
  }

  /** Says at the provider who one is, and that Atelier may know. */
  async sayWho(page: Page, email: string): Promise<void> {
    await page.getByPlaceholder('Enter any login').fill(email);
    await page.getByPlaceholder('and password').fill('whatever');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.provider.once('exit', resolve));
    this.provider.stdin.end();
    await ended;
    await this.stack.stop();
    rmSync(this.folder, { recursive: true });
  }
}
