/** The scripts that run inside Redis. Each `.lua` file documents its arguments and its result. */
import { lua } from './lua.ts';

export const WRITE_SCRIPT = lua('write');
export const VALUE_SCRIPT = lua('value');
/**
 * The write script for a master of a Cluster. PUBLISH would send each announcement to every node of the Cluster;
 * SPUBLISH (Redis 7) sends it to one master and its replicas.
 */
export const SHARDED_WRITE_SCRIPT = WRITE_SCRIPT.replace("'PUBLISH'", "'SPUBLISH'");
