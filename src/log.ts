import { type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger };

/**
 * The log: JSON lines on standard output, the level as a word so that `grep -i error` finds errors. It is
 * never written to for a single request.
 */
export function createLog(level: string): Logger {
  return pino({
    level,
    base: { pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
