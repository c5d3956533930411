/** `ratecache check`: sends one request to a service, prints one line, and sets the exit code. */
import type { HealthBody } from '../metrics/health.ts';
import { property } from '../service-answer.ts';
import { type Answer, callService, EXIT_UNREACHABLE, NOT_RATECACHE } from './call-service.ts';
import { Failure } from './exits.ts';
import type { ServiceOptions } from './flags.ts';
import { healthyShare } from './processes-text.ts';
import { serviceToken } from './service-token.ts';

export const TIMEOUT_MS = 2000;

export interface CheckOptions extends ServiceOptions {
  readonly failDegraded?: boolean;
  readonly ready?: boolean;
  readonly live?: boolean;
  readonly json?: boolean;
}

/** The verdict, and the line that explains it. */
interface Finding {
  readonly verdict: 'up' | 'degraded' | 'down';
  readonly line: string;
}

/** @returns the exit code */
export async function check(options: CheckOptions): Promise<number> {
  const { url, timeout: timeoutMs, failDegraded, ready, live, json, tokenFile } = options;
  const token = serviceToken(tokenFile);
  const path = live ? '/livez' : ready ? '/readyz' : '/health';
  let answer: Answer | undefined;
  let finding: Finding;
  try {
    answer = await callService(url, { path, timeoutMs, token });
    finding = path === '/health' ? judgeHealth(answer) : judgeProbe(answer, ready ? 'ready' : 'alive');
  } catch (error) {
    if (!(error instanceof Failure && error.exitCode === EXIT_UNREACHABLE)) throw error;
    finding = down(error.message);
  }
  const { verdict, line } = finding;
  const body = answer?.body === undefined ? JSON.stringify({ status: 'down', reason: line }) : answer.text;
  process.stdout.write(`${json ? body : line}\n`);
  if (verdict === 'degraded') return failDegraded ? 1 : 0;
  return verdict === 'up' ? 0 : 2;
}

function judgeHealth({ status, body }: Answer): Finding {
  if (status === 200 && isHealth(body)) {
    if (body.status === 'healthy') return { verdict: 'up', line: `healthy: ${facts(body)}${warnings(body)}` };
    if (body.status === 'degraded') return { verdict: 'degraded', line: `degraded: ${why(body)}` };
  }
  if (status === 503 && isHealth(body)) return down(`${body.status}: ${why(body)}`);
  return notRatecache(status);
}

/** @param good the member `status` of the body of a healthy service */
function judgeProbe({ status, body }: Answer, good: string): Finding {
  const state = property(body, 'status');
  if (status === 200 && state === good) return { verdict: 'up', line: good };
  const reason = property(body, 'reason');
  if (typeof state === 'string' && state !== good)
    return down(typeof reason === 'string' ? `${state}: ${reason}` : state);
  return notRatecache(status);
}

function why(body: HealthBody): string {
  return `${body.reasons.join('. ')}. ${facts(body)}${warnings(body)}`;
}

/** An earlier version of the service has none. */
function warnings({ warnings = [] }: Partial<HealthBody>): string {
  return warnings.map((warning) => `. ${warning}`).join('');
}

function facts(body: HealthBody): string {
  const { mode, coherence, redis, local_cache, pending_writes: pending, processes } = body;
  return [
    mode === 'standalone'
      ? 'standalone'
      : redis.servers !== undefined
        ? mastersOf(redis.servers)
        : redis.connected
          ? `Redis answers in ${redis.response_time_ms} ms`
          : undefined,
    coherence === 'off' ? undefined : `coherence ${coherence}`,
    local_cache.status === 'disabled' ? 'L1 is off' : `${local_cache.items} items in L1`,
    pending === undefined || pending.entries === 0 ? undefined : `${pending.entries} pending writes`,
    processes === undefined ? undefined : `${healthyShare(processes)} processes healthy`,
  ]
    .filter((fact) => fact !== undefined)
    .join(', ');
}

/** Returns how many masters of a Cluster answer, and how fast the slowest is. */
function mastersOf(servers: NonNullable<HealthBody['redis']['servers']>): string {
  const up = servers.filter(({ connected }) => connected);
  const slowest = Math.max(...up.map(({ response_time_ms: ms }) => ms ?? 0));
  const speed = up.length === 0 ? '' : `, the slowest in ${slowest} ms`;
  return `${up.length} of ${servers.length} masters answer${speed}`;
}

/** Checks only the members that this file reads. */
function isHealth(body: unknown): body is HealthBody {
  return (
    typeof property(body, 'status') === 'string' &&
    Array.isArray(property(body, 'reasons')) &&
    typeof property(body, 'redis') === 'object' &&
    typeof property(body, 'local_cache') === 'object'
  );
}

function down(why: string): Finding {
  return { verdict: 'down', line: `down: ${why}` };
}

function notRatecache(status: number): Finding {
  return down(`answered ${status}${NOT_RATECACHE}`);
}
