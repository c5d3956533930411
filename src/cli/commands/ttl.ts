import { keyListCommand } from './key-list.ts';

export const ttl = keyListCommand('ttl', 'show in how many seconds the values of keys expire');
