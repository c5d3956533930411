import { keyListCommand } from './key-list.ts';

export const mget = keyListCommand('mget', 'read the values of several keys');
