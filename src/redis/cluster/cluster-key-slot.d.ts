declare module 'cluster-key-slot' {
  /** Returns the slot of a key of a Redis Cluster, from 0 to 16,383. */
  export default function keySlot(key: string): number;
}
