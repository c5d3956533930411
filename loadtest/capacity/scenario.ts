import type { Profile } from '../profile.ts';

/** One shape of use whose highest rate is looked for: a profile without its rate and its length. */
export interface Scenario {
  readonly name: string;
  /** In one sentence, ending in a question mark. */
  readonly question: string;
  readonly profile: Pick<Profile, 'data' | 'traffic' | 'gates' | 'env'>;
  readonly connections: number;
  /** Where the search begins, in requests a second: surely carried, and not so low that doubling takes all day. */
  readonly startRate: number;
}
