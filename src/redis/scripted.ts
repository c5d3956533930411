/** Runs the scripts on a connection, in the way that its server accepts. */
import type { Redis } from 'ioredis';
import { VALUE_SCRIPT } from './scripts.ts';
import type { ServerLimits } from './server-limits.ts';

type Arguments = (string | number | Buffer)[];

export interface ScriptedRedis extends Redis {
  ratecacheWriteBuffer(keys: number, ...args: Arguments): Promise<[Buffer, Buffer][]>;
  ratecacheValueBuffer(keys: number, key: string): Promise<[value: Buffer | null, ttlMs: number]>;
}

/** Defines the scripts on a connection that does not have them yet. */
export function scripted(redis: Redis, writeScript: string, limits: ServerLimits | undefined): ScriptedRedis {
  if (!('ratecacheWriteBuffer' in redis)) {
    define(redis, 'ratecacheWrite', { lua: writeScript }, limits);
    define(redis, 'ratecacheValue', { lua: VALUE_SCRIPT, readOnly: true }, limits);
  }
  return redis as ScriptedRedis;
}

/**
 * Defines one script. ioredis sends EVALSHA, and EVAL only if the server does not have the script. Some servers rename or
 * forbid EVALSHA: then each call sends the text of the script, until the connection is made again.
 */
function define(
  redis: Redis,
  name: string,
  definition: { readonly lua: string; readonly readOnly?: boolean },
  limits: ServerLimits | undefined,
): void {
  redis.defineCommand(name, definition);
  const commands = redis as unknown as Record<string, (...args: Arguments) => Promise<unknown>>;
  const byHash = commands[`${name}Buffer`]!.bind(redis);
  let useText = false;
  redis.on('close', () => {
    useText = false;
  });
  const run = async (args: Arguments) => {
    if (!useText)
      try {
        return await byHash(...args);
      } catch (error) {
        if (!isRefusalOf('evalsha', error)) throw error;
        useText = true;
      }
    return redis.callBuffer('EVAL', [definition.lua, ...args]);
  };
  commands[`${name}Buffer`] = async (...args) => {
    try {
      const reply = await run(args);
      limits?.gone('scripts');
      return reply;
    } catch (error) {
      if (isRefusalOf('eval', error)) limits?.found('scripts', (error as Error).message.split(',')[0]!);
      throw error;
    }
  };
}

/** Returns whether the server does not know the command, or an ACL forbids it. */
function isRefusalOf(command: string, error: unknown): boolean {
  const { name, message } = error as Error;
  return (
    name === 'ReplyError' &&
    /unknown command|no permissions/i.test(message) &&
    new RegExp(`['\`]${command}['\`|]`, 'i').test(message)
  );
}
