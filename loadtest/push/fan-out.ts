import type { Generated, LoadHooks } from '../generator/job.ts';
import { metronome } from '../pacer/metronome.ts';
import { steady } from '../pacer/schedule.ts';
import { Tally } from '../pacer/tally.ts';
import { Usage } from '../pacer/usage.ts';
import type { RawWs } from '../support/raw-ws.ts';
import { histogram, Recorder } from '../support/recorder.ts';
import { pushed, subscribe } from './subscriber.ts';
import { Updates } from './updates.ts';

export interface FanOutOptions extends LoadHooks {
  readonly port: number;
  readonly subscribers: number;
  readonly updatesPerSecond: number;
  /** Number of keys; the updates write them in turn. */
  readonly keys: number;
  readonly warmupMs: number;
  readonly measuredMs: number;
  /** Maximum wait for pushes at the end. */
  readonly timeoutMs: number;
}

const TICK_MS = 0.2;
const WRITERS = 8;

/**
 * Sends updates at a steady rate, open-loop; the server pushes each to every subscriber. A request is one push to one
 * subscriber. Its latency is the time from when the update was due until the push arrived. A push that merges several
 * updates of its key has the latency of the newest; the others count as completed with it.
 */
export async function fanOut(options: FanOutOptions): Promise<Generated> {
  const { port, subscribers, updatesPerSecond, keys, warmupMs, measuredMs, timeoutMs } = options;
  const schedule = steady(updatesPerSecond, warmupMs + measuredMs);
  const tally = new Tally();
  const late = histogram();
  const sockets: RawWs[] = [];
  const updates = new Updates(port, Math.min(WRITERS, updatesPerSecond), keys);
  let stopTicking = async () => {};
  try {
    for (let i = 0; i < subscribers; i++) sockets.push(await subscribe(port));
    await updates.opened(timeoutMs);
    updates.onError = () => tally.errors++;

    const startedAt = performance.now();
    const recorder = new Recorder(startedAt + warmupMs, measuredMs);
    recorder.onSecond = options.onSecond ?? (() => {});
    let usage: Usage | undefined;
    let due = 0;
    let lastPushAt = 0;

    const onFrame = (payload: Buffer) => {
      const push = pushed(payload);
      const dueAt = push === undefined ? Number.NEGATIVE_INFINITY : schedule.dueAt(push.n);
      if (dueAt < warmupMs) return;
      const now = performance.now();
      options.onAnswer?.(now);
      for (let i = 0; i <= push!.merged; i++) tally.answered({ status: 'push', hits: 0, misses: 0 });
      recorder.record(now - startedAt - dueAt, now);
      lastPushAt = now;
    };
    for (const socket of sockets) {
      socket.onGone = () => tally.errors++;
      socket.onFrame = onFrame;
    }

    await new Promise<void>((resolve) => {
      const tick = () => {
        const now = performance.now();
        const elapsed = now - startedAt;
        if (usage === undefined && elapsed >= warmupMs) {
          usage = new Usage();
          options.onMeasuring?.();
        }
        for (let dueAt = schedule.dueAt(due); dueAt <= elapsed; dueAt = schedule.dueAt(++due)) {
          if (dueAt < warmupMs) continue;
          tally.sent += subscribers;
          late.recordValue(Math.max(1, Math.round((elapsed - dueAt) * 1000)));
        }
        updates.sendUntil(due);
        if (usage !== undefined) recorder.advance(now);
        if (elapsed < warmupMs + measuredMs) return;
        if (tally.completed >= tally.sent || elapsed > warmupMs + measuredMs + timeoutMs) resolve();
      };
      stopTicking = metronome(TICK_MS, tick);
    });
    recorder.finish();
    tally.timeouts = Math.max(0, tally.sent - tally.completed);
    return {
      requests: tally.requests(),
      throughputPerSecond: (tally.completed * 1000) / Math.max(measuredMs, lastPushAt - startedAt - warmupMs),
      latency: recorder.latency(),
      seconds: recorder.seconds,
      cpuShare: (usage as Usage | undefined)?.share() ?? 0,
      lateP99Us: late.getValueAtPercentile(99),
    };
  } finally {
    await stopTicking();
    for (const socket of sockets) socket.close();
    updates.close();
  }
}
