import { DECODERS } from './decoders/index.ts';
import type { Kind } from './kind.ts';
import { bodies } from './live/bodies.ts';
import { channel } from './live/channel.ts';
import { http } from './live/http.ts';
import { messages } from './live/messages.ts';
import { smuggling } from './live/smuggling.ts';
import { stored } from './live/stored.ts';
import { websocket } from './live/websocket.ts';

export const KINDS: readonly Kind[] = [
  ...DECODERS,
  http,
  smuggling,
  websocket,
  bodies,
  messages,
  stored,
  channel,
];
