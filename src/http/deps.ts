import type { Access } from '../access/access.ts';
import type { Principal } from '../access/principal.ts';
import type { Requester } from '../access/requester.ts';
import type { Clock } from '../cache/clock.ts';
import type { QualityRegistry } from '../cache/quality/registry.ts';
import type { TwoLevel } from '../cache/two-level.ts';
import type { Counters } from '../metrics/counters.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { GzippedValues } from './gzip.ts';
import type { MaxAge } from './head.ts';
import type { Load } from './load.ts';
import type { StreamedAnswer } from './streamed.ts';

/** Upper limits of what a client may send. */
export interface Limits {
  readonly maxValueBytes: number;
  readonly maxKeyBytes: number;
  readonly maxBatchKeys: number;
  readonly maxBodyBytes: number;
  readonly maxBufferedBodyBytes: number;
  readonly maxAnswerBytes: number;
  readonly maxInvalidationKeys: number;
}

/** The dependencies of the request handlers. */
export interface HttpDeps {
  readonly cache: TwoLevel;
  readonly clock: Clock;
  /** Sources and marks. */
  readonly marks: QualityRegistry;
  readonly counters: Counters;
  readonly limits: Limits;
  readonly load: Load;
  readonly access: Access;
  readonly maxAge: MaxAge;
  readonly gzipped: GzippedValues;
  /** Whether the event loop is so late that the service answers only L1 hits. */
  readonly overloaded: () => boolean;
  /** Returns what each tier of every replica has for the key, without the value. */
  readonly explain: (key: string, principal: Principal | undefined) => Promise<unknown>;
  /** Returns the keys with the most reads and the most misses. @param allowed whether a key may be named */
  readonly hotKeys: (allowed: (key: string) => boolean) => Promise<unknown>;
  /**
   * Starts a stream of events as the answer.
   * @throws ServiceError before the answer starts
   */
  readonly openEvents: (answer: StreamedAnswer, request: EventsRequest) => void;
  /**
   * Returns the health of this process, the client, and the samples of the last 15 minutes.
   * @param after only samples with a greater number are returned
   */
  readonly history: (after: number, principal: Principal | undefined) => Promise<unknown>;
  /** Returns every replica that answers, with its state. */
  readonly replicas: () => Promise<unknown>;
  /** Returns the variables of the service, without secrets. */
  readonly configuration: () => Promise<unknown>;
  /** Receives the cause of every `internal` error, to log it. */
  readonly onFault: (error: unknown) => void;
  /** Undefined without traces. */
  readonly tracing?: Tracing | undefined;
}

/** What answers without values need. */
export type ServerDeps = Pick<HttpDeps, 'load' | 'counters' | 'onFault'>;

/** A request for a stream of events. */
export interface EventsRequest {
  /** What the client subscribes to, as the members of `subscribe`; not checked yet. */
  readonly interest: Readonly<Record<string, unknown>>;
  readonly lastEventId: string;
  readonly heartbeatMs: number;
  readonly owner: {
    principal: Principal | undefined;
    readonly address: string;
    readonly network: string;
    readonly requestId: string | undefined;
  };
  readonly requester: Requester;
}
