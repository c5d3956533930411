/**
 * The mutants by name. `consistency/`, `chaos/` and `simulator/` apply them to the service, one at a time, to prove that
 * their checks can fail.
 */
import { CACHE } from './cache.ts';
import { CLIENTS } from './clients.ts';
import { DEPENDENTS } from './dependents.ts';
import type { Mutant } from './mutant.ts';
import { NEAR_CACHE } from './near-cache.ts';
import { PENDING_WRITES } from './pending-writes.ts';
import { REDIS } from './redis.ts';

const MUTANTS = { ...CACHE, ...DEPENDENTS, ...PENDING_WRITES, ...REDIS, ...CLIENTS, ...NEAR_CACHE };

export type MutantName = keyof typeof MUTANTS;

export function mutantNamed(name: MutantName): Mutant {
  return MUTANTS[name];
}

export function isMutantName(name: string): name is MutantName {
  return Object.hasOwn(MUTANTS, name);
}
