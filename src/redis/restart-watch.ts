import type { Redis } from 'ioredis';

/** Notices that Redis is another process than the last time. */
export class RestartWatch {
  readonly #redis: Redis;
  #runId: string | undefined;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Returns the number of keys in Redis if Redis is another process than at the last call, else undefined. */
  async keysLeft(): Promise<number | undefined> {
    // Where an ACL forbids INFO, a restart is not noticed, and L1's entries are dropped without a rewarm.
    const info = String(await this.#redis.info('server').catch(() => ''));
    const runId = /^run_id:(\w+)/m.exec(info)?.[1];
    const restarted = this.#runId !== undefined && runId !== undefined && runId !== this.#runId;
    this.#runId = runId ?? this.#runId;
    return restarted ? this.#redis.dbsize().catch(() => undefined) : undefined;
  }
}
