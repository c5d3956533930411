/**
 * For `--import`: tells whoever asks, on the port that its URL names, how many bytes V8 has allocated on the heap of this
 * process since it was asked before. That is by how much the heap has grown, and what collections have taken from it.
 */
import { createServer } from 'node:http';
import v8 from 'node:v8';

const port = Number(new URL(import.meta.url).searchParams.get('port'));
const heap = () => v8.getHeapStatistics().used_heap_size;
const watched = () => {
  const collections = new v8.GCProfiler();
  collections.start();
  return collections;
};

let collections = watched();
let before = heap();

function allocated(): number {
  // Before it tells them, which takes memory itself.
  const now = heap();
  const { statistics } = collections.stop();
  const collected = statistics.map(
    ({ beforeGC, afterGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
  );
  const bytes = collected.reduce((sum, each) => sum + each, now - before);
  collections = watched();
  before = heap();
  return bytes;
}

// A connection that is kept would be closed while somebody asks: the process is stopped at times.
createServer((_, response) => response.setHeader('Connection', 'close').end(String(allocated())))
  .listen(port, '127.0.0.1')
  .unref();
