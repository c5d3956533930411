/** Processes that are small scripts: real processes with a real channel, which start in a moment. */
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { loadConfig } from '../../../src/config/config.ts';
import type { Settings } from '../../../src/config/settings.ts';
import { Processes } from '../../../src/service/supervisor/processes.ts';

/** Listens at once, is ready, has no sockets, and ends when it is asked to stop. */
export const OBEDIENT = `
  process.on('message', ({ question, id }) => {
    if (question === undefined) return;
    process.send({ answer: question === 'sockets' ? 0 : undefined, id });
    if (question === 'stop') process.disconnect();
  });
  process.send({ question: 'listening', given: undefined, id: 1 });
`;
/** Never listens, and answers nothing. */
export const SILENT = `process.on('message', () => {});`;
/** Ends at once. */
export const FAILING = 'process.exit(3);';

export interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly [field: string]: unknown;
}

/** @param env of the processes, without that of the test */
export function settingsOf(env: Readonly<Record<string, string>> = {}): Settings {
  const { config } = loadConfig(
    { REDIS_HOST: '127.0.0.1', REDIS_PORT: '6379', REDIS_PASSWORD: '', SHUTDOWN_GRACE_MS: '0' },
    { standalone: false },
  );
  return { given: env, env, config };
}

/** @param scriptOf the script of the process with this number, for each start */
export function scriptedProcesses(t: TestContext, scriptOf: (process: number) => string) {
  const lines: LogLine[] = [];
  const log = pino(
    { level: 'debug', formatters: { level: (level) => ({ level }) } },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  const invocation = (n: number) => ({ command: process.execPath, args: ['-e', scriptOf(n)] });
  const asked = () => {
    throw new Error('no script asks about the whole service');
  };
  const processes = new Processes(
    { count: 2, log, invocation, environment: ({ env }) => env, asked },
    settingsOf(),
  );
  t.after(async () => {
    processes.kill('SIGKILL');
    await processes.stop();
  });
  return { processes, log, lines };
}
