/** Explains one key: what each tier of each replica has, and why a read is answered as it is. */
import type { Principal } from '../access/principal.ts';
import { type ChangeView, changeOf, isoTime } from '../cache/key-view.ts';
import type { Config } from '../config/config.ts';
import { markView } from '../http/marks.ts';
import { maySee } from '../http/selection.ts';
import { sourceView } from '../http/sources.ts';
import { TYPES, type TypeName, typeOf } from '../key.ts';
import type { Answers } from '../redis/inquiry.ts';
import type { ReplicaView } from '../redis/inquiry-messages.ts';
import type { StoredView } from '../redis/stored-view.ts';
import type { Core } from './compose.ts';
import type { NamedServer } from './compose-l2.ts';
import { summaryOf, whyOf } from './explain-text.ts';

/** The body of `GET /v1/explain/{key}`. */
export interface Explanation {
  readonly key: string;
  readonly type: TypeName;
  /** The time of the service, in ISO 8601. */
  readonly at: string;
  /** Why reads are answered as they are, in one or more sentences. */
  readonly summary: string;
  /** The latest change that any replica knows, or that the value in Redis proves. */
  readonly last_change: ChangeView | null;
  /** The marks that cover the key. A client with prefixes receives only marks whose keys it may all read. */
  readonly marks: readonly ReturnType<typeof markView>[];
  /** The sources whose types or prefixes cover the key, with the same restriction. */
  readonly sources: readonly ReturnType<typeof sourceView>[];
  readonly redis: StoredView;
  /** The replica that received the request comes first. */
  readonly replicas: readonly ExplainedReplica[];
  readonly others: OtherReplicas;
}

export interface ExplainedReplica extends ReplicaView {
  /** How this replica answers a read of the key now. */
  readonly why: string;
}

/** What happened to the question to the other replicas. */
export interface OtherReplicas {
  readonly asked: boolean;
  /** Why they were not asked. */
  readonly reason?: string;
  /** How many subscribers of PUBSUB_CHANNEL received the question and did not answer in time. */
  readonly silent: number;
  /** Replicas that were seen earlier and did not answer, perhaps because they have ended. */
  readonly missing: readonly { readonly replica: string; readonly host: string; readonly seen_at: string }[];
}

const NO_ANSWERS = { silent: 0, missing: [], replicas: [] } as const;

type Asked = Answers & { readonly reason?: string };

export function composeExplain(
  config: Config,
  core: Core,
): (key: string, principal: Principal | undefined) => Promise<Explanation> {
  return async (key, principal) => {
    const [asked, redis] = await Promise.all([ask(config, core, key), stored(core, key)]);
    // After the answers, so that this replica and the others are described at the same moment.
    const own = core.view(key);
    const replicas = [own, ...asked.replicas].map((view) => ({ ...view, why: whyOf(view, redis) }));
    const change = lastChange(replicas, redis);
    const { marks, sources } = core.marks.quality.concerning(key);
    return {
      key,
      type: TYPES[typeOf(key)]!,
      at: isoTime(core.clock.now),
      summary: summaryOf(replicas, redis, change),
      last_change: change,
      marks: marks.filter((mark) => maySee(principal, mark)).map(markView),
      sources: sources
        .filter((source) => maySee(principal, source))
        .map((source) => sourceView(core, source)),
      redis,
      replicas,
      others: {
        asked: asked.reason === undefined,
        ...(asked.reason !== undefined && { reason: asked.reason }),
        silent: asked.silent,
        missing: asked.missing.map(({ replica, host, seenAt }) => ({
          replica,
          host,
          seen_at: isoTime(seenAt),
        })),
      },
    };
  };
}

/** Asks the other replicas about a key. */
export async function ask({ pubsub }: Config, { redis }: Core, key: string): Promise<Asked> {
  if (redis === undefined) return { ...NO_ANSWERS, reason: 'the service is standalone' };
  if (!pubsub.enabled) return { ...NO_ANSWERS, reason: 'ENABLE_PUBSUB is false' };
  const server = serverToAsk(redis.ownerOf(key), redis.servers());
  if (server === undefined) return { ...NO_ANSWERS, reason: 'no server of Redis is known yet' };
  try {
    return await server.inquiry!.ask(key);
  } catch (error) {
    return { ...NO_ANSWERS, reason: (error as Error).message };
  }
}

/** The server of the key or, while its link is down, another one: every replica listens to every server. */
function serverToAsk(owner: NamedServer | undefined, all: readonly NamedServer[]) {
  const candidates = owner === undefined ? all : [owner, ...all];
  return (candidates.find(({ server }) => server.state === 'coherent') ?? candidates[0])?.server;
}

async function stored({ redis }: Core, key: string): Promise<StoredView> {
  if (redis === undefined) return { state: 'not_used' };
  const owner = redis.ownerOf(key);
  if (owner === undefined) return { state: 'unknown', fault: 'the owner of the key is not known yet' };
  const view = await owner.server.stored(key);
  return owner.name === undefined ? view : { ...view, server: owner.name };
}

/** How far apart two replicas may be notified of one change. */
const SAME_CHANGE_MS = 1000;

function lastChange(replicas: readonly ReplicaView[], { version }: StoredView): ChangeView | null {
  const known = replicas.flatMap(({ last_change }) => last_change ?? []);
  const proved = version === undefined ? null : changeOf(version);
  if (proved !== null) known.push(proved);
  const [latest] = known.toSorted((a, b) => (a.at < b.at ? 1 : -1));
  if (latest?.reason !== 'remote') return latest ?? null;
  // Only a replica that had the entry knows that it has expired.
  const isSame = ({ at }: ChangeView) => Date.parse(latest.at) - Date.parse(at) < SAME_CHANGE_MS;
  return known.find((change) => change.reason === 'expire' && isSame(change)) ?? latest;
}
