/** The sender of a request: checks its rights, and writes its audit lines. */
import type { Match } from '../cache/match.ts';
import { ServiceError } from '../errors.ts';
import type { Audit } from './audit.ts';
import { allowsKey, allowsMatch, allowsPrefix, allowsType, type Principal, type Scope } from './principal.ts';

/** Where a request comes from. */
export interface Origin {
  /** Called only for an audit line. */
  readonly address: () => string;
  readonly requestId: string | undefined;
}

/** What an audit line says about the object of a request. */
export interface Target {
  readonly target?: string | undefined;
  readonly keys?: number | undefined;
}

export class Requester {
  /** Undefined in a service without tokens, where every request is allowed. */
  readonly principal: Principal | undefined;
  readonly #operation: string;
  readonly #audit: Audit;
  readonly #from: Origin;

  /** @param operation the name in audit lines: `POST /v1/flush`, `subscribe`, … */
  constructor(principal: Principal | undefined, operation: string, audit: Audit, from: Origin) {
    this.principal = principal;
    this.#operation = operation;
    this.#audit = audit;
    this.#from = from;
  }

  /** @throws ServiceError `forbidden` */
  requireScope(scope: Scope): void {
    if (this.principal === undefined || this.principal.scopes.has(scope)) return;
    throw this.refuse(`the token lacks the scope ${scope}`, undefined, {});
  }

  /** @throws ServiceError `forbidden` */
  requireKey(key: string, field = 'key'): void {
    if (this.principal === undefined || allowsKey(this.principal, key)) return;
    throw this.refuse('the token does not allow this key', field, { target: key });
  }

  /** @throws ServiceError `forbidden` unless the principal may use every key that the match covers */
  requireMatch(match: Match, field: string): void {
    if (this.principal === undefined || allowsMatch(this.principal, match)) return;
    const target = 'pattern' in match ? match.pattern : undefined;
    throw this.refuse('the token does not allow every key that this covers', field, { target });
  }

  /** @throws ServiceError `forbidden` unless the principal may use every key of the interest */
  requireInterest({ keys, types, prefixes }: Interest): void {
    const { principal } = this;
    if (principal === undefined) return;
    const refuse = (field: string, target?: string) =>
      this.refuse('the token does not allow every key of the subscription', field, { target });
    for (const [i, key] of keys.entries()) if (!allowsKey(principal, key)) throw refuse(`keys[${i}]`, key);
    for (const type of types) if (!allowsType(principal, type)) throw refuse('types');
    for (const [i, prefix] of prefixes.entries())
      if (!allowsPrefix(principal, prefix)) throw refuse(`prefixes[${i}]`, prefix);
  }

  /** Logs a refusal. Returns its error. */
  refuse(detail: string, field: string | undefined, target: Target): ServiceError {
    this.refused('forbidden', target);
    return new ServiceError('forbidden', detail, field);
  }

  refused(code: string, target: Target): void {
    this.#audit.refused(this.#event(target), code);
  }

  /** Returns a function for the outcome, which logs the line of an admin operation. */
  auditAdmin(target: () => Target): (outcome: string) => void {
    const event = this.#event({});
    return (outcome) => {
      if (outcome !== 'forbidden') this.#audit.admin({ ...event, ...target() }, outcome);
    };
  }

  /** Returns a function for the outcome, which logs the line of a write; undefined without AUDIT_WRITES. */
  auditWrite(target: () => Target): ((outcome: string) => void) | undefined {
    if (!this.#audit.auditsWrites) return undefined;
    const event = this.#event({});
    return (outcome) => {
      if (outcome !== 'forbidden') this.#audit.write({ ...event, ...target() }, outcome);
    };
  }

  #event(target: Target) {
    const { principal } = this;
    const { address, requestId } = this.#from;
    return { principal, operation: this.#operation, ...target, from: address(), requestId };
  }
}

/** The keys of a subscription. */
export interface Interest {
  readonly keys: readonly string[];
  readonly types: readonly number[];
  readonly prefixes: readonly string[];
}

/** Longer request ids, and ids with other characters, are not logged. */
const SANE_REQUEST_ID = /^[A-Za-z0-9._:/+=-]{1,128}$/;

/** The id of a request for audit lines, from its header `X-Request-Id`. */
export function saneRequestId(header: string): string | undefined {
  return SANE_REQUEST_ID.test(header) ? header : undefined;
}
