/** The request header `Cache-Control` (RFC 9111, section 5.2.1). */
import type { Terms } from '../cache/terms.ts';
import { ServiceError } from '../errors.ts';

/** One directive, perhaps with a token or a quoted string; then a comma or the end. */
const DIRECTIVE = /[ \t]*(?:([^\s"(),/:;<=>?@[\\\]{}]+)(?:=([^\s",;]+|"(?:[^"\\]|\\.)*"|))?[ \t]*)?(?:,|$)/y;
const SECONDS = /^(?:\d+|"\d+")$/;

/**
 * The terms in the header, or undefined if it sets no term. Directives that the service does not know are ignored.
 * @throws ServiceError `bad_request` for a header or a number that is malformed
 */
export function termsIn(header: string): Terms | undefined {
  const found = new Map<string, string | undefined>();
  for (let at = 0; at < header.length; at = DIRECTIVE.lastIndex) {
    DIRECTIVE.lastIndex = at;
    const directive = DIRECTIVE.exec(header);
    if (directive === null) throw malformed('Cache-Control is not a list of directives');
    const [, name, value] = directive;
    if (name === undefined) continue;
    const known = name.toLowerCase();
    if (found.has(known) && found.get(known) !== value) throw malformed(`${known} is repeated; send it once`);
    found.set(known, value);
  }
  const terms = {
    maxAgeMs: seconds(found, 'max-age'),
    minFreshMs: seconds(found, 'min-fresh'),
    noCache: found.has('no-cache') || undefined,
    onlyIfCached: found.has('only-if-cached') || undefined,
  };
  return Object.values(terms).some((term) => term !== undefined) ? terms : undefined;
}

function seconds(found: ReadonlyMap<string, string | undefined>, name: string): number | undefined {
  if (!found.has(name)) return undefined;
  const text = found.get(name) ?? '';
  if (!SECONDS.test(text))
    throw malformed(`${name} requires a whole number of seconds, for example ${name}=30`);
  return Number(text.replaceAll('"', '')) * 1000;
}

function malformed(detail: string): ServiceError {
  return new ServiceError('bad_request', detail, 'Cache-Control');
}
