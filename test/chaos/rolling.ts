/** Restarts two instances on one port in turn while clients send requests. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Dispatcher } from 'undici';
import { freePort, startRedis } from '../../loadtest/target/redis-server.ts';
import { PATIENT, redisEnv } from '../../loadtest/target/replicas.ts';
import { type Service, startService } from '../../loadtest/target/service.ts';

/** An instance that stops closes connections which sent nothing for 50 ms. */
const LATE_MS = 25;

export interface RollingOptions {
  /** The number of restarts of each instance. */
  readonly rounds: number;
  readonly clients: number;
  /** The time between two requests of a client, in ms. */
  readonly everyMs: number;
}

export interface RollingReport {
  readonly requests: number;
  readonly restarts: number;
  /** Answers of stopping instances with Connection: close. */
  readonly closing: number;
  readonly failures: readonly string[];
}

export async function rollingRestart({ rounds, clients, everyMs }: RollingOptions): Promise<RollingReport> {
  const redis = await startRedis();
  const port = await freePort();
  const instances: Service[] = [];
  try {
    const start = async () => {
      const env = {
        ...redisEnv(redis),
        ...PATIENT,
        PORT: String(port),
        REUSE_PORT: 'true',
        SHUTDOWN_GRACE_MS: '200',
        SHUTDOWN_TIMEOUT_MS: '30000',
      };
      const service = await startService({ env });
      await service.waitForLog(({ msg }) => msg === 'L1 is coherent with Redis');
      return service;
    };
    instances.push(await start(), await start());
    const traffic = new Traffic(port, clients, everyMs);
    await sleep(500);
    for (let i = 0; i < rounds * 2; i++) {
      const exit = await instances[i % 2]!.stop();
      if (exit.code !== 0) traffic.failures.push(`an instance ended with ${JSON.stringify(exit)}`);
      instances[i % 2] = await start();
      await sleep(300);
    }
    await traffic.stop();
    const { requests, closing, failures } = traffic;
    // The first place, because this failure explains the others and only a few are shown.
    if (closing === 0) failures.unshift('no client was asked to close its connection');
    return { requests, restarts: rounds * 2, closing, failures };
  } finally {
    for (const instance of instances) await instance.stop('SIGKILL');
    await redis.stop();
  }
}

/** Clients with one connection each, kept until the server closes it. */
class Traffic {
  requests = 0;
  closing = 0;
  readonly failures: string[] = [];
  readonly #running: Promise<void>[];
  #stopped = false;

  constructor(port: number, clients: number, everyMs: number) {
    this.#running = Array.from({ length: clients }, (_, i) => this.#run(port, i, everyMs));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #run(port: number, id: number, everyMs: number): Promise<void> {
    const client = new Client(`http://127.0.0.1:${port}`);
    const path = `/v1/cache/min_rate:rolling-${id}`;
    const headers = { 'content-type': 'application/json' };
    for (let due = performance.now(), i = 0; !this.#stopped; due += everyMs, i++) {
      await sleep(Math.max(0, due - performance.now()));
      const request =
        i % 5 === 0
          ? ({ method: 'PUT', path, headers, body: String(i) } as const)
          : ({ method: 'GET', path } as const);
      this.requests++;
      // A late client may have missed the answer that asks it to close its connection, and finds it closed.
      const late = performance.now() > due + LATE_MS;
      try {
        await this.#send(client, request).catch((error) =>
          late && error.code === 'UND_ERR_SOCKET' ? this.#send(client, request) : Promise.reject(error),
        );
      } catch (error) {
        this.failures.push(`${request.method}: ${(error as Error).message}`);
      }
    }
    await client.destroy();
  }

  async #send(client: Client, request: Dispatcher.RequestOptions): Promise<void> {
    const { statusCode, headers, body } = await client.request(request);
    const answer = await body.text();
    if (headers.connection === 'close') this.closing++;
    if (statusCode >= 300) this.failures.push(`${request.method} was answered ${statusCode}: ${answer}`);
  }
}
