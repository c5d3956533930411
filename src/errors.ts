/**
 * Every error a client can be told, in one table: the stable code, the HTTP status it maps to, and the
 * title that problem+json (RFC 9457) carries. `docs/api.md` documents each; a test holds the two together.
 */
export const ERRORS = {
  bad_request: [400, 'The request is not well formed'],
  body_invalid: [400, 'The body is not what this endpoint takes'],
  frame_invalid: [400, 'The frame is not one that this protocol has'],
  key_invalid: [400, 'The key is not a valid key'],
  pattern_invalid: [400, 'The pattern is not a valid glob'],
  ttl_invalid: [400, 'The time to live is not valid'],
  value_invalid: [400, 'The value is not well formed'],
  origin_refused: [403, 'Pages of this origin may not connect'],
  upgrade_required: [426, 'This path is for WebSocket connections'],
  subprotocol_unsupported: [400, 'None of the subprotocols asked for is spoken here'],
  query_invalid: [400, 'A query parameter is not valid'],
  cache_miss: [404, 'Neither tier holds this key'],
  cache_unknown: [404, 'L1 does not hold this key, and Redis could not be asked'],
  not_found: [404, 'There is nothing at this path'],
  method_not_allowed: [405, 'This path does not take this method'],
  not_acceptable: [406, 'The value cannot be sent in a media type that the client accepts'],
  precondition_failed: [412, 'The entry is not the one the condition names'],
  body_too_large: [413, 'The body is larger than this service takes'],
  value_too_large: [413, 'The value is larger than MAX_VALUE_BYTES'],
  media_type_unsupported: [415, 'The body is in a media type that this endpoint does not take'],
  internal: [500, 'The service failed; the log says why'],
  l2_unavailable: [503, 'Redis cannot be reached, so this cannot be done now'],
  l2_rejected: [503, 'Redis refused the command'],
  l2_timeout: [503, 'Redis did not answer in time'],
  write_unknown: [503, 'Redis did not answer in time; whether the change was made is not known'],
  pending_writes_full: [503, 'Redis is away, and no more changes can be kept until it is back'],
  too_many_connections: [503, 'As many sockets as are allowed are connected'],
  too_many_subscriptions: [400, 'This socket has as many subscriptions as are allowed'],
  overloaded: [503, 'The service is taking all the work it can'],
  shutting_down: [503, 'The service is shutting down'],
  standalone: [503, 'There is no Redis behind this service'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof ERRORS;

/** A fault to be told to the client: a stable code, a sentence for a person, and the field it is about. */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;

  constructor(code: ErrorCode, detail: string, field?: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'ServiceError';
    this.code = code;
    this.field = field;
  }

  get status(): number {
    return ERRORS[this.code][0];
  }
}
