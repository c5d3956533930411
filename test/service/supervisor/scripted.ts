/** Processes that are small scripts: real processes with a real channel, which start in a moment. */
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { loadConfig } from '../../../src/config/config.ts';
import type { Settings } from '../../../src/config/settings.ts';
import { Processes, type ProcessesOptions } from '../../../src/service/supervisor/processes.ts';

/**
 * Listens at once, is ready, has no connections, and ends when it is asked to stop.
 * @param pendingWrites its answers to that question, the last one for all that follow
 */
export function obedient(...pendingWrites: number[]): string {
  return `
    const pendingWrites = ${JSON.stringify(pendingWrites)};
    process.on('message', ({ question, id }) => {
      if (question === undefined) return;
      const answers = {
        connections: () => ({ lasting: 0, http: 0, answers: 0, closed: 0 }),
        pendingWrites: () => (pendingWrites.length > 1 ? pendingWrites.shift() : pendingWrites[0]),
      };
      process.send({ answer: answers[question]?.(), id });
      if (question === 'stop') process.disconnect();
    });
    process.send({ question: 'listening', given: undefined, id: 1 });
  `;
}
export const OBEDIENT = obedient(0);
/** Ends in a moment after it was ready. */
export function readyFor(ms: number): string {
  return `${OBEDIENT}
    process.on('message', ({ question }) => {
      if (question === 'notReady') setTimeout(() => process.exit(3), ${ms});
    });
  `;
}
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
    {
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: '6379',
      REDIS_PASSWORD: '',
      REDIS_CONNECT_TIMEOUT_MS: '1000',
      SHUTDOWN_GRACE_MS: '0',
    },
    { standalone: false },
  );
  return { given: env, env, config, warnings: [] };
}

/** @param scriptOf the script of the process with this number, for each start */
export function scriptedProcesses(
  t: TestContext,
  scriptOf: (process: number) => string,
  { startExtraMs = 60_000, drainMs = 300 }: Partial<Pick<ProcessesOptions, 'startExtraMs' | 'drainMs'>> = {},
) {
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
    { count: 2, log, invocation, environment: ({ env }) => env, asked, drainMs, startExtraMs },
    settingsOf(),
  );
  t.after(async () => {
    processes.kill('SIGKILL');
    await processes.stop();
  });
  return { processes, log, lines };
}
