/** Stands in for an ioredis client with the options that `src/redis/connect.ts` gives it. */
import { EventEmitter } from 'node:events';
import type { Redis, RedisOptions } from 'ioredis';
import type { HostAndPort, Route } from '../../src/redis/connector.ts';
import {
  type Argument,
  type Command,
  type ModelRedis,
  type Output,
  RedisFault,
  type Reply,
  type Session,
} from './model-redis.ts';
import { SWITCH_CHANNEL } from './model-sentinel.ts';
import { type Path, Pipe } from './network.ts';
import type { Process, World } from './world.ts';

export interface Surroundings {
  readonly world: World;
  readonly process: Process;
  /** The server at an address, and the path to it. */
  readonly serverAt: (host: string) => Server;
  /** A Sentinel has announced another master to the process. */
  readonly onSwitch?: (message: string) => void;
  readonly origin: string;
  /** A deliberate defect: changes a command before it is sent. */
  readonly tamper?: ((connection: string, command: Command) => Command) | undefined;
  /** A deliberate defect: the messages of Sentinels are ignored. */
  readonly deaf?: boolean;
  /** All clients of the process. */
  readonly clients: SimulatedRedis[];
}

export interface Server {
  readonly redis: ModelRedis;
  readonly path: Path;
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** One TCP connection with both ends. */
interface Wire {
  readonly up: Pipe;
  readonly down: Pipe;
  readonly server: Server;
  session: Session | undefined;
  timeout: NodeJS.Timeout | undefined;
  /** The client has closed its end. */
  gone: boolean;
  writable: boolean;
}

type Arrival = Output | { readonly accepted: boolean };

const SUBSCRIBER_COMMANDS = new Set([
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'SSUBSCRIBE',
  'SUNSUBSCRIBE',
  'PING',
  'QUIT',
]);

/** Returns a replacement of `new Redis(options)`. */
export function openSimulated(surroundings: Surroundings): (options: RedisOptions) => Redis {
  return (options) => new SimulatedRedis(surroundings, options) as unknown as Redis;
}

export class SimulatedRedis extends EventEmitter {
  status = 'wait';
  readonly options: RedisOptions;
  readonly commandQueue: Waiting[] = [];
  stream = { bytesRead: 0, writable: false, destroy: (_error?: Error) => {} };
  /** `staySubscribed` replaces a member of it. */
  condition = { subscriber: false };
  readonly #s: Surroundings;
  /** The address of the present or last connection. */
  host: string;
  readonly #route: Route | undefined;
  #server: Server;
  #locating: { cancelled: boolean } | undefined;
  #wire: Wire | undefined;
  #attempts = 0;
  #manual = false;
  /** The same field as in ioredis. `connect.ts` uses it to end the pause. */
  reconnectTimeout: NodeJS.Timeout | null = null;
  #subscriber = false;
  #serial = 0;

  constructor(surroundings: Surroundings, options: RedisOptions) {
    super();
    this.setMaxListeners(50);
    this.#s = surroundings;
    this.options = options;
    this.#route = (options.Connector as { readonly route?: Route } | undefined)?.route;
    this.host = options.host ?? '';
    this.#server = surroundings.serverAt(this.host);
    surroundings.clients.push(this);
    if (!options.lazyConnect) this.connect().catch(() => {});
  }

  connect(): Promise<void> {
    if (this.status === 'connecting' || this.status === 'connect' || this.status === 'ready')
      return Promise.reject(new Error('Redis is already connecting/connected'));
    clearTimeout(this.reconnectTimeout ?? undefined);
    this.#setStatus('connecting');
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        this.off('ready', up);
        this.off('close', down);
        act();
      };
      const up = () => settle(resolve);
      const down = () => settle(() => reject(new Error('Connection is closed.')));
      this.once('ready', up);
      this.once('close', down);
      this.#locate();
    });
  }

  #locate(): void {
    const found = this.#route?.locate();
    if (!(found instanceof Promise)) return this.#dial(found);
    const locating = { cancelled: false };
    this.#locating = locating;
    const settle = (next: () => void) => {
      this.#locating = undefined;
      next();
    };
    found.then(
      (server) => settle(() => (locating.cancelled ? this.#closed() : this.#dial(server))),
      (error: Error) =>
        settle(() => {
          this.#error(error);
          this.#nextTick(() => this.#closed());
        }),
    );
  }

  disconnect(reconnect = false): void {
    if (!reconnect) {
      this.#manual = true;
      clearTimeout(this.reconnectTimeout ?? undefined);
    }
    const wire = this.#wire;
    if (this.status === 'wait') return this.#closed();
    if (this.#locating !== undefined) this.#locating.cancelled = true;
    if (wire === undefined || !wire.writable) return;
    wire.writable = false;
    this.stream.writable = false;
    if (wire.session === undefined) return this.#lose(wire);
    wire.up.send({ hangUp: true });
    setTimeout(() => this.#lose(wire), this.options.disconnectTimeout ?? 2000);
  }

  end(): void {
    this.disconnect();
  }

  /** The process was killed, so the kernel closes its connections. */
  killed(): void {
    this.#wire?.up.send({ hangUp: true });
  }

  /** From now on neither end receives data or the end of the present connection. */
  halfOpen(): void {
    const wire = this.#wire;
    if (wire === undefined) return;
    wire.up.dead = true;
    wire.down.dead = true;
  }

  /** Redis closes the present connection. */
  cut(): void {
    const { session, server } = this.#wire ?? {};
    if (session !== undefined && !session.ended) server!.redis.kill(session);
  }

  defineCommand(name: string): void {
    const run =
      (buffers: boolean) =>
      (keys: number, ...args: Argument[]) =>
        this.#script(name, [keys, ...args], buffers);
    Object.assign(this, { [name]: run(false), [`${name}Buffer`]: run(true) });
  }

  async #script(name: string, args: Argument[], buffers: boolean): Promise<unknown> {
    try {
      return await this.#command('EVALSHA', [name, ...args], buffers);
    } catch (error) {
      if (!(error as Error).message.includes('NOSCRIPT')) throw error;
      return this.#command('EVAL', [name, ...args], buffers);
    }
  }

  call(name: string, ...args: (Argument | readonly Argument[])[]): Promise<unknown> {
    return this.#command(name.toUpperCase(), args.flat() as Argument[], false);
  }
  callBuffer(name: string, ...args: (Argument | readonly Argument[])[]): Promise<unknown> {
    return this.#command(name.toUpperCase(), args.flat() as Argument[], true);
  }

  client(...args: Argument[]) {
    return this.#command('CLIENT', args, false);
  }
  dbsize() {
    return this.#command('DBSIZE', [], false);
  }
  get(key: string) {
    return this.#command('GET', [key], false);
  }
  getBuffer(key: string) {
    return this.#command('GET', [key], true);
  }
  /** The histories have no sources and marks, so the reply has no fields. */
  async hgetall(key: string) {
    await this.#command('HGETALL', [key], false);
    return {};
  }
  info(section?: string) {
    return this.#command('INFO', section === undefined ? [] : [section], false);
  }
  mgetBuffer(...keys: (string | string[])[]) {
    return this.#command('MGET', keys.flat(), true);
  }
  ping() {
    return this.#command('PING', [], false);
  }
  pttl(key: string) {
    return this.#command('PTTL', [key], false);
  }
  publish(channel: string, message: string) {
    return this.#command('PUBLISH', [channel, message], false);
  }
  spublish(channel: string, message: string) {
    return this.#command('SPUBLISH', [channel, message], false);
  }
  ssubscribe(...channels: string[]) {
    return this.#command('SSUBSCRIBE', channels, false);
  }
  sunsubscribe(...channels: string[]) {
    return this.#command('SUNSUBSCRIBE', channels, false);
  }
  role() {
    return this.#command('ROLE', [], false);
  }
  scan(...args: Argument[]) {
    return this.#command('SCAN', args, false);
  }
  set(...args: Argument[]) {
    return this.#command('SET', args, false);
  }
  subscribe(...channels: string[]) {
    return this.#command('SUBSCRIBE', channels, false);
  }
  time() {
    return this.#command('TIME', [], false);
  }
  wait(replicas: number, ms: number) {
    return this.#command('WAIT', [replicas, ms], false);
  }
  unlink(...keys: (string | string[])[]) {
    return this.#command('UNLINK', keys.flat(), false);
  }

  pipeline() {
    return new Chain((commands) => Promise.all(commands.map((each) => outcome(this.#send([each])))));
  }

  multi() {
    return new Chain(async (commands) => {
      const reply = await this.#send(commands);
      const replies = commands.length === 1 ? [reply] : (reply as Reply[]);
      return replies.map((each) => (each instanceof RedisFault ? [each, undefined] : [null, each]));
    });
  }

  async #command(name: string, args: readonly Argument[], buffers: boolean): Promise<unknown> {
    const reply = await this.#send([{ name, args }]);
    return buffers ? reply : withStrings(reply);
  }

  #send(commands: Command[]): Promise<Reply> {
    const wire = this.#wire;
    return new Promise((resolve, reject) => {
      if (this.status !== 'ready' || wire === undefined || !wire.writable)
        return reject(new Error("Stream isn't writeable and enableOfflineQueue options is false"));
      if (this.#subscriber && !commands.every(({ name }) => SUBSCRIBER_COMMANDS.has(name)))
        return reject(new Error('Connection in subscriber mode, only subscriber commands may be used'));
      this.#write(wire, commands, { resolve, reject });
      const { commandTimeout } = this.options;
      if (commandTimeout !== undefined)
        setTimeout(() => reject(new Error('Command timed out')), commandTimeout).unref();
      if (commands[0]!.name === 'SUBSCRIBE') this.#subscriber = true;
    });
  }

  #write(wire: Wire, commands: Command[], waiting: Waiting): void {
    const { tamper } = this.#s;
    const name = this.options.connectionName ?? '';
    this.commandQueue.push(waiting);
    wire.up.send(tamper === undefined ? commands : commands.map((command) => tamper(name, command)));
  }

  #dial(server: HostAndPort | undefined): void {
    const { world, process } = this.#s;
    this.host = server?.host ?? this.host;
    this.#server = this.#s.serverAt(this.host);
    const { path } = this.#server;
    const random = world.random(`${process.name} ${this.options.connectionName} ${this.#serial++}`);
    const wire: Wire = {
      up: new Pipe(world, path, 'up', random, undefined, (item) => this.#atServer(wire, item)),
      server: this.#server,
      down: new Pipe(world, path, 'down', random, process, (item) => this.#atClient(wire, item as Arrival)),
      session: undefined,
      timeout: undefined,
      gone: false,
      writable: true,
    };
    this.#wire = wire;
    this.#subscriber = false;
    this.stream = {
      bytesRead: 0,
      writable: true,
      destroy: (error?: Error) => {
        if (wire.gone) return;
        if (error !== undefined) this.#nextTick(() => this.#error(error));
        this.#lose(wire);
      },
    };
    wire.up.send({ dial: true });
    wire.timeout = setTimeout(() => {
      if (wire.gone) return;
      this.#error(networkFault('ETIMEDOUT'));
      this.#lose(wire);
    }, this.options.connectTimeout ?? 10_000);
  }

  #atServer(wire: Wire, item: unknown): void {
    const { origin } = this.#s;
    const { redis } = wire.server;
    if (Array.isArray(item)) {
      if (wire.session === undefined) return;
      if (wire.session.ended) wire.down.send({ close: true });
      else redis.receive(wire.session, item as Command[]);
      return;
    }
    if ('hangUp' in (item as object)) {
      if (wire.session !== undefined && !wire.session.ended) redis.hangUp(wire.session);
      else wire.down.send({ close: true });
      return;
    }
    if (!redis.up) return wire.down.send({ accepted: false });
    wire.session = redis.open(origin, (output) => wire.down.send(output));
    wire.down.send({ accepted: true });
  }

  #atClient(wire: Wire, output: Arrival): void {
    if (wire.gone) return;
    if ('accepted' in output) {
      clearTimeout(wire.timeout);
      if (output.accepted) return this.#shake(wire);
      this.#error(networkFault('ECONNREFUSED'));
      return this.#lose(wire);
    }
    if ('close' in output) return this.#lose(wire);
    this.stream.bytesRead += 10;
    if ('channel' in output) {
      const event = output.sharded === true ? 'smessageBuffer' : 'messageBuffer';
      this.emit(event, Buffer.from(output.channel), output.message);
      if (output.channel !== SWITCH_CHANNEL) return;
      this.#s.onSwitch?.(String(output.message));
      if (!this.#s.deaf) this.emit('message', output.channel, String(output.message));
      return;
    }
    if ('left' in output) {
      this.emit('moved');
      return;
    }
    const waiting = this.commandQueue.shift();
    const { reply } = output;
    if (!(reply instanceof RedisFault)) return waiting?.resolve(reply);
    if (this.options.reconnectOnError?.(reply)) this.disconnect(true);
    waiting?.reject(reply);
  }

  /** After connecting, ioredis sets its name and checks whether the server is ready. */
  #shake(wire: Wire): void {
    this.#setStatus('connect');
    const ready = (reply: Reply) => {
      if (wire.gone || this.status !== 'connect') return;
      const refused = this.options.enableReadyCheck === false ? undefined : this.#refusal(reply);
      if (refused !== undefined) return failed(new Error(refused));
      this.#attempts = 0;
      this.#setStatus('ready');
    };
    const failed = (error: Error) => {
      if (wire.gone) return;
      this.#error(error);
      this.disconnect(true);
    };
    this.#write(wire, [{ name: 'HANDSHAKE', args: [] }], { resolve: ready, reject: failed });
  }

  /** Why the service does not use the server with this INFO. */
  #refusal(info: Reply): string | undefined {
    const lines = String(info).split('\r\n');
    const fields = Object.fromEntries(lines.map((line) => line.split(':')));
    return this.#route?.refuse?.(fields, { host: this.host, port: 6379 });
  }

  /** The client has closed its end. Data in the kernel may still reach the server later. */
  #lose(wire: Wire): void {
    if (wire.gone) return;
    wire.gone = true;
    wire.writable = false;
    this.stream.writable = false;
    clearTimeout(wire.timeout);
    if (wire.session !== undefined && !wire.session.ended) wire.up.send({ hangUp: true });
    if (this.#wire === wire) this.#nextTick(() => this.#closed());
  }

  #closed(): void {
    this.#wire = undefined;
    this.#setStatus('close');
    const retry = this.options.retryStrategy;
    const delay = this.#manual ? undefined : retry?.(++this.#attempts);
    this.#manual = false;
    if (typeof delay !== 'number') {
      this.#setStatus('end');
      this.#flush(new Error('Connection is closed.'));
      return;
    }
    this.#setStatus('reconnecting');
    this.reconnectTimeout = setTimeout(() => {
      this.reconnectTimeout = null;
      this.connect().catch(() => {});
    }, delay);
    this.#flush(
      new Error(
        'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
      ),
    );
  }

  #flush(error: Error): void {
    for (const { reject } of this.commandQueue.splice(0)) reject(error);
  }

  #error(error: Error): void {
    if (this.status === 'end' || this.#manual) return;
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }

  #setStatus(status: string): void {
    this.status = status;
    this.#nextTick(() => this.emit(status));
  }

  #nextTick(run: () => void): void {
    process.nextTick(run);
  }
}

function networkFault(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code, syscall: 'connect' });
}

/** The result of `pipeline()` and `multi()`: commands that are sent together. */
class Chain {
  readonly #commands: Command[] = [];
  readonly #run: (commands: Command[]) => Promise<unknown[]>;

  constructor(run: (commands: Command[]) => Promise<unknown[]>) {
    this.#run = run;
  }

  call(name: string, ...args: Argument[]): this {
    return this.#add(name, args);
  }

  pttl(key: string): this {
    return this.#add('PTTL', [key]);
  }

  get(key: string): this {
    return this.#add('GET', [key]);
  }

  getBuffer(key: string): this {
    return this.#add('GET', [key]);
  }

  unlink(...keys: string[]): this {
    return this.#add('UNLINK', keys);
  }

  exec(): Promise<unknown[]> {
    return this.#commands.length === 0 ? Promise.resolve([]) : this.#run(this.#commands);
  }

  execBuffer(): Promise<unknown[]> {
    return this.exec();
  }

  #add(name: string, args: Argument[]): this {
    this.#commands.push({ name, args });
    return this;
  }
}

function outcome(reply: Promise<Reply>): Promise<[Error | null, unknown]> {
  return reply.then(
    (value) => [null, value],
    (error) => [error, undefined],
  );
}

function withStrings(reply: Reply): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString();
  return Array.isArray(reply) ? reply.map((each) => withStrings(each)) : reply;
}
