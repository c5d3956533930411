/** The scripts that run inside Redis. Each `.lua` file documents its arguments and its result. */
import { lua } from './lua.ts';

export const WRITE_SCRIPT = lua('write');
export const VALUE_SCRIPT = lua('value');
