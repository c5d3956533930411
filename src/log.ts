import { type Logger, pino, stdTimeFunctions } from 'pino';
import { LogOutput } from './log-output.ts';

export type { Logger };
export { LogOutput };

/**
 * The log: JSON lines on standard output. The level is a word, so that `grep -i error` finds errors. The service
 * does not log individual requests.
 */
export function createLog(
  level: string,
  output = new LogOutput(),
  base: Readonly<Record<string, unknown>> = {},
): Logger {
  return pino(
    {
      level,
      base: { ...base, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
}
