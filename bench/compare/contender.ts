/** What can be measured: a server, or a library in a process of its own. */
export interface Contender {
  /** For the command line. */
  readonly name: string;
  /** For the tables. */
  readonly title: string;
  /** Programs, and files by their whole path. What is missing is installed before the first run. */
  readonly needs: readonly string[];
  /** Undefined where the version is that of this project, or unknown. */
  readonly version?: () => string | undefined;
  /** Starts it with its values. */
  start(): Promise<Running>;
}

export interface Running {
  readonly port: number;
  /** The processes that take part in its answers: they and their descendants are pinned, paused and accounted for. */
  readonly pids: readonly number[];
  /** The path at which it answers with the value of a key. */
  pathOf(key: string): string;
  /** After a pause: waits until it answers as if there had been no pause. */
  settle?(): Promise<void>;
  /** From now on gives this answer to every request. */
  imitate?(answer: Answer): Promise<unknown>;
  /** Keeps so many operations under way, for so long. */
  work?(job: Work): Promise<Worked>;
  /** Keys that its Redis has been asked for since it started. */
  redisReads?(): Promise<number>;
  /** Instructions that `act` causes in its process, without the kernel's. */
  instructionsOf?(act: () => Promise<unknown>): Promise<number>;
  stop(): Promise<void>;
}

/** An HTTP response, or a frame of a WebSocket, which has no headers. */
export interface Answer {
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

export interface Work {
  readonly concurrency: number;
  readonly ms: number;
}

export interface Worked {
  readonly operations: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Where all servers but webdis have their values, so that all requests are of one length. */
export function cachePath(key: string): string {
  return `/v1/cache/${key}`;
}
