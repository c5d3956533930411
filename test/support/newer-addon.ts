import { type TestContext, test } from 'node:test';
import { selectAddon } from '../../src/uws.ts';

/** A test of what only an addon without known faults does. The addon that loads on this machine decides whether it runs. */
export function byNewerAddon(name: string, body: (t: TestContext) => void | Promise<void>): void {
  const { report, warning } = selectAddon();
  const skip = warning !== undefined && `${report.package} is the newest addon that loads on this machine`;
  test(`with the newer addon, ${name}`, { skip }, body);
}
