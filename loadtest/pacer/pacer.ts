import type { Generated, LoadHooks } from '../generator/job.ts';
import { histogram, Recorder } from '../support/recorder.ts';
import type { RequestAt } from '../traffic/requests.ts';
import { connected } from './connected.ts';
import type { Answer, Lane, OpenLane } from './lane.ts';
import { metronome, type Stop } from './metronome.ts';
import type { Schedule } from './schedule.ts';
import { Tally } from './tally.ts';
import { Usage } from './usage.ts';

export interface PaceOptions extends Pick<LoadHooks, 'onMeasuring' | 'onSecond'> {
  readonly schedule: Schedule;
  readonly request: RequestAt;
  readonly open: OpenLane;
  readonly connections: number;
  /** Requests that are due before do not count. */
  readonly warmupMs: number;
  readonly measuredMs: number;
  /** Timeout of a request, including its wait for a connection. Default: 5000. */
  readonly timeoutMs?: number;
  /** Default: the time of this process. Tests pass a time that passes without waiting. */
  readonly time?: PacerTime;
}

export interface PacerTime {
  /** In milliseconds, as `performance.now()`. */
  now(): number;
  /** Calls `onTick` about every `periodMs`, until it is stopped. */
  every(periodMs: number, onTick: () => void): Stop;
}

const REAL_TIME: PacerTime = { now: () => performance.now(), every: metronome };

// A tick costs some 25 us of the generator's core. The mean lateness is half of this period.
const TICK_MS = 0.2;

/**
 * Open-loop load: sends each request on schedule, whatever happened to earlier ones. A request that is due while
 * every connection is busy waits, and its latency counts from when it was due. So a server that stalls still receives
 * the requests that its users would have sent. The queue needs no memory, because the schedule knows when each
 * request was due; `timeoutMs` limits it.
 */
export async function pace(options: PaceOptions): Promise<Generated> {
  const pacer = new Pacer(options);
  try {
    return await pacer.run();
  } finally {
    await pacer.close();
  }
}

type Slot = { readonly lane: Lane; dueAt: number; sentAt: number; busy: boolean };

class Pacer {
  readonly #options: Required<PaceOptions>;
  readonly #slots: Slot[];
  readonly #free: Slot[] = [];
  readonly #late = histogram();
  readonly #tally = new Tally();
  #recorder!: Recorder;
  #usage: Usage | undefined;
  #startedAt = 0;
  /** Requests that were due so far, and those that were sent or timed out. */
  #due = 0;
  #taken = 0;
  #inFlight = 0;
  #lastAnswerAt = 0;
  #sweptAt = 0;
  #end: () => void = () => {};
  #stopTicking: (() => Promise<void>) | undefined;

  constructor(options: PaceOptions) {
    this.#options = {
      timeoutMs: 5000,
      time: REAL_TIME,
      onMeasuring: () => {},
      onSecond: () => {},
      ...options,
    };
    this.#slots = Array.from({ length: options.connections }, () => this.#slot());
  }

  async run(): Promise<Generated> {
    const { time, warmupMs, measuredMs, timeoutMs, onSecond } = this.#options;
    await connected(this.#slots.length, () => this.#free.length, timeoutMs);
    this.#startedAt = time.now();
    this.#recorder = new Recorder(this.#startedAt + warmupMs, measuredMs);
    this.#recorder.onSecond = onSecond;
    await new Promise<void>((resolve) => {
      this.#end = resolve;
      this.#stopTicking = time.every(TICK_MS, () => this.#tick());
    });
    this.#recorder.finish();
    const tookMs = Math.max(measuredMs, this.#lastAnswerAt - this.#startedAt - warmupMs);
    return {
      requests: this.#tally.requests(),
      throughputPerSecond: (this.#tally.completed * 1000) / tookMs,
      latency: this.#recorder.latency(),
      seconds: this.#recorder.seconds,
      cpuShare: this.#usage?.share() ?? 0,
      lateP99Us: this.#late.getValueAtPercentile(99),
    };
  }

  async close(): Promise<void> {
    await this.#stopTicking?.();
    for (const { lane } of this.#slots) lane.close();
  }

  #slot(): Slot {
    const lane = this.#options.open();
    const slot: Slot = { lane, dueAt: 0, sentAt: 0, busy: false };
    lane.onReady = () => this.#free.push(slot);
    lane.onAnswer = (answer) => this.#answered(slot, answer);
    lane.onBroken = () => this.#broken(slot);
    return slot;
  }

  #tick(): void {
    const now = this.#options.time.now();
    this.#measure(now);
    this.#notice(now);
    this.#sendDue(now);
    if (now - this.#sweptAt > 50) this.#sweep(now);
    if (this.#usage !== undefined) this.#recorder.advance(now);
    const over = this.#options.schedule.dueAt(this.#due) === Number.POSITIVE_INFINITY;
    const { warmupMs, measuredMs } = this.#options;
    if (!over || now < this.#startedAt + warmupMs + measuredMs) return;
    if (this.#taken === this.#due && this.#inFlight === 0) this.#end();
  }

  #measure(now: number): void {
    if (this.#usage !== undefined || now < this.#startedAt + this.#options.warmupMs) return;
    this.#usage = new Usage();
    this.#options.onMeasuring();
  }

  /** Lateness is the delay until this process noticed. Waiting for a connection is not: the server causes it. */
  #notice(now: number): void {
    const { schedule, warmupMs } = this.#options;
    for (;;) {
      const dueAt = schedule.dueAt(this.#due);
      const late = now - this.#startedAt - dueAt;
      if (late < 0) return;
      if (dueAt >= warmupMs) {
        this.#tally.sent++;
        this.#late.recordValue(Math.max(1, Math.round(late * 1000)));
      }
      this.#due++;
    }
  }

  #sendDue(now: number): void {
    const { schedule, request, timeoutMs } = this.#options;
    while (this.#taken < this.#due) {
      const dueAt = schedule.dueAt(this.#taken);
      if (now - this.#startedAt - dueAt > timeoutMs) {
        this.#taken++;
        this.#timedOut(dueAt, now);
        continue;
      }
      const slot = this.#free.shift();
      if (slot === undefined) return;
      slot.dueAt = dueAt;
      slot.sentAt = now;
      slot.busy = true;
      this.#inFlight++;
      slot.lane.send(request(this.#taken++));
    }
  }

  #answered(slot: Slot, answer: Answer): void {
    const now = this.#options.time.now();
    if (this.#counts(slot.dueAt)) {
      this.#tally.answered(answer);
      this.#recorder.record(now - this.#startedAt - slot.dueAt, now, answer);
      this.#lastAnswerAt = now;
    }
    this.#finish(slot);
    if (!answer.last) this.#free.push(slot);
    this.#sendDue(now);
  }

  #broken(slot: Slot): void {
    if (!slot.busy) {
      const at = this.#free.indexOf(slot);
      if (at !== -1) this.#free.splice(at, 1);
      return;
    }
    if (this.#counts(slot.dueAt)) this.#tally.errors++;
    this.#finish(slot);
  }

  /** Ends requests that have been in flight for too long. */
  #sweep(now: number): void {
    this.#sweptAt = now;
    for (const slot of this.#slots) {
      if (!slot.busy || now - slot.sentAt < this.#options.timeoutMs) continue;
      this.#timedOut(slot.dueAt, now);
      this.#finish(slot);
      slot.lane.reset();
    }
  }

  /** Timeouts count as latency: without them the worst requests would improve the figures. */
  #timedOut(dueAt: number, now: number): void {
    if (!this.#counts(dueAt)) return;
    this.#tally.timeouts++;
    this.#recorder.record(now - this.#startedAt - dueAt, now);
  }

  #counts(dueAt: number): boolean {
    return dueAt >= this.#options.warmupMs;
  }

  #finish(slot: Slot): void {
    slot.busy = false;
    this.#inFlight--;
  }
}
