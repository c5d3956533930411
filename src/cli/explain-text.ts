/** Formats an explanation for a terminal. */
import type { ChangeView, PendingView, ValueFacts } from '../cache/key-view.ts';
import { bytes, span } from '../format.ts';
import type { StoredView } from '../redis/stored-view.ts';
import type { ExplainedReplica, Explanation, OtherReplicas } from '../service/explain.ts';
import { state, wrap } from './cells.ts';
import { printable } from './printable.ts';
import { styled } from './style.ts';

const INDENT = 11;

/** The state of the moment that all lines refer to. */
interface Context {
  /** The time of the service. */
  readonly now: number;
  readonly columns: number;
  /** The version in Redis. */
  readonly version: string | undefined;
}

/** Returns the lines. No line is longer than `columns`. */
export function explanationText(explanation: Explanation, columns: number): string[] {
  const { key, type, at, summary, redis, replicas, others, marks, sources } = explanation;
  const context = { now: Date.parse(at), columns, version: redis.version };
  const [head, ...more] = wrap(`${printable(key)} (${type}) at ${clock(at)} UTC`, columns);
  return [
    styled('bold', head!),
    ...more,
    ...wrap(summary, columns),
    '',
    ...row('Redis', redisText(redis, context), context),
    ...marks.flatMap((mark) => row('mark', markText(mark, context), context)),
    ...sources.flatMap((source) => row('source', sourceText(source, context), context)),
    ...replicas.flatMap((replica, i) => ['', ...replicaLines(replica, i === 0, context)]),
    ...otherLines(others, context).flatMap((line) => ['', ...wrap(line, columns)]),
  ];
}

function markText({ id, state, reason, ends_at }: Explanation['marks'][number], context: Context): string {
  return `${id} ${state} for ${left(ends_at, context)}: ${printable(reason)}`;
}

function sourceText({ name, state, heartbeat_at }: Explanation['sources'][number], context: Context): string {
  return `${name} is ${state}; last heartbeat ${ago(heartbeat_at, context)}`;
}

function replicaLines(replica: ExplainedReplica, isOwn: boolean, context: Context): string[] {
  const { host, pid, process, release, coherence, l1, pending, last_change: change, why } = replica;
  const number = process === undefined ? '' : `process ${process}, `;
  const facts = `${printable(host)}, ${number}pid ${pid}, ${printable(release)}${isOwn ? ', answers this request' : ''}`;
  const [first, ...rest] = wrap(`${printable(replica.replica)} on ${facts}`, context.columns);
  const isServed = l1.state === 'fresh';
  const until = l1.fresh_until === undefined || !isServed ? '' : ` for ${left(l1.fresh_until, context)}`;
  const l1Text = `${l1.state}${until}${l1.version === undefined ? '' : `; ${valueText(l1, context)}`}`;
  return [
    styled('bold', first!),
    ...rest,
    `${' '.repeat(2)}${'state'.padEnd(INDENT - 2)}${state(coherence)}`,
    ...row('  L1', l1Text, context),
    ...row('  pending', pending === null ? 'none' : pendingText(pending, context), context),
    ...row('  change', change === null ? 'unknown' : changeText(change, context), context),
    ...row('  answer', why, context),
  ];
}

function redisText(redis: StoredView, context: Context): string {
  const { state, server, format, compressed, stored_bytes: stored, ttl_ms: ttl, type, fault } = redis;
  const at = server === undefined ? '' : ` at ${printable(server)}`;
  const parts = [`${(type === undefined ? state : type).replaceAll('_', ' ')}${at}`];
  if (fault !== undefined) parts.push(printable(fault));
  if (redis.version !== undefined) parts.push(valueText(redis, context));
  if (format === 'predecessor') parts.push('in the format of the predecessor');
  if (stored !== undefined) parts.push(`${bytes(stored)} in Redis${compressed ? ', compressed' : ''}`);
  if (ttl !== undefined) parts.push(ttl === null ? 'no TTL in Redis' : `TTL ${span(ttl / 1000)}`);
  return parts.join('; ');
}

function valueText(facts: Partial<ValueFacts>, context: Context): string {
  const { version, stored_at: storedAt, expires_at: expiresAt, encoding, bytes: size } = facts;
  const { as_of: asOf, source } = facts;
  const differs = context.version !== undefined && version !== context.version;
  return (
    `version ${version}${differs ? ' (not that of Redis)' : ''}, ${encoding}, ${bytes(size!)}, ` +
    `stored ${ago(storedAt!, context)}, ${asOf === undefined ? '' : `data from ${ago(asOf, context)}, `}` +
    `${source === undefined ? '' : `source ${printable(source)}, `}expires in ${left(expiresAt!, context)}`
  );
}

function pendingText({ operation, version, ...facts }: PendingView, context: Context): string {
  return operation === 'set'
    ? `set; ${valueText({ version, ...facts }, context)}`
    : `deletion, version ${version}`;
}

function changeText({ reason, at, version, writer }: ChangeView, context: Context): string {
  const by = writer === undefined ? '' : ` by ${printable(writer)}`;
  return `${reason}${by}, ${ago(at, context)}${version === undefined ? '' : `, version ${version}`}`;
}

function otherLines({ asked, reason, silent, missing }: OtherReplicas, context: Context): string[] {
  if (!asked) return [`Other replicas were not asked: ${printable(reason ?? 'unknown')}.`];
  if (silent === 0) return [];
  const names = missing.map(
    ({ replica, host, seen_at }) =>
      `${printable(replica)} on ${printable(host)}, seen ${ago(seen_at, context)}`,
  );
  const known = names.length === 0 ? '' : ` Replicas that were seen before: ${names.join('; ')}.`;
  return [`${silent} more received the question, and did not answer in time.${known}`];
}

/** A label, and its text in the column next to it. */
function row(label: string, text: string, { columns }: Context): string[] {
  return wrap(text, columns - INDENT).map((line, i) => (i === 0 ? label : '').padEnd(INDENT) + line);
}

function ago(at: string, { now }: Context): string {
  return `${span(Math.max(0, now - Date.parse(at)) / 1000)} ago`;
}

function left(until: string, { now }: Context): string {
  return span(Math.max(0, Date.parse(until) - now) / 1000);
}

function clock(at: string): string {
  return at.slice(11, 23);
}
