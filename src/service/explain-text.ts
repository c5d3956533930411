/** The sentences of an explanation. */
import type { ChangeView } from '../cache/key-view.ts';
import type { ReplicaView } from '../redis/inquiry-messages.ts';
import type { StoredView } from '../redis/stored-view.ts';

/** How the replica answers a read of the key now. */
export function whyOf(
  { coherence, l1, pending, input_change: input, quality }: ReplicaView,
  redis: StoredView,
): string {
  if (quality?.state === 'halted') return `It answers 503 halted: ${quality.reason}.`;
  const suspect = quality?.state === 'suspect' ? ` The value is suspect: ${quality.reason}.` : '';
  return sourceOf(coherence, l1, pending, input, redis) + suspect;
}

function sourceOf(
  coherence: ReplicaView['coherence'],
  l1: ReplicaView['l1'],
  pending: ReplicaView['pending'],
  input: ReplicaView['input_change'],
  redis: StoredView,
): string {
  const version = pending?.version ?? redis.version ?? l1.version;
  if (input !== undefined && version !== undefined && version <= input.version)
    return `It answers that the key has no value, because its input ${input.key} has changed since the value was stored.`;
  if (pending !== null)
    return pending.operation === 'set'
      ? 'It answers with a pending write, which Redis has not accepted yet.'
      : 'It answers that the key has no value, because a deletion is pending.';
  if (redis.state === 'not_used')
    return l1.state === 'fresh'
      ? 'It answers from L1. It runs without Redis.'
      : 'It answers that the key has no value: L1 is its only tier, and has no entry.';
  if (l1.state === 'fresh') {
    if (coherence === 'coherent') return 'It answers from L1: the link reports every change of the entry.';
    return 'It answers from L1 until the entry is stale, because no link reports changes.';
  }
  if (coherence === 'blind') return blind(l1.state);
  return `It asks Redis, because ${REASONS[l1.state]}. ${ofRedis(redis)}`;
}

type Elsewhere = Exclude<ReplicaView['l1']['state'], 'fresh'>;

const REASONS: Readonly<Record<Elsewhere, string>> = {
  stale: 'the entry in L1 is older than LOCAL_CACHE_TTL',
  untrusted: 'its link is down, so the entry in L1 may be outdated',
  expired: 'the entry in L1 has expired',
  absent: 'L1 has no entry',
  off: 'it has no L1',
};

function blind(l1: Elsewhere): string {
  if (l1 === 'untrusted' || l1 === 'stale')
    return 'It cannot read Redis, so it answers from L1 with a mark. The value may be outdated.';
  return 'It cannot read Redis, and L1 has no entry: it answers 404 cache_unknown.';
}

function ofRedis({ state, fault, type }: StoredView): string {
  switch (state) {
    case 'value':
      return 'Redis has a value.';
    case 'unreadable':
      return 'Redis has bytes that are not a value of ratecache, so the read is a miss.';
    case 'other_type':
      return `Redis has a ${type ?? 'value that is not a string'} under the key, which is not a value of ratecache, so the read is a miss.`;
    case 'unknown':
      return `Redis could not be read: ${fault}.`;
    default:
      return 'Redis has no value, so the read is a miss.';
  }
}

/** Whether all tiers agree, and where the value or its absence comes from. */
export function summaryOf(
  replicas: readonly ReplicaView[],
  redis: StoredView,
  change: ChangeView | null,
): string {
  const sentences = [
    ...pendingSentences(replicas),
    ...differences(replicas, redis),
    ...redisSentences(replicas, redis),
    ...qualitySentences(replicas),
    ...(change === null ? [] : [`The last known change: ${changeText(change)}.`]),
  ];
  return sentences.join(' ');
}

function pendingSentences(replicas: readonly ReplicaView[]): string[] {
  const pending = replicas.filter((each) => each.pending !== null).map(({ replica }) => replica);
  if (pending.length === 0) return [];
  return [
    `A write is pending in ${pending.join(', ')}: other replicas do not see it before Redis accepts it.`,
  ];
}

/** Replicas that serve another version than Redis has. */
function differences(replicas: readonly ReplicaView[], { state, version }: StoredView): string[] {
  if (state === 'not_used' || state === 'unknown') return [];
  return replicas
    .filter(({ l1 }) => l1.state === 'fresh' && l1.version !== version)
    .map(
      ({ replica, l1 }) =>
        `L1 of ${replica} has version ${l1.version}, and Redis has ${version ?? 'no value'}. ` +
        'This lasts a few milliseconds after a change: run the command again. If it stays, report a defect.',
    );
}

function redisSentences(replicas: readonly ReplicaView[], redis: StoredView): string[] {
  const { state, version } = redis;
  if (state === 'not_used') return [];
  if (state !== 'value') return [ofRedis(redis)];
  const same = replicas.filter(({ l1 }) => l1.version === version).length;
  return [`Redis has the value, and ${same} of ${replicas.length} replicas have this version in L1.`];
}

function qualitySentences(replicas: readonly ReplicaView[]): string[] {
  const sentences = replicas.flatMap(({ quality }) =>
    quality === undefined || quality.state === 'good'
      ? []
      : [`The value is ${quality.state}: ${quality.reason}.`],
  );
  return [...new Set(sentences)];
}

/** As the end of a sentence. */
export function changeText({ reason, at, writer }: ChangeView): string {
  const by = writer === undefined ? '' : ` by ${writer}`;
  switch (reason) {
    case 'set':
      return `stored${by} at ${at}`;
    case 'delete':
      return `deleted${by} at ${at}`;
    case 'flush':
      return `all keys were deleted${by} at ${at}`;
    case 'expire':
      return `the value expired at ${at}`;
    case 'evict':
      return `L1 evicted the entry at ${at}`;
    case 'rearmed':
      return `the link was armed again at ${at}, and L1 was emptied`;
    case 'input':
      return `an input of the value changed at ${at}`;
    case 'quality':
      return `the quality of the value changed at ${at}`;
    case 'remote':
      return `another program changed the key, or Redis evicted it, at ${at}`;
  }
}
