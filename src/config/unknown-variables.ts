/** Finds unknown variables whose names are close to known ones: most likely misspelt. */
import { nearestName } from '../cache/nearest-name.ts';
import type { Environment } from './parse.ts';
import { VARIABLE_NAMES, VARIABLES } from './variables.ts';

const OURS = new Set(VARIABLE_NAMES.filter((name) => name.includes('_')).map(firstWord));

/** Kubernetes sets these in every pod for each Service: `REDIS_SERVICE_HOST`, `REDIS_PORT_6379_TCP_ADDR`. */
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(_|$)|_PORT_\d+_/;
const SERVICE_LINK_VALUE = /^(tcp|udp|sctp):\/\//;

/**
 * Returns a warning for each unknown variable that starts with the first word of a known one (`LOCAL_`, `MAX_`, …)
 * and is within two edits of it, and for every unknown REDIS_*. Values are never shown.
 */
export function unknownVariableWarnings(env: Environment): string[] {
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    const upper = name.toUpperCase();
    if (value === undefined || Object.hasOwn(VARIABLES, name) || !OURS.has(firstWord(upper))) continue;
    if (SERVICE_LINK.test(name) || (name.endsWith('_PORT') && SERVICE_LINK_VALUE.test(value))) continue;
    const near = nearestName(upper, VARIABLE_NAMES);
    if (near !== undefined) warnings.push(`${name}: unknown variable, did you mean ${near}?`);
    else if (upper.startsWith('REDIS_')) warnings.push(`${name}: unknown variable without effect`);
  }
  return warnings.sort();
}

// Includes the underscore, so that `PORT` has no first word.
function firstWord(name: string): string {
  return name.slice(0, name.indexOf('_') + 1);
}
