import type { InfoFields } from './connector.ts';

const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 30_000;

export interface SameServerDeps {
  /** Connections to another server than that of the newest connection are closed, so that they connect again. */
  readonly onMoved: () => void;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

/**
 * Ensures that all connections of a process reach the same Redis process.
 *
 * After a failover the name of Redis leads to another server, but connections to the old server may stay open. A link to
 * the new server does not report the changes of the old one. So a connection that reaches another run id than the
 * others makes the others connect again. Two exceptions:
 *
 * 1. A connection to a replica is refused while the others use a master.
 * 2. If the name leads to several servers in turn, the connections would close each other without end. So this happens
 *    only once in 5 s, later in 30 s. Until then a connection to another server is refused.
 *
 * Where an ACL forbids INFO, the run id is unknown, and nothing is compared.
 */
export class SameServer {
  readonly #deps: SameServerDeps;
  readonly #now: () => number;
  readonly #members = new Set<Membership>();
  #pauseMs = FIRST_PAUSE_MS;
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(deps: SameServerDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? (() => performance.now());
  }

  join(): Membership {
    const member = new Membership((info) => this.#refuse(member, info));
    this.#members.add(member);
    return member;
  }

  #refuse(newcomer: Membership, { run_id: runId, role }: InfoFields): string | undefined {
    if (runId === undefined) return undefined;
    const others = [...this.#members].filter((member) => member.server && member.server.runId !== runId);
    if (others.length > 0) {
      if (role === 'slave' && others.some(({ server }) => server?.role === 'master'))
        return 'reached a replica of Redis, while other connections use the master';
      const now = this.#now();
      if (now < this.#quietUntil)
        return 'reached another Redis server than the other connections: REDIS_HOST must lead to one server';
      // A move long after the last one is another failover.
      const again = now - this.#quietUntil < LONGEST_PAUSE_MS;
      this.#pauseMs = again ? Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
      this.#quietUntil = now + this.#pauseMs;
      for (const other of others) other.reconnect();
      this.#deps.onMoved();
    }
    newcomer.server = { runId, role };
    return undefined;
  }
}

/** One connection in its `SameServer`. */
export class Membership {
  /** The server that the connection uses; undefined while it is down or unknown. */
  server: { readonly runId: string; readonly role: string | undefined } | undefined;
  /** Closes the connection, which then connects again. */
  reconnect: () => void = () => {};
  /** Returns why a new connection to the server with this INFO must not be used, or undefined. */
  readonly refuse: (info: InfoFields) => string | undefined;

  constructor(refuse: Membership['refuse']) {
    this.refuse = refuse;
  }

  /** The connection is down. */
  lost(): void {
    this.server = undefined;
  }
}
