/** The scripts that run inside Redis. Each `.lua` file documents its arguments and its result. */
import { lua } from './lua.ts';

const STORED_VERSION = lua('stored-version');

export const WRITE_SCRIPT = STORED_VERSION + lua('write');
export const VERSIONS_SCRIPT = STORED_VERSION + lua('versions');
export const VALUE_SCRIPT = lua('value');
