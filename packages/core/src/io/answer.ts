/** A value now, or later. */
export type Maybe<T> = T | Promise<T>;

/** Goes on with a value: at once where it is there, so that one piece of logic serves sync and async stores. */
export function chain<T, U>(value: Maybe<T>, use: (value: T) => Maybe<U>): Maybe<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}
