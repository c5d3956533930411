/**
 * The only door to uWebSockets.js. It adds what the type declarations of the package lack. uws/select.ts selects the
 * addon.
 */
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js';
import type { Addon } from './uws/packages.ts';
import { selectAddon } from './uws/select.ts';

export { listOf } from './uws/header-list.ts';
export { type Listening, listen } from './uws/listen.ts';
export { createApp, Listener, type TlsFiles } from './uws/listener.ts';
export { type AddonReport, selectAddon } from './uws/select.ts';
export type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket };

/** Passes on exactly the arguments of the caller, because the addon counts them. */
export const App: Addon['App'] = (...options) => selectAddon().addon.App(...options);
