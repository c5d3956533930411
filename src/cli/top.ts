/** `ratecache top`: repaints what a service does now. */
import { setTimeout as pause } from 'node:timers/promises';
import type { HotKeysBody } from '../metrics/hot-keys.ts';
import { property } from '../service-answer.ts';
import { ownOpsUrl } from './call-service.ts';
import type { ServiceOptions } from './flags.ts';
import type { QualityLists } from './quality-lines.ts';
import { canRepaint, Screen, type Size } from './screen.ts';
import { ask, type Snapshot, takeSnapshot } from './snapshot.ts';
import { failedScreen, type Observed, screenOf } from './top-screen.ts';

export interface TopFlags extends ServiceOptions {
  readonly opsUrl?: string;
  readonly every: number;
}

/** The first screen appears after this time, whatever the interval. */
const FIRST_MS = 500;
/** Without a terminal: as wide as a terminal is by default, and as long as needed. */
const NO_TERMINAL: Size = { columns: 80, rows: 60 };

/** @param urlGiven whether `--url` is on the command line: then the environment does not name the port of operators */
export async function top(flags: TopFlags, urlGiven: boolean): Promise<void> {
  const ops = { ...flags, url: flags.opsUrl ?? (urlGiven ? flags.url : ownOpsUrl()) };
  const first = await takeSnapshot(ops);
  if (canRepaint()) return repaint(flags, ops, first);
  await pause(flags.every * 1000);
  const observed = await observe(flags, ops, first);
  process.stdout.write(`${screenOf(observed, NO_TERMINAL).join('\n')}\n`);
}

async function repaint(flags: TopFlags, ops: ServiceOptions, first: Snapshot): Promise<void> {
  const screen = new Screen();
  const stopped = new AbortController();
  const ended = screen.ended.then((): undefined => void stopped.abort());
  const everyMs = flags.every * 1000;
  let before: Snapshot | undefined = first;
  let waitMs = Math.min(FIRST_MS, everyMs);
  try {
    for (;;) {
      await Promise.race([pause(waitMs, undefined, { signal: stopped.signal }).catch(() => {}), ended]);
      if (stopped.signal.aborted) return;
      waitMs = everyMs;
      const seen: Seen | undefined = await Promise.race([look(flags, ops, before), ended]);
      if (seen === undefined) return;
      before = seen.now;
      screen.paint(seen.draw);
    }
  } finally {
    screen.close();
  }
}

interface Seen {
  /** Undefined if the service did not answer. */
  readonly now: Snapshot | undefined;
  readonly draw: (size: Size) => readonly string[];
}

/** A service that stops and starts again is observed again. */
async function look(flags: TopFlags, ops: ServiceOptions, before: Snapshot | undefined): Promise<Seen> {
  try {
    const observed = await observe(flags, ops, before);
    return { now: observed.now, draw: (size) => screenOf(observed, size) };
  } catch (error) {
    return { now: undefined, draw: (size) => failedScreen(ops.url, error as Error, size) };
  }
}

async function observe(
  service: ServiceOptions,
  ops: ServiceOptions,
  before: Snapshot | undefined,
): Promise<Observed> {
  const [now, hotKeys, sources, marks] = await Promise.all([
    takeSnapshot(ops),
    hotKeysOf(service),
    listOf<QualityLists['sources']>(service, 'sources'),
    listOf<QualityLists['marks']>(service, 'marks'),
  ]);
  return { now, before, hotKeys, quality: { sources, marks } };
}

/** A token without the scope `read` sees everything but the keys. */
async function hotKeysOf(service: ServiceOptions): Promise<HotKeysBody | Error> {
  return ask(service, '/v1/hot-keys').then(
    ({ body }) => body as HotKeysBody,
    (error: Error) => error,
  );
}

/** Empty if the token lacks the scope `read`, which the line about the keys says. */
async function listOf<T extends readonly unknown[]>(service: ServiceOptions, name: string): Promise<T> {
  const list = await ask(service, `/v1/${name}`).then(
    ({ body }) => property(body, name),
    () => undefined,
  );
  return (Array.isArray(list) ? list : []) as unknown as T;
}
