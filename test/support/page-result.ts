import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { startChromium } from './chromium.ts';

/**
 * Opens the page `/` in Chromium, and returns what it POSTs to `/seen`.
 * @param contents of each path: HTML, or JavaScript if the path ends in `.js`
 */
export async function resultOfPage(
  t: TestContext,
  contents: Readonly<Record<string, string>>,
): Promise<string> {
  const { promise: seen, resolve } = Promise.withResolvers<string>();
  const pages = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const path = request.url!;
    if (path === '/seen') resolve(body);
    response.setHeader('Content-Type', path.endsWith('.js') ? 'text/javascript' : 'text/html');
    response.end(contents[path] ?? '');
  });
  t.after(() => {
    pages.closeAllConnections();
    pages.close();
  });
  await new Promise<void>((listening) => pages.listen(0, '127.0.0.1', listening));
  const chromium = await startChromium();
  t.after(() => chromium.stop());
  const page = await chromium.newPage();
  await page.open(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
  return seen;
}
