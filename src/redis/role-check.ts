import type { Redis } from 'ioredis';

const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 30_000;

export interface RoleCheckDeps {
  /** Opens a connection to the same address that does not retry. */
  readonly open: () => Redis;
  /** Called when the address leads to a master: reconnects every connection of this process. */
  readonly reconnect: () => void;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

/**
 * Finds the new master after Redis refused a command with READONLY.
 *
 * A server that became a replica still answers reads, so its connections stay open. Its host name may lead to the new
 * master by now, so a short-lived connection to the same address asks for the role. Only when the answer is master does
 * the process reconnect. Otherwise the next check follows after 5 s, later after 30 s.
 */
export class RoleCheck {
  readonly #deps: RoleCheckDeps;
  readonly #now: () => number;
  #checking = false;
  #pauseMs = FIRST_PAUSE_MS;
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(deps: RoleCheckDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? (() => performance.now());
  }

  /** Redis refused a command with READONLY. */
  readonly refused = (): void => {
    const now = this.#now();
    if (this.#checking || now < this.#quietUntil) return;
    // No command was refused for a while, so this is another failover.
    if (now - this.#quietUntil > LONGEST_PAUSE_MS) this.#pauseMs = FIRST_PAUSE_MS;
    this.#checking = true;
    void this.#check();
  };

  async #check(): Promise<void> {
    const redis = this.#deps.open();
    const isMaster = await hasMasterRole(redis).catch(() => false);
    redis.disconnect();
    this.#checking = false;
    this.#quietUntil = this.#now() + this.#pauseMs;
    this.#pauseMs = isMaster ? FIRST_PAUSE_MS : Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    if (isMaster) this.#deps.reconnect();
  }
}

async function hasMasterRole(redis: Redis): Promise<boolean> {
  await redis.connect();
  // An ACL may allow only one of the two commands.
  const role = await redis.role().then(
    (reply) => (reply as unknown[])[0],
    async () => /^role:(\w+)/m.exec(await redis.info('replication'))?.[1],
  );
  return role === 'master';
}
