import type { Profile } from '../profile.ts';

/** One kind of use whose highest rate is searched: a profile without its rate and its duration. */
export interface Scenario {
  readonly name: string;
  /** One sentence that ends with a question mark. */
  readonly question: string;
  readonly profile: Pick<Profile, 'data' | 'traffic' | 'gates' | 'env'>;
  readonly connections: number;
  /** Where the search starts, in requests a second: low enough to hold, and high enough that few doublings suffice. */
  readonly startRate: number;
}
