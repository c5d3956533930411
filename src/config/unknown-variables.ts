/** Variables that look meant for us and are none of ours: most likely a typing error. */
import { nearest } from '../cache/nearest.ts';
import type { Environment } from './parse.ts';
import { VARIABLE_NAMES, VARIABLES } from './variables.ts';

const OURS = new Set(VARIABLE_NAMES.filter((name) => name.includes('_')).map(firstWord));

/** Kubernetes puts these into every pod for each Service: `REDIS_SERVICE_HOST`, `REDIS_PORT_6379_TCP_ADDR`. */
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(_|$)|_PORT_\d+_/;
const SERVICE_LINK_VALUE = /^(tcp|udp|sctp):\/\//;

/**
 * A warning for each unknown variable that starts with a first word of ours (`LOCAL_`, `MAX_`, …) and is within
 * two edits of a variable of the table; REDIS_* is warned of however far it is. Values are never shown.
 */
export function warnOfStrays(env: Environment): string[] {
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    const upper = name.toUpperCase();
    if (value === undefined || Object.hasOwn(VARIABLES, name) || !OURS.has(firstWord(upper))) continue;
    if (SERVICE_LINK.test(name) || (name.endsWith('_PORT') && SERVICE_LINK_VALUE.test(value))) continue;
    const near = nearest(upper, VARIABLE_NAMES);
    if (near !== undefined) warnings.push(`${name}: unknown variable, did you mean ${near}?`);
    else if (upper.startsWith('REDIS_')) warnings.push(`${name}: unknown variable, it has no effect`);
  }
  return warnings.sort();
}

// With its underscore, so that the whole of `PORT` is no first word.
function firstWord(name: string): string {
  return name.slice(0, name.indexOf('_') + 1);
}
