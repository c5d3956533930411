/** `GET /v1/events`: a stream with the snapshot and the events of one subscription. */
import type { Requester } from '../access/requester.ts';
import { ServiceError } from '../errors.ts';
import { CLOSE, Consumer, type ConsumerLimits } from './consumer.ts';
import type { RequestDeps } from './deps.ts';
import { eventCodec } from './event-codec.ts';
import { EventStream, type StreamedBody } from './event-stream.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { Position } from './history.ts';
import type { Owner } from './owner.ts';
import { begin, endAll, interestOf } from './subscribe.ts';

export interface EventsRequest {
  /** As the members of `subscribe`, without `resume`; not checked yet. */
  readonly interest: Readonly<Record<string, unknown>>;
  /** The header `Last-Event-ID`, empty if absent. */
  readonly lastEventId: string;
  readonly heartbeatMs: number;
  readonly owner: Omit<Owner, 'since'>;
  readonly requester: Requester;
}

/** The answer, which starts when the request has been accepted. */
export interface EventsAnswer extends StreamedBody {
  start(head: string, listener: { onDrain: () => void; onClose: () => void }): void;
}

export interface EventsDeps extends RequestDeps {
  readonly consumers: Set<Consumer>;
  readonly maxConnections: number;
  readonly consumerLimits: ConsumerLimits;
  readonly draining: () => boolean;
}

/** The only subscription of a stream. */
const ID = 'events';

/** Browsers reconnect after a pause of this length. It is random, so that not all clients reconnect at once. */
const RETRY_MS = 1000;

/** uWS closes a connection on which it has written nothing for 8 s. A snapshot may take longer before its first part. */
const LONGEST_SILENCE_MS = 5000;

/** @throws ServiceError before the answer starts */
export function openEvents(deps: EventsDeps, answer: EventsAnswer, request: EventsRequest): void {
  const { counters, clock, hub, consumers, maxConnections } = deps;
  const { requester, heartbeatMs } = request;
  if (deps.draining()) throw new ServiceError('shutting_down', 'connect to another replica');
  if (consumers.size >= maxConnections)
    throw new ServiceError(
      'too_many_connections',
      `at most ${maxConnections} sockets and event streams are allowed`,
    );
  const owner = { ...request.owner, since: performance.now() };
  const stream = new EventStream(answer);
  const consumer = new Consumer(stream, eventCodec, owner, deps.consumerLimits, counters, clock);
  const data = { ...request.interest, resume: positionOf(request.lastEventId) };
  const sendSnapshot = begin(deps, consumer, ID, interestOf(data, deps, 'query_invalid'), requester);
  consumers.add(consumer);
  answer.start(`retry: ${Math.round(RETRY_MS * (1 + 2 * Math.random()))}\n\n`, {
    onDrain: () => consumer.onDrain(performance.now()),
    onClose: () => {
      consumer.onClose();
      consumers.delete(consumer);
      void endAll(hub, consumer);
    },
  });
  const comments = setInterval(() => stream.comment(), LONGEST_SILENCE_MS);
  sendSnapshot()
    .finally(() => clearInterval(comments))
    .then(
      () => {
        if (!consumer.closed) startHeartbeat(deps, consumer, heartbeatMs);
      },
      (error) => {
        // A client that disconnects ends its subscription, perhaps during its snapshot.
        if (!consumer.closed) closeAfter(error, consumer, deps);
      },
    );
}

/** The snapshot failed: Redis did not list its keys, or the service has a fault. */
function closeAfter(error: unknown, consumer: Consumer, { onFault }: EventsDeps): void {
  if (error instanceof ServiceError) return consumer.close(CLOSE.tryAgainLater, error.message);
  onFault(error);
  consumer.close(CLOSE.internalError, 'internal error; the cause is in the log of the service');
}

/** The id of another process or service is the id of no position here: the client receives a full snapshot. */
function positionOf(lastEventId: string): Position | undefined {
  if (lastEventId === '') return undefined;
  const [, epoch = '', offset = '0'] = /^([0-9a-f]{16}):(\d{1,15})$/.exec(lastEventId) ?? [];
  return { epoch, offset: Number(offset) };
}
