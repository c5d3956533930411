import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { connect } from '../../../loadtest/support/raw-http.ts';
import { RawWs } from '../../../loadtest/support/raw-ws.ts';
import { until } from '../../../loadtest/support/until.ts';
import { residentBytesOf } from '../../../loadtest/target/proc.ts';
import { type RedisServer, startRedis } from '../../../loadtest/target/redis-server.ts';
import { startReplica } from '../../../loadtest/target/replicas.ts';
import type { Service } from '../../../loadtest/target/service.ts';
import { Fault } from '../kind.ts';

export const PREFIX = 'borrow_rate_engine:';
export const CHANNEL = 'cache_invalidation';

/** Small limits, so that inputs of a few kilobytes exceed them. */
const LIMITS = {
  MAX_VALUE_BYTES: '131072',
  MAX_BODY_BYTES: '131072',
  MAX_KEY_BYTES: '512',
  MAX_BATCH_KEYS: '50',
  WS_MAX_FRAME_BYTES: '65536',
  WS_MAX_SUBSCRIPTIONS: '50',
  COMPRESSION_THRESHOLD_BYTES: '100',
};

/**
 * The C library returns freed memory to the system, and V8 collects garbage before its heap grows past 128 MiB. So
 * resident memory is memory in use.
 */
const ALLOCATOR = {
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '65536',
  NODE_OPTIONS: '--max-old-space-size=128 --max-semi-space-size=4',
};

/** More than a full L1 and uncollected garbage take. A leak of 2 KB for each input exceeds it within 75,000 inputs. */
const MOST_MORE_BYTES = 150 * 1024 * 1024;

const EXIT_MS = 1000;

/** A value over 64 KiB uses another connection to Redis, which stays open. */
const LARGE = `"${'a'.repeat(70_000)}"`;

/** What nobody uses when no client is connected, except the connection that reads these numbers. */
const IDLE: Readonly<Record<string, number>> = {
  ratecache_ws_connections: 0,
  ratecache_event_streams: 0,
  ratecache_ws_subscriptions: 0,
  ratecache_http_open_requests: 1,
};

/** A real service on a real Redis, and what they use while nothing is sent. */
export class Target {
  readonly service: Service;
  /** A connection to the Redis of the service. */
  readonly redis: Redis;
  readonly #server: RedisServer;
  #sockets = 0;
  #bytes: number | undefined;
  #logged = 0;

  private constructor(service: Service, server: RedisServer) {
    this.service = service;
    this.#server = server;
    this.redis = new Redis({ host: '127.0.0.1', port: server.port });
  }

  static async start(): Promise<Target> {
    const server = await startRedis();
    const target = new Target(await startReplica(server, { ...LIMITS, ...ALLOCATOR }), server);
    await target.#answers(LARGE);
    target.#sockets = target.#openSockets();
    return target;
  }

  /** Asserts that the service is as it was before the batch. @throws Fault */
  async well(): Promise<void> {
    try {
      await this.#answers('1');
      await this.#pongs();
      await until(() => this.#idle(), { everyMs: 20 });
      this.checkLog();
      // The base line is the first look, when everything has been used once.
      this.#bytes ??= residentBytesOf(this.service.pid);
      const most = this.#bytes + MOST_MORE_BYTES;
      await until(() => residentBytesOf(this.service.pid) <= most, { everyMs: 100 });
    } catch (error) {
      if (error instanceof Fault) throw error;
      await this.checkAlive();
      const { message, cause } = error as Error;
      throw new Fault(undefined, cause === undefined ? message : `${message}: ${cause}`, error);
    }
  }

  async stop(): Promise<void> {
    this.redis.disconnect();
    await this.service.stop('SIGKILL');
    await this.#server.stop();
  }

  /** A value is written and read, over a connection of its own. */
  async #answers(value: string): Promise<void> {
    const connection = await connect(this.service.port);
    try {
      const path = '/v1/cache/fuzz:well';
      const head = `${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
      await connection.send(
        `PUT ${head}Content-Type: application/json\r\nContent-Length: ${value.length}\r\n\r\n${value}`,
      );
      const [put] = await connection.readResponses(1);
      await connection.send(`GET ${head}\r\n`);
      const [get] = await connection.readResponses(1);
      if (![201, 204].includes(put!.status) || get!.body.toString() !== value)
        throw new Error(
          `a good request was answered ${put!.status}, then ${get!.status} ${get!.body.subarray(0, 200)}`,
        );
    } finally {
      connection.destroy();
    }
  }

  async #pongs(): Promise<void> {
    const socket = await RawWs.open(this.service.port, 'ratecache.v1.json');
    const pong = new Promise<void>((resolve, reject) => {
      socket.onFrame = () => resolve();
      socket.onGone = () => reject(new Error('a good WebSocket was closed'));
    });
    socket.send('{"id":1,"op":"ping"}');
    await pong.finally(() => socket.close());
  }

  /** Whether no connection and no request is left. */
  async #idle(): Promise<boolean> {
    const connection = await connect(this.service.port);
    try {
      await connection.send('GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      const [response] = await connection.readResponses(1);
      const text = response!.body.toString();
      for (const [name, most] of Object.entries(IDLE)) {
        const value = Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
        if (!(value <= most)) throw new Error(`${name} is ${value}`);
      }
    } finally {
      connection.destroy();
    }
    const sockets = this.#openSockets();
    // The connection that was just closed may still be open there.
    if (sockets > this.#sockets + 1)
      throw new Error(`${sockets} sockets are open, ${this.#sockets} at the start`);
    return true;
  }

  #openSockets(): number {
    const folder = `/proc/${this.service.pid}/fd`;
    return readdirSync(folder).filter((name) => {
      try {
        return readlinkSync(`${folder}/${name}`).startsWith('socket:');
      } catch {
        return false;
      }
    }).length;
  }

  /**
   * @param index the suspected input
   * @throws Fault for an error that the service did not expect
   */
  checkLog(index?: number): void {
    const { logs } = this.service;
    const from = this.#logged;
    this.#logged = logs.length;
    for (const line of logs.slice(from))
      if (line.msg === 'internal error in a request')
        throw new Fault(index, `the service logged ${JSON.stringify(line)}`);
  }

  /** @throws Fault if the service has ended */
  async checkAlive(index?: number): Promise<void> {
    // A process that crashes closes its connections before its end is reported.
    const ended = await Promise.race([this.service.exited, delay(EXIT_MS, undefined)]);
    if (ended === undefined) return;
    const last = this.service.logs.slice(-3).map((line) => JSON.stringify(line));
    throw new Fault(
      index,
      `the service ended with ${ended.signal ?? `code ${ended.code}`}\n${last.join('\n')}`,
    );
  }
}
