import type { Profile } from '../profile.ts';
import { invalidationStorm } from './invalidation-storm.ts';
import { largeValues } from './large-values.ts';
import { missStorm } from './miss-storm.ts';
import { push } from './push.ts';
import { quote } from './quote.ts';
import { readHeavy } from './read-heavy.ts';
import { redisDown } from './redis-down.ts';
import { smoke } from './smoke.ts';
import { soak } from './soak.ts';
import { websocket } from './websocket.ts';
import { writeHeavy } from './write-heavy.ts';

/** Whether a name on the command line is a file of a profile. */
export function isProfileFile(name: string): boolean {
  return name.endsWith('.json') || name.endsWith('.toml');
}

/** In the order of `all`. */
export const PROFILES: readonly Profile[] = [
  smoke,
  readHeavy,
  quote,
  missStorm,
  writeHeavy,
  invalidationStorm,
  largeValues,
  redisDown,
  websocket,
  push,
  soak,
];
