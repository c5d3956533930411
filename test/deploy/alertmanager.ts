import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { hasten } from './hastened.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

export const ALERTMANAGER_DIR = new URL('../../deploy/alertmanager/', import.meta.url);

/** What came to a channel: the body of the request. */
export type Message = { readonly channel: 'slack' | 'pagerduty'; readonly text: string };

export type Alertmanager = ServerProcess & { readonly messages: readonly Message[] };

/** A real Alertmanager with the shipped configuration, hastened, whose Slack and PagerDuty are one server here. */
export async function startAlertmanager(): Promise<Alertmanager> {
  const messages: Message[] = [];
  const channels = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    messages.push({ channel: request.url === '/slack' ? 'slack' : 'pagerduty', text });
    response.writeHead(request.url === '/slack' ? 200 : 202).end('ok');
  }).listen(0, '127.0.0.1');
  await once(channels, 'listening');
  const address = channels.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}`;

  const server = await startServerProcess('prometheus-alertmanager', async (dir) => {
    const shipped = await readFile(new URL('alertmanager.yml', ALERTMANAGER_DIR), 'utf8');
    const hastened = hasten(shipped).replaceAll('/etc/alertmanager', dir);
    const config = { ...parse(hastened), global: { pagerduty_url: `${url}/pagerduty` } };
    await writeFile(join(dir, 'alertmanager.yml'), stringify(config));
    for (const template of config.templates)
      await writeFile(join(dir, template), await readFile(new URL(template, ALERTMANAGER_DIR)));
    await mkdir(join(dir, 'secrets'));
    await writeFile(join(dir, 'secrets/slack-webhook-url'), `${url}/slack`);
    await writeFile(join(dir, 'secrets/pagerduty-routing-key'), 'a routing key');
    return [
      '--config.file=alertmanager.yml',
      '--storage.path=data',
      '--cluster.listen-address=',
      '--log.level=warn',
    ];
  });
  return {
    ...server,
    messages,
    async stop() {
      await server.stop();
      channels.close();
      channels.closeAllConnections();
    },
  };
}
