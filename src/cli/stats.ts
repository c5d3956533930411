/** `ratecache stats`: prints statistics once, or repeatedly. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceOptions } from './flags.ts';
import { outputIsOpen } from './output.ts';
import { ask, type Snapshot, takeSnapshot } from './snapshot.ts';
import { statsText } from './stats-text.ts';

export interface StatsOptions extends ServiceOptions {
  /** Seconds between two outputs; undefined prints once. */
  readonly watch?: number;
  readonly json?: boolean;
}

const CLEAR_SCREEN = '\u001b[H\u001b[2J';

export async function showStats(options: StatsOptions): Promise<void> {
  const { watch, json } = options;
  let before: Snapshot | undefined;
  for (;;) {
    if (json) process.stdout.write(`${(await ask(options, '/stats')).text}\n`);
    else {
      const text = await takeSnapshot(options).then(
        (now) => {
          const text = statsText(now, before);
          before = now;
          return text;
        },
        // While watching, go on, so that the output shows when a restarted service is reachable again.
        (error: Error) => {
          if (watch === undefined) throw error;
          return error.message;
        },
      );
      process.stdout.write(`${watch !== undefined && process.stdout.isTTY ? CLEAR_SCREEN : ''}${text}\n`);
    }
    if (watch === undefined || !outputIsOpen()) return;
    await pause(watch * 1000);
  }
}
