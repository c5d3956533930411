import type { Redis, RedisOptions } from 'ioredis';
import { connectorTo, type HostAndPort } from './connector.ts';
import { describeFault } from './describe-fault.ts';
import type { TlsFiles } from './tls.ts';

export interface SentinelsOptions {
  readonly sentinels: readonly HostAndPort[];
  /** The name under which the Sentinels monitor the master. */
  readonly name: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: TlsFiles | undefined;
  readonly connectTimeoutMs: number;
}

export interface SentinelsDeps {
  readonly open: (options: RedisOptions) => Redis;
  /** The Sentinels name another master than the last `locate`. */
  readonly onSwitch: (master: HostAndPort) => void;
}

/** How long to wait for other Sentinels after the first answer. */
const OTHERS_MS = 200;
/** The pause before a lost subscription is made again. */
const RETRY_MS = 1000;

interface Answer extends HostAndPort {
  /** Grows with each failover. */
  readonly epoch: number;
  readonly sentinel: HostAndPort;
}

/** A message on `+switch-master`. */
interface Switch {
  readonly sentinel: HostAndPort;
  readonly from: HostAndPort;
  readonly to: HostAndPort;
}

/**
 * Finds the master that the Sentinels name.
 *
 * It asks all Sentinels and uses the answer with the highest epoch, because a Sentinel that was cut off still names the
 * old master. It subscribes to `+switch-master` on each Sentinel. The other Sentinels name the old master for up to two
 * seconds after such a message. While the Sentinel of the message does not answer, the message overrides them.
 *
 * ioredis's own connector for Sentinels does none of this, sends no SNI, and stops for good when it is interrupted while
 * it asks.
 */
export class Sentinels {
  readonly #options: SentinelsOptions;
  readonly #deps: SentinelsDeps;
  readonly #subscribers: readonly Redis[];
  #locating: Promise<HostAndPort> | undefined;
  /** The last answer of `locate`, or the master that was announced later. */
  #master: HostAndPort | undefined;
  /** The number of switches that were announced. */
  #switches = 0;
  /** The answer with the highest epoch so far. */
  #known: Answer | undefined;
  /** The last switch, until its Sentinel has answered a question. */
  #announced: Switch | undefined;

  constructor(options: SentinelsOptions, deps: SentinelsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#subscribers = options.sentinels.map((sentinel) => this.#subscribe(sentinel));
  }

  /**
   * Returns the address of the master. Connections that ask at the same time share one answer.
   * @throws Error where no Sentinel names it
   */
  readonly locate = (): Promise<HostAndPort> => {
    this.#locating ??= this.#locate().finally(() => {
      this.#locating = undefined;
    });
    return this.#locating;
  };

  /** The server is a replica, so what names it as the master is outdated. */
  refused(server: HostAndPort): void {
    if (this.#known !== undefined && isSame(this.#known, server)) this.#known = undefined;
    if (this.#announced !== undefined && isSame(this.#announced.to, server)) this.#announced = undefined;
  }

  close(): void {
    for (const redis of this.#subscribers) redis.disconnect();
  }

  async #locate(): Promise<HostAndPort> {
    const before = this.#switches;
    const answer = await this.#ask();
    // A switch that was announced meanwhile is newer than an answer that was on its way.
    if (this.#switches === before) this.#master = answer;
    return this.#master!;
  }

  async #ask(): Promise<HostAndPort> {
    const announced = this.#announced;
    const faults: string[] = [];
    const answers: Answer[] = [];
    const asked = this.#options.sentinels.map(async (sentinel) => {
      try {
        answers.push(await this.#askOne(sentinel));
      } catch (error) {
        faults.push(
          `${sentinel.host}:${sentinel.port}: ${describeFault(error as Error, this.#options.password)}`,
        );
        throw error;
      }
    });
    const first = Promise.any(asked).then(() => new Promise((resolve) => setTimeout(resolve, OTHERS_MS)));
    await Promise.race([Promise.allSettled(asked), first]).catch(() => {});
    const [newest] = answers.sort((a, b) => b.epoch - a.epoch);
    if (newest === undefined)
      throw new Error(`no Sentinel names the master ${this.#options.name} (${faults.join('; ')})`);
    if (announced !== undefined && announced === this.#announced) {
      if (answers.some(({ sentinel }) => sentinel === announced.sentinel)) this.#announced = undefined;
      else if (isSame(newest, announced.from)) return announced.to;
    }
    // If all have answered, a lower epoch is not outdated: the Sentinels were set up again.
    return this.#learn(newest, answers.length === asked.length);
  }

  /** Returns the newer of the answer and what was known before. */
  #learn(answer: Answer, isCertain = false): HostAndPort {
    if (isCertain || this.#known === undefined || answer.epoch >= this.#known.epoch) this.#known = answer;
    const { host, port } = this.#known;
    return { host, port };
  }

  async #askOne(sentinel: HostAndPort): Promise<Answer> {
    const redis = this.#open(sentinel, { lazyConnect: true, retryStrategy: () => null });
    try {
      await connected(redis);
      const { name } = this.#options;
      // The leader of a failover already has the new epoch while MASTER still has the old address.
      const [address, fields] = (await Promise.all([
        redis.call('SENTINEL', ['GET-MASTER-ADDR-BY-NAME', name]),
        redis.call('SENTINEL', ['MASTER', name]),
      ])) as [string[] | null, string[]];
      if (address === null) throw new Error(`it does not monitor ${name}`);
      const epoch = Number(fields[fields.indexOf('config-epoch') + 1]);
      return { host: address[0]!, port: Number(address[1]), epoch, sentinel };
    } finally {
      redis.disconnect();
    }
  }

  #subscribe(sentinel: HostAndPort): Redis {
    const redis = this.#open(sentinel, { retryStrategy: () => RETRY_MS });
    redis.on('error', () => {});
    redis.on('ready', () => {
      redis.subscribe('+switch-master').then(
        // A switch may have been announced while the subscription was down.
        () => void this.#look(),
        () => redis.disconnect(true),
      );
    });
    redis.on('message', (_channel: string, message: string) => {
      const [name, oldHost, oldPort, host, port] = message.split(' ') as [
        string,
        string,
        string,
        string,
        string,
      ];
      if (name !== this.#options.name) return;
      this.#onSwitch({
        sentinel,
        from: { host: oldHost, port: Number(oldPort) },
        to: { host, port: Number(port) },
      });
    });
    return redis;
  }

  #onSwitch(announced: Switch): void {
    this.#announced = announced;
    this.#named(announced.to);
    // A Sentinel may hear of two switches late. The message has no epoch, but the answer has.
    this.#askOne(announced.sentinel).then(
      (answer) => {
        this.#learn(answer);
        if (this.#announced === announced) this.#announced = undefined;
      },
      () => {},
    );
  }

  async #look(): Promise<void> {
    const before = this.#master;
    const master = await this.#ask().catch(() => undefined);
    if (before !== undefined && before === this.#master && master !== undefined) this.#named(master);
  }

  #named(master: HostAndPort): void {
    if (this.#master === undefined) return;
    if (isSame(master, this.#master)) return;
    this.#master = master;
    this.#switches++;
    this.#deps.onSwitch(master);
  }

  #open(sentinel: HostAndPort, options: RedisOptions): Redis {
    const { tls, username, password, connectTimeoutMs } = this.#options;
    return this.#deps.open({
      Connector: connectorTo({ locate: () => sentinel, tls }),
      ...(tls === undefined ? {} : { tls: {} }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      protocol: 2,
      connectionName: 'ratecache-sentinel',
      disableClientInfo: true,
      enableReadyCheck: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      disconnectTimeout: 100,
      connectTimeout: connectTimeoutMs,
      commandTimeout: connectTimeoutMs,
      ...options,
    });
  }
}

function isSame(a: HostAndPort, b: HostAndPort): boolean {
  return a.host === b.host && a.port === b.port;
}

/** Connects; rejects with the error of the connection, which names the cause. */
function connected(redis: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    redis.once('error', reject);
    // Without a second listener a later error would end the process.
    redis.on('error', () => {});
    redis.connect().then(resolve, reject);
  });
}
