/** A WebSocket client that follows docs/websocket.md, and records what it receives. */

import { jsonCodec } from '../../src/push/json-codec.ts';
import { NOBODY } from '../push/deps.ts';
import type { SocketPlan } from './plan.ts';
import type { Behavior, Replica } from './replica.ts';
import type { World } from './world.ts';

/** The state of a key in a received frame. `version` is undefined for a key without a value. */
export interface Received {
  readonly key: string;
  readonly version: string | undefined;
  readonly at: number;
  readonly how: 'snapshot' | 'update' | 'get';
  /** The number of resets before the frame. */
  readonly epoch: number;
}

export interface Answer {
  readonly id?: number | string | null;
  readonly ok?: boolean;
  readonly event?: string;
  readonly reason?: string;
  readonly key?: string;
  readonly pattern?: string;
  readonly type?: string;
  readonly status?: string;
  readonly version?: string;
  readonly value?: unknown;
  readonly code?: string;
  readonly coherence?: string;
  readonly more?: boolean;
  readonly snapshot?: readonly { readonly key: string; readonly version?: string; readonly code?: string }[];
}

/** The client's view of a key: a version, no value, or unknown. */
export type View = string | 'none' | 'unknown';

const RETRY_MS = 300;

export class SocketClient {
  readonly plan: SocketPlan;
  readonly received: Received[] = [];
  readonly view = new Map<string, View>();
  /** Whether the client has a snapshot that no reset has ended. */
  current = false;
  log: string[] = [];
  readonly #world: World;
  /** The processes of its address: with several, it lands at another one when it connects again. */
  readonly #processes: readonly Replica[];
  #replica: Replica;
  #connects = 0;
  #behavior: Behavior | undefined;
  #socket: FakeSocket | undefined;
  #epoch = 0;
  #nextId = 1;
  #subscription: number | undefined;
  readonly #gets = new Map<number, string>();

  constructor(world: World, processes: readonly Replica[], plan: SocketPlan) {
    this.#world = world;
    this.#processes = processes;
    this.#replica = processes[0]!;
    this.plan = plan;
  }

  /** The replica that it is or was connected to. */
  get replica(): Replica {
    return this.#replica;
  }

  /** Whether the replica listens on its address. */
  mayConnectTo(replica: Replica): boolean {
    return this.#processes.includes(replica);
  }

  connect(): void {
    if (this.#socket !== undefined) return;
    const alive = this.#processes.filter((each) => each.alive && each.sockets !== undefined);
    if (alive.length > 0) this.#replica = alive[this.#connects++ % alive.length]!;
    const behavior = this.#replica.sockets;
    if (behavior === undefined) return;
    this.#behavior = behavior;
    const socket = new FakeSocket(this.#world, this.#replica, {
      receive: (frame) => {
        if (this.#socket === socket) this.#receive(JSON.parse(frame) as Answer);
      },
      drained: () => this.#call(() => behavior.drain?.(socket as never)),
      closed: () => this.#closed(socket),
    });
    this.#socket = socket;
    this.#call(() => behavior.open?.(socket as never));
    this.#subscribe();
  }

  /** The process of the replica has ended. */
  lost(): void {
    this.#socket = undefined;
    this.#subscription = undefined;
    this.#drop();
    for (const other of this.#processes)
      if (other !== this.#replica && other.alive) this.#world.after(100, other.process, () => this.connect());
  }

  /** Drops all entries and subscribes again. */
  resubscribe(): void {
    if (this.#socket === undefined) return;
    this.#drop();
    this.#subscribe();
  }

  slow(slow: boolean): void {
    this.#socket?.slow(slow);
  }

  #closed(socket: FakeSocket): void {
    this.#call(() => this.#behavior?.close?.(socket as never, 1013, new ArrayBuffer(0)));
    if (this.#socket !== socket) return;
    this.lost();
    this.#world.after(100, this.#replica.process, () => this.connect());
  }

  #call(run: () => void): void {
    if (this.#replica.alive) run();
  }

  #send(frame: object): void {
    const text = Buffer.from(JSON.stringify(frame));
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#call(() => this.#behavior?.message?.(socket as never, text as never, false));
  }

  #drop(): void {
    this.#epoch++;
    this.current = false;
    this.view.clear();
    this.#gets.clear();
  }

  #subscribe(): void {
    const { keys, types, prefixes, values } = this.plan;
    if (this.#subscription !== undefined) this.#send({ id: this.#nextId++, op: 'unsubscribe' });
    this.#subscription = this.#nextId++;
    this.#send({ id: this.#subscription, op: 'subscribe', keys, types, prefixes, values });
  }

  #get(key: string): void {
    // The answer to a get from before the last event may be older than the event.
    for (const [earlier, asked] of this.#gets) if (asked === key) this.#gets.delete(earlier);
    const id = this.#nextId++;
    this.#gets.set(id, key);
    this.#send({ id, op: 'get', key });
  }

  #getLater(key: string): void {
    const epoch = this.#epoch;
    this.#world.after(RETRY_MS, this.#replica.process, () => {
      if (this.#epoch === epoch && this.view.get(key) === 'unknown') this.#get(key);
    });
  }

  #receive(answer: Answer): void {
    this.log.push(`${this.#world.now.toFixed(1)} ${JSON.stringify(answer).slice(0, 300)}`);
    if (answer.event === 'reset') return this.#reset(answer.reason!);
    if (answer.event === 'update') return this.#tell(answer.key!, answer.version, 'update');
    if (answer.event === 'invalidate') return this.#invalidate(answer);
    if (answer.snapshot !== undefined && answer.id === this.#subscription) return this.#snapshot(answer);
    const key = this.#gets.get(answer.id as number);
    if (answer.id === this.#subscription && answer.ok === false) {
      // Redis did not answer, so the client subscribes again.
      this.#subscription = undefined;
      this.#world.after(RETRY_MS, this.#replica.process, () => {
        if (this.#subscription === undefined) this.#subscribe();
      });
    }
    if (key === undefined) return;
    this.#gets.delete(answer.id as number);
    if (answer.ok !== true || answer.code !== undefined || answer.coherence !== undefined)
      this.#getLater(key);
    else this.#tell(key, answer.status === 'hit' ? answer.version : undefined, 'get');
  }

  #reset(reason: string): void {
    this.#drop();
    if (reason === 'flush' && !this.plan.eager) {
      // All keys were deleted, and later changes are pushed.
      this.current = true;
      return;
    }
    if (reason === 'flush' || reason === 'rearmed') this.#subscribe();
  }

  #snapshot({ snapshot, coherence, more }: Answer): void {
    // The plans have fewer keys than one part of a snapshot may have.
    if (more === true) throw new Error('a snapshot in parts');
    this.current = true;
    // The snapshot replaces the previous view.
    this.view.clear();
    for (const { key, version, code } of snapshot!) {
      if (code !== undefined) {
        this.view.set(key, 'unknown');
        this.#getLater(key);
      } else if (coherence === undefined) this.#tell(key, version, 'snapshot');
      else this.view.set(key, version!);
    }
  }

  #invalidate({ key, pattern, type }: Answer): void {
    const gone =
      key !== undefined
        ? [key]
        : [...this.view.keys()].filter((each) =>
            type === undefined
              ? fits(pattern!, each)
              : each.startsWith(`${type}:`) || (type === 'other' && each.startsWith('desk:')),
          );
    for (const each of gone) {
      if (this.plan.values) this.view.set(each, 'none');
      else {
        this.view.set(each, 'unknown');
        this.#get(each);
      }
    }
  }

  #tell(key: string, version: string | undefined, how: Received['how']): void {
    this.view.set(key, version ?? 'none');
    this.received.push({ key, version, at: this.#world.now, how, epoch: this.#epoch });
  }
}

/** A socket that only sends requests. */
export class RequestSocket {
  readonly #replica: Replica;
  readonly #behavior: Behavior;
  readonly #socket: FakeSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #nextId = 1;

  constructor(world: World, replica: Replica) {
    this.#replica = replica;
    this.#behavior = replica.sockets!;
    this.#socket = new FakeSocket(world, replica, {
      receive: (frame) => {
        const answer = JSON.parse(frame) as Answer;
        this.#waiting.get(answer.id as number)?.(answer);
        this.#waiting.delete(answer.id as number);
      },
      drained: () => {},
      closed: () => {},
    });
    this.#behavior.open?.(this.#socket as never);
  }

  ask(frame: object, answered: (answer: Answer) => void): void {
    if (!this.#replica.alive) return;
    const id = this.#nextId++;
    this.#waiting.set(id, answered);
    const text = Buffer.from(JSON.stringify({ id, ...frame }));
    this.#behavior.message?.(this.#socket as never, text as never, false);
  }
}

function fits(pattern: string, key: string): boolean {
  const text = pattern.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${text}$`).test(key);
}

interface SocketEvents {
  readonly receive: (frame: string) => void;
  readonly drained: () => void;
  readonly closed: () => void;
}

/** A socket like a socket of uWS. Its client receives frames at once, or later while it is slow. */
class FakeSocket {
  readonly #world: World;
  readonly #replica: Replica;
  readonly #process;
  readonly #events: SocketEvents;
  readonly #userData = { codec: jsonCodec, owner: NOBODY, consumer: undefined };
  #slow = false;
  #ended = false;
  #buffered: string[] = [];
  #bytes = 0;

  constructor(world: World, replica: Replica, events: SocketEvents) {
    this.#world = world;
    this.#replica = replica;
    this.#process = replica.process;
    this.#events = events;
  }

  getUserData() {
    return this.#userData;
  }

  getBufferedAmount(): number {
    return this.#bytes;
  }

  cork(run: () => void): this {
    run();
    return this;
  }

  send(frame: string | Uint8Array): number {
    if (this.#ended) return 2;
    const text = typeof frame === 'string' ? frame : Buffer.from(frame).toString();
    if (this.#slow) {
      this.#buffered.push(text);
      this.#bytes += text.length;
      return 0;
    }
    this.#world.after(0, this.#process, () => this.#events.receive(text));
    return 1;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#world.after(0, this.#process, () => this.#events.closed());
  }

  slow(slow: boolean): void {
    this.#slow = slow;
    if (slow || this.#ended || this.#bytes === 0) return;
    const frames = this.#buffered;
    this.#buffered = [];
    this.#bytes = 0;
    for (const text of frames) this.#world.after(0, this.#process, () => this.#events.receive(text));
    this.#world.after(0, this.#process, () => {
      if (this.#replica.alive) this.#events.drained();
    });
  }
}
