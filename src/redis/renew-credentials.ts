import type { Redis } from 'ioredis';
import type { Credentials } from './credentials.ts';

export interface RenewalDeps {
  readonly credentials: Pick<Credentials, 'username' | 'password'>;
  /** The connections other than the link. */
  readonly connections: () => Iterable<Redis>;
  readonly link: Redis | undefined;
  /** Live connections have authenticated with a new password. */
  readonly onRenewed: () => void;
  /** Redis refused a new password. Called once for each password; the attempts continue. */
  readonly onRefused: (error: Error) => void;
  readonly everyMs?: number;
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number;
}

const EVERY_MS = 60_000;
/** ElastiCache closes a connection twelve hours after its last authentication with an IAM token. */
const LINK_AGE_MS = 6 * 60 * 60 * 1000;

/**
 * Looks every minute whether the password changed. Live connections then authenticate again, so that their new
 * credentials last as long as those of a new connection.
 *
 * Redis refuses AUTH on a connection that subscribes with RESP2. So the link reconnects instead, but only if it is older
 * than six hours: each time, L1 is emptied and subscribers receive `reset`.
 *
 * Returns a function that stops it.
 */
export function renewCredentials(deps: RenewalDeps): () => void {
  const { credentials, connections, link, onRenewed, onRefused, everyMs = EVERY_MS } = deps;
  const now = deps.now ?? (() => performance.now());
  let used = credentials.password;
  let refused: string | undefined;
  let linkSince = now();
  link?.on('ready', () => {
    linkSince = now();
  });
  const look = async () => {
    const { username, password } = credentials;
    if (password === undefined || password === used) return;
    try {
      for (const redis of connections())
        if (redis.status === 'ready')
          await (username === undefined ? redis.auth(password) : redis.auth(username, password));
    } catch (error) {
      // A lost connection authenticates when it connects again. Any other error is a refusal.
      if ((error as Error).name === 'ReplyError' && password !== refused) onRefused(error as Error);
      refused = password;
      return;
    }
    used = password;
    onRenewed();
    if (link?.status === 'ready' && now() - linkSince >= LINK_AGE_MS) link.disconnect(true);
  };
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
