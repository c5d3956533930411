import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { environmentOf, find, render } from './rendered.ts';

/** For operators, exporters and the replicas of Redis itself. */
const RESERVED_CONNECTIONS = 100;
const CONNECTIONS_OF_A_PROCESS = 3;

test('maxclients of production covers the connections of every replica, also by the formula of the runbook', async () => {
  const manifests = await render('overlays/production');
  const { maxReplicas } = find(manifests, 'HorizontalPodAutoscaler').spec;
  const { maxSurge } = find(manifests, 'Deployment').spec.strategy.rollingUpdate;
  const allowed = Number(environmentOf(manifests, '').REDIS_MAX_CONNECTIONS);
  const [, maxclients] = /^maxclients (\d+)$/m.exec(readFileSync('deploy/redis/production.conf', 'utf8'))!;
  assert.equal(Number(maxclients), (maxReplicas + maxSurge) * allowed + RESERVED_CONNECTIONS);
  assert.ok(Math.floor(allowed / (maxReplicas + maxSurge)) >= CONNECTIONS_OF_A_PROCESS);
});
