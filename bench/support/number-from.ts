/** Reads a number of the command line. @throws where it is none, or less than this */
export function numberFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!(value >= least)) throw new Error(`${text} is not a number from ${least} on`);
    return value;
  };
}
