import type { Audit } from './audit.ts';
import type { Authenticator } from './authenticator.ts';
import type { RateLimits } from './rate-limit.ts';

/** Access control, as the HTTP and WebSocket endpoints use it. */
export interface Access {
  /** Undefined in a service without tokens. */
  readonly authenticator: Authenticator | undefined;
  readonly audit: Audit;
  readonly rates: RateLimits;
  /** Hosts that a `Host` header may name without tokens, in addition to addresses and localhost. */
  readonly allowedHosts: readonly string[];
}
