import type { Generated } from '../generator/job.ts';
import { HttpLane } from '../pacer/http-lane.ts';
import { metronome } from '../pacer/metronome.ts';
import { steady } from '../pacer/schedule.ts';
import { Tally } from '../pacer/tally.ts';
import { Usage } from '../pacer/usage.ts';
import { RawWs } from '../support/raw-ws.ts';
import { histogram, Recorder, type SecondSent } from '../support/recorder.ts';
import { http } from '../traffic/prepared.ts';

export interface FanOutOptions {
  readonly port: number;
  readonly subscribers: number;
  readonly updatesPerSecond: number;
  /** Keys that the updates go round. */
  readonly keys: number;
  readonly warmupMs: number;
  readonly measuredMs: number;
  /** How long is waited for pushes at the end. */
  readonly timeoutMs: number;
  readonly onMeasuring?: () => void;
  readonly onSecond?: (second: SecondSent) => void;
  /** Told of every push that counts, with its time as `performance.now()`. */
  readonly onAnswer?: (now: number) => void;
}

const TICK_MS = 0.2;
const WRITERS = 8;
const UPDATE = Buffer.from('"event":"update"');
const MERGED = Buffer.from('"merged":');
const NUMBER = Buffer.from('"n":');

/**
 * Updates at a steady rate, open-loop, each of them pushed to every subscriber. A request is one push to one
 * subscriber, and its latency goes from when the update was due to when the push was there. A push that stands for
 * several updates of its key answers the newest of them, and the others are counted as completed with it.
 */
export async function fanOut(options: FanOutOptions): Promise<Generated> {
  const { port, subscribers, updatesPerSecond, keys, warmupMs, measuredMs, timeoutMs } = options;
  const schedule = steady(updatesPerSecond, warmupMs + measuredMs);
  const tally = new Tally();
  const late = histogram();
  const sockets: RawWs[] = [];
  const writers: HttpLane[] = [];
  let stopTicking = async () => {};
  try {
    for (let i = 0; i < subscribers; i++) sockets.push(await subscribe(port));
    const ready: HttpLane[] = [];
    for (let i = 0; i < Math.min(WRITERS, updatesPerSecond); i++) writers.push(new HttpLane(port));
    for (const writer of writers) writer.onReady = () => ready.push(writer);
    const deadline = performance.now() + timeoutMs;
    while (ready.length < writers.length) {
      if (performance.now() > deadline) throw new Error('the connections for updates could not be opened');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }

    const startedAt = performance.now();
    const recorder = new Recorder(startedAt + warmupMs, measuredMs);
    recorder.onSecond = options.onSecond ?? (() => {});
    let usage: Usage | undefined;
    let due = 0;
    let taken = 0;
    let lastPushAt = 0;

    for (const socket of sockets) {
      socket.onGone = () => tally.errors++;
      socket.onFrame = (payload) => {
        const n = pushed(payload);
        const dueAt = n === undefined ? Number.NEGATIVE_INFINITY : schedule.dueAt(n);
        if (dueAt < warmupMs) return;
        const now = performance.now();
        options.onAnswer?.(now);
        const also = merged(payload);
        for (let i = 0; i <= also; i++) tally.answered({ status: 'push', hits: 0, misses: 0 });
        recorder.record(now - startedAt - dueAt, now);
        lastPushAt = now;
      };
    }
    const sendDue = () => {
      while (taken < due && ready.length > 0) {
        const n = taken++;
        ready.shift()!.send(http.set(`borrow_rate:PUSH${n % keys}`, `{"rate":0.0525,"n":${n}}`));
      }
    };
    for (const writer of writers) {
      writer.onReady = () => {
        ready.push(writer);
        sendDue();
      };
      writer.onAnswer = ({ status }) => {
        if (Number(status) >= 400) tally.errors++;
        writer.onReady();
      };
      writer.onBroken = () => {
        tally.errors++;
        const at = ready.indexOf(writer);
        if (at !== -1) ready.splice(at, 1);
      };
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
        sendDue();
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
    for (const writer of writers) writer.close();
  }
}

async function subscribe(port: number): Promise<RawWs> {
  const socket = await RawWs.open(port);
  await new Promise<void>((resolve, reject) => {
    socket.onFrame = () => resolve();
    socket.onGone = () => reject(new Error('a subscriber was refused'));
    socket.send('{"id":1,"op":"subscribe","prefixes":["borrow_rate:PUSH"],"values":true}');
  });
  return socket;
}

/** Which update a push brings; undefined where it is none. */
function pushed(payload: Buffer): number | undefined {
  if (!payload.includes(UPDATE)) return undefined;
  return numberAfter(payload, NUMBER);
}

function merged(payload: Buffer): number {
  return numberAfter(payload, MERGED) ?? 0;
}

function numberAfter(payload: Buffer, name: Buffer): number | undefined {
  const at = payload.indexOf(name);
  if (at === -1) return undefined;
  return Number.parseInt(payload.toString('latin1', at + name.length, at + name.length + 16), 10);
}
