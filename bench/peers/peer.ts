/** What a server must offer so that `bench/compare/` can measure it. */
export interface Peer {
  /** As the command line takes it. */
  readonly name: string;
  /** As the table calls it. */
  readonly title: string;
  /** Programs, and files by their whole path: where one is missing, the peer is not installed. */
  readonly needs: readonly string[];
  /** What it is a version of, where that can be found out. */
  readonly version?: () => string | undefined;
  /** Starts it and gives it what it is to hold. */
  start(): Promise<Running>;
}

export interface Running {
  readonly port: number;
  /** The processes that have a part in its answers: they and their descendants are pinned, paused and accounted for. */
  readonly pids: readonly number[];
  /** The path at which it answers with the value of a key. */
  pathOf(key: string): string;
  /** After a pause: waits until it answers as if there had been none. */
  settle?(): Promise<void>;
  /** Takes over the answer of another, byte for byte: what `example` of a load gave. */
  imitate?(answer: Buffer): Promise<void>;
  /** Of a library: does the named work so many times at once, for so long. */
  work?(job: Work): Promise<Worked>;
  /** Bytes that V8 has allocated in its process since this was asked before. */
  allocated?(): Promise<number>;
  /** Instructions of its process, the kernel's not among them, while this is under way. */
  instructionsOf?(act: () => Promise<unknown>): Promise<number>;
  stop(): Promise<void>;
}

export interface Work {
  readonly op: string;
  readonly concurrency: number;
  readonly ms: number;
}

export interface Worked {
  readonly operations: number;
  readonly seconds: number;
  readonly p50Us: number;
}

/** Where all servers but webdis have their values, so that all requests are as long. */
export function cachePath(key: string): string {
  return `/v1/cache/${key}`;
}
