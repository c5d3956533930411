import type { Generated, LoadHooks } from '../generator/job.ts';
import { Recorder } from '../support/recorder.ts';
import type { RequestAt } from '../traffic/requests.ts';
import { connected } from './connected.ts';
import type { Answer, Lane, OpenLane } from './lane.ts';
import { Tally } from './tally.ts';
import { Usage } from './usage.ts';

export interface ClosedLoadOptions extends Pick<LoadHooks, 'onMeasuring' | 'onSecond'> {
  readonly request: RequestAt;
  readonly open: OpenLane;
  readonly connections: number;
  /** Requests that are sent before do not count. */
  readonly warmupMs: number;
  readonly measuredMs: number;
  /** Timeout of a request, and of a connection. */
  readonly timeoutMs: number;
}

const TICK_MS = 10;

/**
 * Closed load: each connection sends its next request after the answer to the previous one. It measures the
 * throughput of the server. Its tail latencies say little, because it sends nothing while the server stalls.
 */
export async function closedLoad(options: ClosedLoadOptions): Promise<Generated> {
  const load = new ClosedLoad(options);
  try {
    return await load.run();
  } finally {
    load.close();
  }
}

/** `since` is the time when its request was sent, or when it began to wait for a connection. */
type Slot = { readonly lane: Lane; since: number; ready: boolean; inFlight: boolean };

class ClosedLoad {
  readonly #options: ClosedLoadOptions;
  readonly #slots: Slot[];
  readonly #tally = new Tally();
  #recorder!: Recorder;
  #usage: Usage | undefined;
  #cpuShare: number | undefined;
  #sent = 0;
  /** Start and end of the measured part. Before the start of the load nothing is sent, and nothing counts. */
  #from = Number.POSITIVE_INFINITY;
  #until = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ClosedLoadOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.connections }, () => this.#slot());
  }

  async run(): Promise<Generated> {
    const { connections, warmupMs, measuredMs, timeoutMs, onSecond } = this.#options;
    await connected(connections, () => this.#slots.filter(({ ready }) => ready).length, timeoutMs);
    const now = performance.now();
    this.#from = now + warmupMs;
    this.#until = this.#from + measuredMs;
    this.#recorder = new Recorder(this.#from, measuredMs);
    if (onSecond !== undefined) this.#recorder.onSecond = onSecond;
    for (const slot of this.#slots) this.#next(slot, now);
    await new Promise<void>((resolve) => {
      this.#timer = setInterval(() => this.#tick(resolve), TICK_MS);
    });
    this.#recorder.finish();
    const { completed, errors, timeouts } = this.#tally;
    this.#tally.sent = completed + errors + timeouts;
    return {
      requests: this.#tally.requests(),
      throughputPerSecond: (completed * 1000) / measuredMs,
      latency: this.#recorder.latency(),
      seconds: this.#recorder.seconds,
      cpuShare: this.#cpuShare ?? 0,
      lateP99Us: 0,
    };
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { lane } of this.#slots) lane.close();
  }

  #slot(): Slot {
    const slot: Slot = { lane: this.#options.open(), since: 0, ready: false, inFlight: false };
    slot.lane.onReady = () => {
      slot.ready = true;
      this.#next(slot, performance.now());
    };
    slot.lane.onAnswer = (answer) => this.#answered(slot, answer);
    slot.lane.onBroken = () => {
      if (this.#counts(slot)) this.#tally.errors++;
      slot.ready = false;
      this.#next(slot, performance.now());
    };
    return slot;
  }

  #next(slot: Slot, now: number): void {
    slot.since = now;
    slot.inFlight = slot.ready && now < this.#until;
    if (slot.inFlight) slot.lane.send(this.#options.request(this.#sent++));
  }

  #answered(slot: Slot, answer: Answer): void {
    const now = performance.now();
    if (this.#counts(slot)) {
      this.#tally.answered(answer);
      this.#recorder.record(now - slot.since, now, answer);
    }
    slot.ready = !answer.last;
    this.#next(slot, now);
  }

  /** Requests of the measured part that are in flight at its end still count, so that none is lost. */
  #counts({ since }: Slot): boolean {
    return since >= this.#from && since < this.#until;
  }

  #tick(end: () => void): void {
    const now = performance.now();
    this.#sweep(now);
    if (now < this.#from) return;
    if (this.#usage === undefined) {
      this.#usage = new Usage();
      this.#options.onMeasuring?.();
    }
    this.#recorder.advance(now);
    if (now < this.#until) return;
    this.#cpuShare ??= this.#usage.share();
    if (!this.#slots.some(({ inFlight }) => inFlight)) end();
  }

  /** Timeouts count as latency: without them the worst requests would improve the figures. */
  #sweep(now: number): void {
    for (const slot of this.#slots) {
      if (now - slot.since < this.#options.timeoutMs) continue;
      if (this.#counts(slot)) {
        this.#tally.timeouts++;
        this.#recorder.record(now - slot.since, now);
      }
      slot.ready = false;
      slot.lane.reset();
      this.#next(slot, now);
    }
  }
}
