import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError } from './config.ts';
import type { Environment } from './parse.ts';

/**
 * Adds the variables of the file that ENV_FILE names. Variables of `env` win.
 * @throws ConfigError if the file cannot be read
 */
export function withEnvFile(env: Environment): Environment {
  const path = env.ENV_FILE;
  if (!path) return env;
  try {
    return { ...parseEnv(readFileSync(path, 'utf8')), ...env };
  } catch (error) {
    const expected = `a file that can be read: ${(error as Error).message}`;
    throw new ConfigError([{ variable: 'ENV_FILE', actual: JSON.stringify(path), expected }], []);
  }
}
