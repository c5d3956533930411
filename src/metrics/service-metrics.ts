import type { Memory } from '../cache/l1/memory.ts';
import { type Counters, LIMITS } from './counters.ts';
import type { RedisSource } from './redis-metrics.ts';
import { counter, gauge, type Sample, type Scraped } from './scraped.ts';

export interface ServiceSources {
  readonly counters: Counters;
  /** Undefined with ENABLE_LOCAL_CACHE=false. */
  readonly memory: Memory | undefined;
  /** Undefined when standalone. */
  readonly redis: Pick<RedisSource, 'info'> | undefined;
  /** Requests without an answer yet. */
  readonly openRequests: () => number;
  /** The version of ratecache. */
  readonly version: string;
  /** When the TLS certificate expires, in milliseconds; undefined without TLS. */
  readonly certificateExpiresAt?: (() => number) | undefined;
}

/** The metrics of the process as a service: its health, its HTTP answers, its build. */
export function serviceMetrics(sources: ServiceSources): Scraped[] {
  const { counters, memory, redis, openRequests, version, certificateExpiresAt } = sources;
  return [
    ...(certificateExpiresAt === undefined
      ? []
      : [
          gauge(
            'ratecache_tls_certificate_expiry_timestamp_seconds',
            'When the TLS certificate of new connections expires, in seconds since 1970.',
            () => certificateExpiresAt() / 1000,
          ),
        ]),
    gauge(
      'service_health_status',
      'Health of each configured component: 1 healthy, 0 unhealthy.',
      async () => {
        const components: Sample[] = [];
        if (redis !== undefined) {
          const { connected } = await redis.info.status();
          components.push({ labels: { component: 'redis' }, value: connected ? 1 : 0 });
        }
        if (memory !== undefined) components.push({ labels: { component: 'local_cache' }, value: 1 });
        return components;
      },
    ),
    counter('ratecache_http_responses_total', 'HTTP answers by status class.', () =>
      [1, 2, 3, 4, 5].map((hundreds) => ({
        labels: { class: `${hundreds}xx` },
        value: counters.httpResponses[hundreds]!,
      })),
    ),
    counter(
      'ratecache_http_aborted_total',
      'Requests whose client disconnected before the answer.',
      () => counters.httpAborted,
    ),
    counter(
      'ratecache_suspicious_key_types_total',
      'Writes of keys whose type is one edit away from a known type: probably misspelt.',
      () => counters.suspiciousKeyTypes,
    ),
    gauge('ratecache_http_open_requests', 'HTTP requests without an answer yet.', openRequests),
    counter(
      'ratecache_limited_total',
      'Requests, items of requests, and connections that a limit refused, by limit.',
      () => LIMITS.map((limit) => ({ labels: { limit }, value: counters.limited.get(limit) ?? 0 })),
    ),
    counter(
      'ratecache_connections_refused_total',
      'Connections closed at once because of MAX_CONNECTIONS, or because too few file descriptors were free.',
      () => counters.connectionsRefused,
    ),
    counter(
      'ratecache_log_lines_dropped_total',
      'Log lines dropped because standard output or the access log could not be written.',
      () => counters.logLinesDropped,
    ),
    gauge('ratecache_build_info', 'Always 1; the labels name the version and the Node release.', () => [
      { labels: { version, node: process.version }, value: 1 },
    ]),
  ];
}
