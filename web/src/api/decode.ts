// Decoding from `unknown`, once, at the edge. A decoder returns the value or throws a DecodeError that names the path.

export class DecodeError extends Error {
  constructor(path: string, wanted: string, got: unknown) {
    super(`${path || '(top)'}: want ${wanted}, got ${describe(got)}`);
    this.name = 'DecodeError';
  }
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return value === undefined ? 'nothing' : `${typeof value} ${JSON.stringify(value)}`;
}

export type Decoder<T> = (value: unknown, path: string) => T;

type Decoders<T> = { readonly [K in keyof T]-?: Decoder<T[K]> };

export const text: Decoder<string> = (value, path) => {
  if (typeof value !== 'string') throw new DecodeError(path, 'text', value);
  return value;
};

export const number: Decoder<number> = (value, path) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new DecodeError(path, 'a number', value);
  return value;
};

export const integer: Decoder<number> = (value, path) => {
  if (!Number.isSafeInteger(value)) throw new DecodeError(path, 'a whole number', value);
  return value as number;
};

export const flag: Decoder<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw new DecodeError(path, 'true or false', value);
  return value;
};

// oneOf accepts the listed words only.
export function oneOf<const W extends string>(words: readonly W[]): Decoder<W> {
  return (value, path) => {
    const found = words.find((w) => w === value);
    if (found === undefined) throw new DecodeError(path, `one of ${words.join(', ')}`, value);
    return found;
  };
}

// oneOfOr reads a word that this build does not know as `otherwise`, so that a newer server blanks nothing.
export function oneOfOr<const W extends string>(words: readonly W[], otherwise: W): Decoder<W> {
  return (value, path) => {
    const word = text(value, path);
    return words.find((w) => w === word) ?? otherwise;
  };
}

// list reads an array. null counts as empty: that is how Go spells an empty slice that was never made.
export function list<T>(item: Decoder<T>): Decoder<readonly T[]> {
  return (value, path) => {
    if (value === null) return [];
    if (!Array.isArray(value)) throw new DecodeError(path, 'an array', value);
    return value.map((v: unknown, i) => item(v, `${path}[${i}]`));
  };
}

// object reads the fields named, and passes over all others. An optional field that is absent or null stays absent.
export function object<R extends object, O extends object = Record<never, never>>(
  required: Decoders<R>,
  optional?: Decoders<O>,
): Decoder<R & Partial<O>> {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new DecodeError(path, 'an object', value);
    }
    const from = value as Record<string, unknown>;
    const into: Record<string, unknown> = {};
    for (const [name, decode] of Object.entries<Decoder<unknown>>(required)) {
      into[name] = decode(from[name], path ? `${path}.${name}` : name);
    }
    for (const [name, decode] of Object.entries<Decoder<unknown>>(optional ?? {})) {
      const field = from[name];
      if (field !== undefined && field !== null) into[name] = decode(field, path ? `${path}.${name}` : name);
    }
    return into as R & Partial<O>;
  };
}
