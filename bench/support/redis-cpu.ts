/** Microseconds of CPU time that a Redis has used, in the kernel too. */
export async function cpuOf(redis: { cli(...args: string[]): Promise<string> }): Promise<number> {
  const info = await redis.cli('INFO', 'cpu');
  const [user, sys] = ['user', 'sys'].map((kind) =>
    Number(new RegExp(`^used_cpu_${kind}:([\\d.]+)`, 'm').exec(info)?.[1]),
  );
  return (user! + sys!) * 1e6;
}
