import { Usage } from './quota.ts';

/** The registered keys of one socket. The id of a key is its place in `keys`. */
export class Registered {
  readonly keys: string[] = [];
  readonly usage = new Usage();
}
