/** A model of the parts of the Redis server that this service uses, on the clock of the world. */

import keySlot from 'cluster-key-slot';
import type { Random } from '../../loadtest/support/random.ts';
import type { Entry } from '../../src/cache/entry.ts';
import { matcher } from '../../src/cache/match.ts';
import { isLegacy, unpack, unpackLegacy } from '../../src/redis/envelope.ts';
import { type Cause, History } from './history.ts';
import type { ClusterNode } from './model-cluster.ts';
import { type Keyspace, writeScript } from './model-script.ts';
import type { ReplicatedServer } from './replicated-server.ts';
import { BEGIN_MS, type World } from './world.ts';

export type Argument = string | number | Buffer;
export interface Command {
  readonly name: string;
  readonly args: readonly Argument[];
}
export type Reply = Buffer | number | null | RedisFault | readonly Reply[];
export type Output =
  | { readonly reply: Reply }
  | {
      readonly channel: string;
      readonly message: Buffer | readonly Buffer[] | null;
      readonly sharded?: boolean;
    }
  /** The slot of a sharded channel has moved away. */
  | { readonly left: string }
  | { readonly close: true };

/** An error reply of Redis. */
export class RedisFault extends Error {
  override readonly name = 'ReplyError';
}

/** The server's side of a connection. */
export interface Session {
  readonly id: number;
  readonly address: string;
  /** The owner of the connection, for the history. */
  readonly origin: string;
  readonly send: (output: Output) => void;
  readonly channels: Set<string>;
  readonly shardChannels: Set<string>;
  /** The next command may use a slot that is moving to this server. */
  asking: boolean;
  prefixes: readonly string[] | undefined;
  readonly dirty: Set<string>;
  readonly outputs: Output[];
  readonly inbox: Command[][];
  /** The number of changes of the server after the last change of this connection. */
  written: number;
  /** A `WAIT` that has no answer yet. Later commands of the connection wait behind it. */
  blocked: { readonly count: number } | undefined;
  ended: boolean;
}

export interface Stored {
  readonly value: Buffer;
  /** In ms by the clock of the server; undefined for no deadline. */
  readonly expiresAt: number | undefined;
}

type Database = Map<string, Stored>;

const UNPACK = { compressionThresholdBytes: 0, maxValueBytes: 1 << 20 };
/** How often Redis looks for expired keys. */
const CYCLE_MS = 100;
const OK = Buffer.from('OK');

/** What a Sentinel knows of the master. */
export interface SentinelView {
  host: string;
  epoch: number;
}

export interface RedisFaults {
  /** The prefix of the keys that the ACL forbids. */
  denied: string | undefined;
  full: boolean;
  /** Whether the ACL forbids CLIENT TRACKING. */
  deniedTracking: boolean;
  replica: boolean;
}

export class ModelRedis implements Keyspace {
  readonly history: History;
  /** The place of this server in a Cluster. */
  node: ClusterNode | undefined;
  /** The place of this server among its replicas. */
  // biome-ignore lint/suspicious/noExplicitAny: the type of its peers does not matter here
  server: ReplicatedServer<any> | undefined;
  /** The name and address of the master, by a Sentinel. */
  sentinel: SentinelView | undefined;
  /** How far the clock of the server is ahead of the world, in ms. */
  clockOffset = 0;
  /** Whether its changes are the history: it is not a replica, and no other server has replaced it. */
  recording = true;
  readonly faults: RedisFaults = { denied: undefined, full: false, deniedTracking: false, replica: false };
  readonly #world: World;
  readonly #name: string;
  readonly #random: Random;
  readonly #prefix: string;
  readonly #operationOf: (stamp: string, origin: string) => number | undefined;
  #databases: Database[] = [new Map(), new Map()];
  readonly #sessions = new Set<Session>();
  readonly #scripts = new Set<string>();
  #nextSession = 1;
  #runs = 0;
  #frozen = false;
  #up = true;
  #turnDue = false;
  readonly #waiting: Session[] = [];
  /** The connection whose command is running. */
  #serving: Session | undefined;
  #cause: Cause = 'foreign';
  commands = 0;
  uncapped = false;

  /** @param operationOf returns the client operation that made a stamp */
  constructor(
    world: World,
    prefix: string,
    operationOf: (stamp: string, origin: string) => number | undefined,
    history = new History(),
    name = 'redis',
  ) {
    this.history = history;
    this.#world = world;
    this.#name = name;
    this.#random = world.random(name);
    this.#prefix = prefix;
    this.#operationOf = operationOf;
  }

  get now(): number {
    return Math.floor(BEGIN_MS + this.#world.now + this.clockOffset);
  }

  get up(): boolean {
    return this.#up;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  open(origin: string, send: (output: Output) => void): Session {
    const id = this.#nextSession++;
    // A client uses another port for each connection.
    const session = newSession(id, `${this.#name}.client:${10_000 + id}`, origin, send);
    this.#sessions.add(session);
    return session;
  }

  /** Receives commands. Several commands are a transaction. */
  receive(session: Session, commands: Command[]): void {
    if (session.ended) return;
    session.inbox.push(commands);
    this.#waiting.push(session);
    this.#turnLater();
  }

  /** The client has closed its end of the connection, after all commands that it sent. */
  hangUp(session: Session): void {
    this.receive(session, [{ name: 'HANGUP', args: [] }]);
  }

  kill(session: Session): void {
    this.#end(session, true);
  }

  killAll(): void {
    for (const session of [...this.#sessions]) this.#end(session, true);
  }

  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    if (frozen) return;
    this.lookAtWaits();
    this.#turnLater();
    this.#expireMissed();
  }

  stop(): void {
    this.#up = false;
    this.#waiting.length = 0;
    for (const session of [...this.#sessions]) {
      session.outputs.length = 0;
      this.#end(session, true);
    }
    this.#frozen = false;
  }

  start(keepData: boolean): void {
    this.#up = true;
    this.#runs++;
    this.#scripts.clear();
    if (keepData) return this.#expireMissed();
    this.#cause = 'lost';
    for (const key of [...this.#databases[0]!.keys()]) this.#remove(0, key, undefined);
    this.#databases = [new Map(), new Map()];
  }

  /** Runs commands of another program. */
  foreign(commands: Command[]): void {
    if (!this.#up || this.#frozen) return;
    for (const { name, args } of commands) {
      this.#cause = 'foreign';
      try {
        this.#execute({ name, args }, FOREIGN);
      } catch (error) {
        // Redis refuses the command, as it refuses commands of a replica.
        if (!(error instanceof RedisFault)) throw error;
      }
    }
    this.#turnLater();
  }

  /** The present state of the key, for a check at the end. */
  peek(key: string): Buffer | undefined {
    return this.get(this.#prefix + key);
  }

  get(key: string): Buffer | undefined {
    this.#expireIfDue(0, key);
    return this.#databases[0]!.get(key)?.value;
  }

  set(key: string, value: Buffer, ttl: string, by: Buffer): void {
    this.#writable(true);
    if (!/^[1-9]\d{0,15}$/.test(ttl)) throw new RedisFault("ERR invalid expire time in 'set' command");
    this.#cause = 'write';
    this.#put(0, key, value, this.now + Number(ttl), by);
  }

  unlink(key: string, by: Buffer): boolean {
    this.#writable(false);
    this.#expireIfDue(0, key);
    this.#cause = 'delete';
    return this.#remove(0, key, by);
  }

  publish(channel: string, message: string): void {
    if (this.node !== undefined) {
      // The script sends to a sharded channel, with `pcall`.
      if (this.node.owns(keySlot(channel))) this.deliver(channel, message, true);
      return;
    }
    this.deliver(channel, message);
  }

  /** Sends a message to the subscribers of this server. */
  deliver(channel: string, message: string, sharded = false): void {
    if (!this.#up) return;
    for (const session of this.#sessions)
      if (sharded && session.shardChannels.has(channel))
        session.outputs.push({ channel, message: Buffer.from(message), sharded });
    if (sharded) return this.#turnLater();
    for (const session of this.#sessions)
      if (session.channels.has(channel)) session.outputs.push({ channel, message: Buffer.from(message) });
    this.#turnLater();
  }

  holds(key: string): boolean {
    this.#expireIfDue(0, key);
    return this.#databases[0]!.has(key);
  }

  keysOf(matches: (key: string) => boolean): string[] {
    return [...this.#databases[0]!.keys()].filter(matches);
  }

  /** A replica applies a change of its master. */
  copy(key: string, stored: Stored | undefined): void {
    if (!this.#up) return;
    if (stored === undefined) this.#databases[0]!.delete(key);
    else this.#databases[0]!.set(key, stored);
    this.#dirty(key);
  }

  /** A replica takes over all data of its master. If it had other data, it reports a flush to its clients. */
  resync(master: ModelRedis, hadOther: boolean): void {
    this.#databases[0] = new Map(master.#databases[0]);
    if (hadOther) this.#flushed();
    for (const session of this.#sessions)
      if (session.blocked !== undefined)
        this.#unblock(session, new RedisFault('UNBLOCKED force unblock from blocking operation'));
    this.#turnLater();
  }

  /** A replica has become a master. The history continues with its data. */
  takeOver(owned: (key: string) => boolean): void {
    this.#cause = 'failover';
    this.#serving = undefined;
    const known = [...this.history.keys()].map((key) => this.#prefix + key);
    for (const key of new Set([...known, ...this.#databases[0]!.keys()])) {
      if (!owned(key) || !key.startsWith(this.#prefix)) continue;
      const stored = this.#databases[0]!.get(key);
      const { value, version, until, expires } = this.history.last(key.slice(this.#prefix.length));
      const bare = key.slice(this.#prefix.length);
      const entry = stored && readable(bare, stored.value);
      const gone = value === undefined || Math.min(until, expires) < this.#world.now;
      if (entry === undefined ? gone : entry.version === version && String(entry.json) === value) continue;
      this.#note(key, stored, undefined);
    }
    this.#expireMissed();
  }

  /** MIGRATE takes a key out of this server. */
  takeOut(key: string): Stored | undefined {
    this.#expireIfDue(0, key);
    const stored = this.#databases[0]!.get(key);
    if (!this.#up || stored === undefined) return undefined;
    this.#databases[0]!.delete(key);
    this.#replicate(key, undefined);
    this.#dirty(key);
    return stored;
  }

  /** MIGRATE puts a key into this server. It sends the time that is left. */
  putIn(key: string, { value, expiresAt }: Stored, from: ModelRedis): void {
    const left = expiresAt === undefined ? undefined : expiresAt - from.clockOffset + this.clockOffset;
    const stored: Stored = { value, expiresAt: left };
    this.#databases[0]!.set(key, stored);
    this.#replicate(key, stored);
    this.#dirty(key);
    this.#expireLater(key, stored);
  }

  /** @param slots undefined for all */
  leaveSlots(slots: readonly number[] | undefined): void {
    for (const session of this.#sessions)
      for (const channel of session.shardChannels)
        if (slots === undefined || slots.includes(keySlot(channel))) {
          session.shardChannels.delete(channel);
          session.outputs.push({ left: channel });
        }
    this.#turnLater();
  }

  get #role(): 'slave' | 'master' {
    return this.faults.replica || this.server?.master !== undefined ? 'slave' : 'master';
  }

  #askedAsSentinel(subcommand: string): Reply {
    const { host, epoch } = this.sentinel!;
    if (subcommand === 'GET-MASTER-ADDR-BY-NAME') return [Buffer.from(host), Buffer.from('6379')];
    return [Buffer.from('config-epoch'), Buffer.from(String(epoch))];
  }

  #writable(grows: boolean): void {
    if (this.#role === 'slave') throw new RedisFault("READONLY You can't write against a read only replica.");
    if (this.faults.full && grows)
      throw new RedisFault("OOM command not allowed when used memory > 'maxmemory'.");
  }

  #turnLater(): void {
    if (this.#turnDue || this.#frozen) return;
    this.#turnDue = true;
    this.#world.after(Math.floor(this.#random() * 4) / 8, undefined, () => this.#turn());
  }

  /** One turn of the server's loop: commands run, then invalidations are added, then all output is sent. */
  #turn(): void {
    this.#turnDue = false;
    if (this.#frozen || !this.#up) return;
    const waiting = this.#waiting.splice(0);
    for (const session of waiting) {
      if (session.blocked !== undefined) continue;
      const commands = session.inbox.shift();
      if (commands === undefined || session.ended) continue;
      if (commands[0]!.name === 'WAIT') {
        this.#wait(session, commands[0]!.args.map(Number));
        continue;
      }
      const replies = commands.map((command) => this.#serve(command, session));
      if (session.ended) continue;
      if (commands.length === 1) session.outputs.push({ reply: replies[0]! });
      else session.outputs.push({ reply: replies });
    }
    for (const session of this.#sessions) {
      if (session.dirty.size > 0) {
        const keys = [...session.dirty].map((key) => Buffer.from(key));
        session.dirty.clear();
        if (session.channels.has(INVALIDATE)) session.outputs.push({ channel: INVALIDATE, message: keys });
      }
      for (const output of session.outputs.splice(0)) session.send(output);
    }
  }

  /**
   * Blocks the connection until replicas have acknowledged its changes. Redis also waits for changes of other
   * connections; its documentation does not promise that.
   */
  #wait(session: Session, [count, ms]: readonly number[]): void {
    if (this.server === undefined || this.server.master !== undefined) {
      session.outputs.push({
        reply: new RedisFault('ERR WAIT cannot be used with replica instances.'),
      });
      return;
    }
    const blocked = { count: count! };
    session.blocked = blocked;
    this.lookAtWaits();
    const late = () => {
      if (session.blocked !== blocked || session.ended) return;
      if (this.#frozen) this.#world.after(CYCLE_MS, undefined, late);
      else this.#unblock(session, this.server!.acknowledged(session.written));
    };
    this.#world.after(ms!, undefined, late);
  }

  /** Answers each `WAIT` whose changes enough replicas have acknowledged. */
  lookAtWaits(): void {
    if (this.#frozen || !this.#up) return;
    for (const session of this.#sessions) {
      if (session.blocked === undefined) continue;
      const replicas = this.server!.acknowledged(session.written);
      if (replicas >= session.blocked.count) this.#unblock(session, replicas);
    }
  }

  #unblock(session: Session, reply: Reply): void {
    session.blocked = undefined;
    session.outputs.push({ reply });
    for (const _ of session.inbox) this.#waiting.push(session);
    this.#turnLater();
  }

  #replicate(key: string, stored: Stored | undefined): void {
    if (this.server === undefined) return;
    this.server.changed(key, stored);
    if (this.#serving !== undefined) this.#serving.written = this.server.offset;
  }

  #serve(command: Command, session: Session): Reply {
    this.commands++;
    this.#serving = session;
    try {
      return this.#execute(command, session);
    } catch (error) {
      if (error instanceof RedisFault) return error;
      throw error;
    } finally {
      this.#serving = undefined;
    }
  }

  #execute({ name, args }: Command, session: Session): Reply {
    const text = (i: number) => String(args[i]);
    if (this.node !== undefined && session !== FOREIGN) {
      const { asking } = session;
      session.asking = name === 'ASKING';
      this.node.check(keysOf(name, args), asking, name === 'SPUBLISH' || name === 'SSUBSCRIBE');
    }
    switch (name) {
      case 'ASKING':
        return OK;
      case 'CLUSTER':
        if (this.node === undefined) throw new RedisFault('ERR This instance has cluster support disabled');
        return this.node.command(args);
      case 'SPUBLISH':
        this.deliver(text(0), text(1), true);
        this.node?.spread(text(0), text(1));
        return 0;
      case 'SSUBSCRIBE':
        for (const channel of args) session.shardChannels.add(String(channel));
        return session.shardChannels.size;
      case 'SUNSUBSCRIBE':
        for (const channel of args) session.shardChannels.delete(String(channel));
        return session.shardChannels.size;
      case 'HANGUP':
        this.#end(session, false);
        return null;
      case 'PING':
        return Buffer.from('PONG');
      case 'TIME': {
        const now = this.now;
        return [Buffer.from(String(Math.floor(now / 1000))), Buffer.from(String((now % 1000) * 1000))];
      }
      // ioredis reads INFO before a connection is ready.
      case 'HANDSHAKE':
      case 'INFO':
        return Buffer.from(
          `run_id:${this.#name}run${this.#runs}\r\nredis_version:7.0.15\r\nrole:${this.#role}\r\nevicted_keys:0\r\n`,
        );
      case 'SENTINEL':
        return this.#askedAsSentinel(text(0));
      case 'ROLE':
        return [Buffer.from(this.#role)];
      case 'ROLE OF A MASTER':
        return [Buffer.from('master')];
      case 'DBSIZE':
        return this.#databases[0]!.size;
      case 'GET':
        this.#allowed(args);
        return this.get(text(0)) ?? null;
      case 'MGET':
        this.#allowed(args);
        return args.map((key) => this.get(String(key)) ?? null);
      case 'PTTL': {
        if (this.get(text(0)) === undefined) return -2;
        const { expiresAt } = this.#databases[0]!.get(text(0))!;
        return expiresAt === undefined ? -1 : expiresAt - this.now;
      }
      case 'SET':
        return this.#plainSet(args);
      // Answers as if the canary had the expected value, the number before it.
      case 'CANARY':
        this.#plainSet(args);
        return Buffer.from(String(Number(args[1]) - 1));
      case 'DEL':
      case 'UNLINK': {
        this.#writable(false);
        let removed = 0;
        for (const key of args) {
          this.#expireIfDue(0, String(key));
          if (session !== FOREIGN) this.#cause = 'delete';
          if (this.#remove(0, String(key), undefined)) removed++;
        }
        return removed;
      }
      case 'PEXPIRE': {
        this.#writable(false);
        const value = this.get(text(0));
        if (value === undefined) return 0;
        this.#put(0, text(0), value, this.now + Number(text(1)), undefined);
        return 1;
      }
      case 'HGETALL':
        // The histories have no sources and marks.
        return [];
      case 'SCAN':
        return this.#scan(args);
      case 'PUBLISH':
        this.deliver(text(0), text(1));
        return 0;
      case 'SUBSCRIBE':
        for (const channel of args) session.channels.add(String(channel));
        return session.channels.size;
      case 'CLIENT':
        return this.#client(args, session);
      case 'FLUSHALL':
      case 'FLUSHDB':
        return this.#flush(name === 'FLUSHALL' ? undefined : Number(text(0)));
      case 'SWAPDB':
        return this.#swap();
      case 'EVALSHA':
        if (!this.#scripts.has(text(0)))
          throw new RedisFault('NOSCRIPT No matching script. Please use EVAL.');
        return this.#script(text(0), args.slice(1));
      case 'EVAL':
        this.#scripts.add(text(0));
        return this.#script(text(0), args.slice(1));
    }
    throw new RedisFault(`ERR unknown command '${name}'`);
  }

  #script(name: string, args: readonly Argument[]): Reply {
    const count = Number(args[0]);
    const keys = args.slice(1, 1 + count).map(String);
    this.#allowed(keys);
    if (name === 'ratecacheValue')
      return ['GET', 'PTTL'].map((each) => this.#execute({ name: each, args: keys }, FOREIGN));
    const rest = args.slice(1 + count).map((arg) => (Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg))));
    return writeScript(this, keys, rest).map(([status, detail]) => [Buffer.from(status), detail]);
  }

  #allowed(keys: readonly Argument[]): void {
    const { denied } = this.faults;
    if (denied !== undefined && keys.some((key) => String(key).startsWith(this.#prefix + denied)))
      throw new RedisFault('NOPERM No permissions to access a key');
  }

  #plainSet(args: readonly Argument[]): Reply {
    this.#writable(true);
    const [key, value, ...options] = args.map((arg) => (Buffer.isBuffer(arg) ? arg : String(arg)));
    const px = options.findIndex((option) => String(option).toUpperCase() === 'PX');
    const expiresAt = px < 0 ? undefined : this.now + Number(options[px + 1]);
    const before = this.get(String(key)) ?? null;
    this.#put(0, String(key), Buffer.from(value as string), expiresAt, undefined);
    return options.some((option) => String(option).toUpperCase() === 'GET') ? before : OK;
  }

  /** A slice of the keys, in an order that does not depend on the other keys. */
  #scan(args: readonly Argument[]): Reply {
    const cursor = Number(args[0]);
    const pattern = String(args[2]);
    const { now } = this;
    const known = [...this.#databases[0]!]
      .filter(([, { expiresAt }]) => expiresAt === undefined || expiresAt > now)
      .map(([key]) => [hash(key), key] as const)
      .sort(([a], [b]) => a - b)
      .filter(([place]) => place > cursor);
    const slice = known.slice(0, 1 + Math.floor(this.#random() * 3));
    const next = slice.length === known.length ? 0 : slice.at(-1)![0];
    const found = slice.map(([, key]) => key).filter(matcher({ pattern }));
    return [Buffer.from(String(next)), found.map((key) => Buffer.from(key))];
  }

  #client(args: readonly Argument[], session: Session): Reply {
    const words = args.map(String);
    switch (words[0]!.toUpperCase()) {
      case 'ID':
        return session.id;
      case 'INFO':
        return Buffer.from(`id=${session.id} addr=${session.address} laddr=10.0.0.2:6379 name=x`);
      case 'TRACKING':
        if (this.faults.deniedTracking)
          throw new RedisFault("NOPERM User default has no permissions to run the 'client|tracking' command");
        session.prefixes = words.flatMap((word, i) => (word === 'PREFIX' ? [words[i + 1]!] : []));
        return OK;
      case 'KILL': {
        const id = Number(words[words.indexOf('ID') + 1]);
        const address = words[words.indexOf('ADDR') + 1];
        let killed = 0;
        for (const other of [...this.#sessions]) {
          if (other.id !== id || other.address !== address) continue;
          this.#end(other, true);
          killed++;
        }
        return killed;
      }
    }
    return OK;
  }

  #flush(only: number | undefined): Reply {
    this.#writable(false);
    this.#databases.forEach((database, index) => {
      if (only !== undefined && only !== index) return;
      this.#cause = 'flush';
      for (const key of [...database.keys()]) this.#remove(index, key, undefined, false);
    });
    this.#flushed();
    return OK;
  }

  #flushed(): void {
    for (const session of this.#sessions)
      if (session.prefixes !== undefined && session.channels.has(INVALIDATE))
        session.outputs.push({ channel: INVALIDATE, message: null });
  }

  #swap(): Reply {
    const [ours, others] = this.#databases as [Database, Database];
    this.#databases = [others, ours];
    this.#cause = 'swap';
    for (const key of new Set([...ours.keys(), ...others.keys()]))
      this.#note(key, others.get(key), undefined);
    return OK;
  }

  #end(session: Session, told: boolean): void {
    if (session.ended) return;
    session.ended = true;
    this.#sessions.delete(session);
    if (!told) return;
    for (const output of session.outputs.splice(0)) session.send(output);
    session.send({ close: true });
  }

  #put(db: number, key: string, value: Buffer, expiresAt: number | undefined, by: Buffer | undefined): void {
    this.#expireIfDue(db, key);
    const stored: Stored = { value, expiresAt };
    this.#databases[db]!.set(key, stored);
    this.#dirty(key);
    if (db !== 0) return;
    this.#note(key, stored, by);
    this.#replicate(key, stored);
    this.#expireLater(key, stored);
  }

  #expireLater(key: string, stored: Stored): void {
    const { expiresAt } = stored;
    if (expiresAt === undefined || !key.startsWith(this.#prefix)) return;
    // The expiry cycle of Redis finds an expired key up to a tenth of a second late.
    const due = expiresAt - BEGIN_MS - this.clockOffset + this.#random() * CYCLE_MS;
    this.#world.at(due, undefined, () => {
      if (this.#databases[0]!.get(key) === stored && !this.#frozen && this.#up) this.#expireIfDue(0, key);
    });
  }

  #remove(db: number, key: string, by: Buffer | undefined, told = true): boolean {
    const known = this.#databases[db]!.delete(key);
    if (!known) return false;
    if (told) this.#dirty(key);
    if (db === 0) this.#note(key, undefined, by);
    if (db === 0) this.#replicate(key, undefined);
    return true;
  }

  #expireIfDue(db: number, key: string): void {
    const stored = this.#databases[db]!.get(key);
    if (stored?.expiresAt === undefined || stored.expiresAt > this.now) return;
    // A replica waits for its master to expire the key.
    if (!this.recording) return;
    this.#databases[db]!.delete(key);
    this.#dirty(key);
    if (db === 0) this.#replicate(key, undefined);
    if (db === 0)
      this.#note(key, undefined, undefined, 'expire', stored.expiresAt - BEGIN_MS - this.clockOffset);
  }

  /** After a pause, the expiry cycle of Redis continues and finds the keys that have expired meanwhile. */
  #expireMissed(): void {
    this.#world.after(CYCLE_MS, undefined, () => {
      if (this.#frozen || !this.#up) return;
      for (const key of this.#databases[0]!.keys()) this.#expireIfDue(0, key);
    });
  }

  #dirty(key: string): void {
    for (const session of this.#sessions)
      if (session.prefixes?.some((prefix) => key.startsWith(prefix))) session.dirty.add(key);
    this.#turnLater();
  }

  #note(
    key: string,
    stored: Stored | undefined,
    by: Buffer | undefined,
    cause: Cause = this.#cause,
    at = this.#world.now,
  ): void {
    if (!this.recording || !key.startsWith(this.#prefix)) return;
    const bare = key.slice(this.#prefix.length);
    const origin = this.#serving?.origin ?? '';
    const entry = stored && readable(bare, stored.value);
    const ends = Math.min(
      (stored?.expiresAt ?? Number.POSITIVE_INFINITY) - this.clockOffset,
      entry?.expiresAt ?? Number.POSITIVE_INFINITY,
    );
    this.history.add(bare, {
      at,
      // A value ends at the deadline in its envelope, even if Redis keeps it longer.
      expires: ends - BEGIN_MS,
      value: entry && String(entry.json),
      // A value that cannot be decoded counts as a miss.
      version: entry?.version,
      cause,
      operation:
        cause === 'write' || cause === 'delete'
          ? this.#operationOf(by?.toString('hex') ?? '', origin)
          : undefined,
    });
  }
}

const INVALIDATE = '__redis__:invalidate';

const FOREIGN = newSession(0, '', '', () => {});

function newSession(id: number, address: string, origin: string, send: (output: Output) => void): Session {
  return {
    id,
    address,
    origin,
    send,
    channels: new Set(),
    shardChannels: new Set(),
    asking: false,
    prefixes: undefined,
    dirty: new Set(),
    outputs: [],
    inbox: [],
    written: 0,
    blocked: undefined,
    ended: false,
  };
}

/** Undefined for a value in an unknown format. */
function readable(key: string, stored: Buffer): Entry | undefined {
  if (!isLegacy(stored)) return unpack(key, stored, UNPACK);
  return unpackLegacy(key, stored, undefined, Number.MAX_SAFE_INTEGER, 0);
}

/** The keys of a command, or the sharded channels, which belong to slots too. */
function keysOf(name: string, args: readonly Argument[]): string[] {
  switch (name) {
    case 'GET':
    case 'PTTL':
    case 'SET':
    case 'CANARY':
    case 'PEXPIRE':
    case 'SPUBLISH':
      return [String(args[0])];
    case 'MGET':
    case 'DEL':
    case 'UNLINK':
    case 'SSUBSCRIBE':
      return args.map(String);
    case 'EVAL':
    case 'EVALSHA':
      return args.slice(2, 2 + Number(args[1])).map(String);
    default:
      return [];
  }
}

/** A hash from 1 on, spread over 31 bits. */
function hash(text: string): number {
  let sum = 7;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0;
  sum = Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d);
  return ((sum ^ (sum >>> 13)) >>> 1) + 1;
}
