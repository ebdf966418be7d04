/** Work on many items at a time, bounded, that stops as one. */
import { InterruptedError } from "./errors.ts";

/**
 * Results in the order of the items, at most `width` at work; the first error stops the rest and is thrown when they have stopped.
 * @param work - is given a signal that fires with `outer` or when another item failed
 */
export async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  outer: AbortSignal | undefined,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const errors: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length && errors.length === 0) {
      const index = next++;
      try {
        results[index] = await work(items[index]!, signal);
      } catch (error) {
        errors.push(error);
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
  return results;
}

/** Waits. @throws InterruptedError of `where` as soon as `signal` fires */
export function sleep(ms: number, signal: AbortSignal, where: string): Promise<void> {
  if (signal.aborted) return Promise.reject(new InterruptedError(where));
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new InterruptedError(where));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
