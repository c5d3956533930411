import { existsSync, readFileSync } from 'node:fs';
import { type Contender, cachePath } from '../compare/contender.ts';
import { startChild } from '../support/child.ts';
import { needPeerPackages } from '../support/need.ts';

/** The least that a service in Node would be: Fastify, and lru-cache behind it. */
export const fastify: Contender = {
  name: 'fastify',
  title: 'Fastify, lru-cache',
  needs: [],
  version: () => ['fastify', 'lru-cache'].map(versionOf).join(' + '),
  start: async () => {
    needPeerPackages();
    // Fastify's documents ask for it.
    const env = { ...process.env, NODE_ENV: 'production' };
    const file = new URL('fastify-server.ts', import.meta.url);
    const server = await startChild<{ port: number }>(file, { env });
    return { port: server.ready.port, pids: [server.pid], pathOf: cachePath, stop: server.stop };
  },
};

function versionOf(name: string): string {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : 'not installed';
}
