// Runs before a program that is built into a snapshot: reports values of a single start that the program reads.
(() => {
  Error.stackTraceLimit = 50;
  const { startupSnapshot } = process.getBuiltinModule('v8');
  const asked = new Set();
  const note = (what) => {
    const stack = new Error().stack.split('\n');
    // What asks `note`, through a getter; Node renews what its own modules keep.
    const caller = stack.findIndex((line) => line.includes(' at note ')) + 2;
    if (stack[caller].includes('node:')) return;
    // A module is a function named by its file.
    const [, file] = /at ((?:node_modules|src|loadtest)\/\S+) \(/.exec(stack.slice(caller).join('\n'));
    asked.add(`${what} in ${file}`);
  };
  const watch = (object, owner, name) => {
    const before = Object.getOwnPropertyDescriptor(object, name);
    const get = () => {
      note(`${owner}.${name}`);
      return before.get ? before.get.call(object) : before.value;
    };
    Object.defineProperty(object, name, { configurable: true, get });
    startupSnapshot.addSerializeCallback(() => Object.defineProperty(object, name, before));
  };
  const { crypto, os, performance } = {
    crypto: process.getBuiltinModule('crypto'),
    os: process.getBuiltinModule('os'),
    performance: globalThis.performance,
  };
  for (const name of [
    'argv',
    'cwd',
    'env',
    'execPath',
    'hrtime',
    'pid',
    'ppid',
    'uptime',
    'cpuUsage',
    'stdout',
    'stderr',
    'stdin',
  ])
    watch(process, 'process', name);
  watch(Date, 'Date', 'now');
  watch(Math, 'Math', 'random');
  for (const name of ['randomBytes', 'randomUUID', 'randomInt', 'randomFillSync'])
    watch(crypto, 'crypto', name);
  for (const name of ['hostname', 'tmpdir', 'homedir', 'networkInterfaces', 'availableParallelism'])
    watch(os, 'os', name);
  watch(Object.getPrototypeOf(performance), 'performance', 'now');
  const RealDate = Date;
  globalThis.Date = new Proxy(RealDate, {
    construct: (_, args) => {
      if (args.length === 0) note('new Date');
      return new RealDate(...args);
    },
  });
  startupSnapshot.addSerializeCallback(() => {
    globalThis.Date = RealDate;
    process.getBuiltinModule('fs').writeSync(1, JSON.stringify([...asked].sort()));
  });
})();
