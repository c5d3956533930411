/** Applies a defect to the classes of this process. Returns a function that removes it. */
export type Mutant = () => () => void;

/** Replaces a method of a prototype. */
export function method<T extends object, K extends keyof T>(
  target: T,
  name: K,
  by: (original: T[K]) => T[K],
): Mutant {
  return property(target, name, (original) => ({ ...original, value: by(original.value as T[K]) }));
}

/** Replaces a getter of a prototype. */
export function getter<T extends object, K extends keyof T>(
  target: T,
  name: K,
  by: (this: T, value: T[K]) => T[K],
): Mutant {
  return property(target, name, (original) => ({
    ...original,
    get(this: T) {
      return by.call(this, original.get!.call(this));
    },
  }));
}

/** Applies several mutants at once. */
export function all(...mutants: readonly Mutant[]): Mutant {
  return () => {
    const undos = mutants.map((put) => put());
    return () => {
      for (const undo of undos.reverse()) undo();
    };
  };
}

function property<T extends object>(
  target: T,
  name: keyof T,
  by: (original: PropertyDescriptor) => PropertyDescriptor,
): Mutant {
  return () => {
    const owner = ownerOf(target, name);
    const original = Object.getOwnPropertyDescriptor(owner, name)!;
    Object.defineProperty(owner, name, by(original));
    return () => Object.defineProperty(owner, name, original);
  };
}

/** The prototype that has the property itself. */
function ownerOf(target: object, name: PropertyKey): object {
  return Object.hasOwn(target, name) ? target : ownerOf(Object.getPrototypeOf(target), name);
}
