import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureAll, withServers } from '../../../bench/clients/command.ts';
import { languages } from '../../../bench/clients/rows.ts';

test('every way to read is measured, in Node and in Python', async () => {
  const measured = await withServers((ports) => measureAll(languages(ports), { rounds: 1, seconds: 0.2 }));
  assert.equal(measured.length, 2);
  for (const { section, isComplete } of measured) {
    assert.ok(isComplete, JSON.stringify(section));
    for (const [way, perSecond, cpuUs, p50Us] of section.table!.lines)
      for (const figure of [perSecond, cpuUs, p50Us]) assert.match(figure!, /^[\d.,]+$/, `${way}: ${figure}`);
  }
});
