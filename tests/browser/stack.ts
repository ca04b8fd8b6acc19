/** A whole Atelier, run by the Rust harness (tests/src/bin/stack.rs) and told what to do line by line. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { createInterface, type Interface } from 'node:readline';

const target = process.env['CARGO_TARGET_DIR'] ?? `${homedir()}/.cache/atelier/target`;

export class Stack {
  private constructor(
    private readonly process: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
    private readonly reader: Interface,
    readonly url: string,
  ) {}

  /** Starts one; `options` are those of the harness and of the control plane. */
  static async start(...options: string[]): Promise<Stack> {
    const page = new URL('../../web/dist', import.meta.url).pathname;
    const process = spawn(`${target}/debug/stack`, [page, ...options]);
    let words = '';
    process.stderr.on('data', (data: Buffer) => (words += data.toString()));
    const reader = createInterface({ input: process.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done) throw new Error(`the stack does not come up: ${words}`);
    const { url } = JSON.parse(first.value) as { url: string };
    return new Stack(process, lines, reader, url);
  }

  private async ask(wanted: object): Promise<unknown> {
    this.process.stdin.write(`${JSON.stringify(wanted)}\n`);
    const line = await this.lines.next();
    if (line.done) throw new Error('the stack has ended');
    const answer = JSON.parse(line.value) as { ok?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.ok;
  }

  /** The address to sign in at, good once. */
  async signIn(): Promise<string> {
    return `${this.url}/#code=${(await this.ask({ do: 'code' })) as string}`;
  }

  async killControlPlane(): Promise<void> {
    await this.ask({ do: 'kill_control_plane' });
  }

  async startControlPlane(): Promise<void> {
    await this.ask({ do: 'start_control_plane' });
  }

  /** Lets the scripted model go on behind `GATE name`. */
  async release(gate: string): Promise<void> {
    await this.ask({ do: 'release', gate });
  }

  /** Runs a script in the container, as root, and returns what it printed. */
  async exec(script: string): Promise<string> {
    return (await this.ask({ do: 'exec', script })) as string;
  }

  /** Runs the engine's command line on the container. */
  async docker(...command: string[]): Promise<void> {
    await this.ask({ do: 'docker', arguments: command });
  }

  /** Cuts the workspace off from everything. */
  async cutOff(): Promise<void> {
    await this.ask({ do: 'cut_off' });
  }

  /** Lets it be reached again. */
  async mend(): Promise<void> {
    await this.ask({ do: 'mend' });
  }

  async killClaude(): Promise<void> {
    await this.exec('kill -9 $(pgrep -x claude)');
  }

  /** Somebody else's session cookie, `name=value`. */
  async stranger(): Promise<string> {
    return (await this.ask({ do: 'stranger' })) as string;
  }

  /** Which of these words stand in which files of the control plane's data, its log among them. */
  async search(words: readonly string[]): Promise<string[]> {
    return (await this.ask({ do: 'search', words })) as string[];
  }

  /** Ends it and waits until it has cleaned up. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.stdin.end();
    await ended;
    this.reader.close();
  }
}
