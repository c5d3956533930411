/** Detects that an ACL forbids keys outside of KEY_PREFIX. Other missing rights show when the service uses them. */
import type { Redis } from 'ioredis';
import type { StoreError } from '../cache/store.ts';
import type { Counters } from '../metrics/counters.ts';
import { RECORD_PREFIX } from './change-call.ts';
import { QUALITY_PREFIX } from './marks.ts';
import { isRedirect } from './refusal.ts';
import { sendCommand } from './send-command.ts';
import type { ServerLimits } from './server-limits.ts';

/** No key with these names exists. In a Cluster any master answers: it checks the rights before it redirects. */
const READS = [
  { limit: 'records', read: (redis: Redis) => redis.get(`${RECORD_PREFIX}rights`) },
  { limit: 'quality', read: (redis: Redis) => redis.hget(`${QUALITY_PREFIX}rights`, '') },
] as const;

/** Reads one key of each kind. Never rejects: if Redis does not answer, what is known stays. */
export async function checkRights(
  redis: Redis,
  counters: Counters,
  timeoutMs: number,
  limits: ServerLimits,
): Promise<void> {
  await Promise.all(
    READS.map(({ limit, read }) =>
      sendCommand<unknown>(redis, counters, timeoutMs, read).then(
        () => limits.gone(limit),
        (error: StoreError) => {
          if (error.kind === 'noperm') limits.found(limit, error.message);
          else if (isRedirect(error)) limits.gone(limit);
        },
      ),
    ),
  );
}
