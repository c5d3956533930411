import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** `up` is from the client to the server. */
export type Direction = 'up' | 'down';

export type Scope = {
  /** One direction alone; by default both. */
  direction?: Direction;
  /**
   * Only connections whose client has sent this text so far, and later ones once it does; by default all. A pattern is
   * matched against the first bytes, as Latin-1.
   */
  saying?: string | RegExp;
};

/**
 * Stands between a client and a server on 127.0.0.1, and makes the net as bad as the test wants. End it with
 * `t.after(() => proxy.close())`.
 */
export type TcpProxy = {
  readonly port: number;
  /** Connections that are open now. */
  readonly size: number;
  /**
   * Nothing passes any more, and both ends think that they are connected: a half-open connection. What is sent
   * meanwhile waits, and so does an end; new connections are frozen too.
   */
  freeze(scope?: Scope): void;
  /** What was frozen goes on, with all that waited. */
  thaw(): void;
  /** Resets connections; new ones are taken. */
  cut(scope?: Pick<Scope, 'saying'>): void;
  /** From now on everything arrives this much later, in order; 0 for at once. */
  delay(ms: number): void;
  /** Whether new connections are taken; those that are not are reset. */
  accept(yes: boolean): void;
  close(): Promise<void>;
};

/** As much as is remembered of what a client said first. */
const HEARD_BYTES = 4096;

export async function startTcpProxy(target: { readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let frozen: Scope | undefined;
  let delayMs = 0;
  let accepting = true;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (!accepting) return void client.resetAndDestroy();
    // The port is looked up each time: a server that was restarted may have another.
    const upstream = connect({ port: target.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const pair: Pair = {
      heard: '',
      up: new Lane(client, upstream, () => delayMs),
      down: new Lane(upstream, client, () => delayMs),
      reset() {
        pairs.delete(pair);
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      },
    };
    pairs.add(pair);
    client.on('data', (chunk: Buffer) => {
      if (pair.heard.length < HEARD_BYTES) pair.heard += chunk.toString('latin1');
      if (frozen !== undefined) freeze(pair, frozen);
    });
    for (const [socket, lane] of [
      [client, pair.up],
      [upstream, pair.down],
    ] as const) {
      // A reset comes as `error` and then `close`.
      socket.on('error', () => {});
      socket.on('close', () => {
        lane.end();
        if (client.destroyed && upstream.destroyed) pairs.delete(pair);
      });
    }
    if (frozen !== undefined) freeze(pair, frozen);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  return {
    port: address.port,
    get size() {
      return pairs.size;
    },
    freeze(scope = {}) {
      frozen = scope;
      for (const pair of pairs) freeze(pair, scope);
    },
    thaw() {
      frozen = undefined;
      for (const { up, down } of pairs) {
        up.thaw();
        down.thaw();
      }
    },
    cut({ saying = '' } = {}) {
      for (const pair of pairs) if (says(pair, saying)) pair.reset();
    },
    delay(ms) {
      delayMs = ms;
    },
    accept(yes) {
      accepting = yes;
    },
    async close() {
      server.close();
      for (const pair of pairs) pair.reset();
      await once(server, 'close');
    },
  };
}

type Pair = { heard: string; readonly up: Lane; readonly down: Lane; reset(): void };

function says({ heard }: Pair, saying: string | RegExp): boolean {
  return typeof saying === 'string' ? heard.includes(saying) : saying.test(heard);
}

function freeze(pair: Pair, { direction, saying = '' }: Scope): void {
  if (!says(pair, saying)) return;
  if (direction !== 'down') pair.up.freeze();
  if (direction !== 'up') pair.down.freeze();
}

/** One direction of one connection. */
class Lane {
  readonly #to: Socket;
  readonly #delayMs: () => number;
  /** What waits, with when it may go; null is the end. */
  readonly #waiting: [chunk: Buffer | null, dueAt: number][] = [];
  #frozen = false;
  #moving = false;
  #ended = false;

  constructor(from: Socket, to: Socket, delayMs: () => number) {
    this.#to = to;
    this.#delayMs = delayMs;
    from.on('data', (chunk) => this.#add(chunk));
    from.on('end', () => this.end());
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    void this.#move();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#add(null);
  }

  #add(chunk: Buffer | null): void {
    this.#waiting.push([chunk, performance.now() + this.#delayMs()]);
    void this.#move();
  }

  async #move(): Promise<void> {
    if (this.#moving) return;
    this.#moving = true;
    while (this.#waiting.length > 0 && !this.#frozen) {
      const [chunk, dueAt] = this.#waiting[0]!;
      const early = dueAt - performance.now();
      if (early > 0) {
        await sleep(early);
        continue;
      }
      this.#waiting.shift();
      if (chunk === null) this.#to.end();
      else this.#to.write(chunk);
    }
    this.#moving = false;
  }
}
