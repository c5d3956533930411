import type { Config } from './config.ts';
import type { Environment } from './parse.ts';

/** A configuration with the variables that it was read from. */
export interface Settings {
  /** The environment of the process and the flags of its command line. */
  readonly given: Environment;
  /** `given`, and the variables of ENV_FILE. */
  readonly env: Environment;
  readonly config: Config;
  /** About the configuration, one line each, to be logged. */
  readonly warnings: readonly string[];
}
