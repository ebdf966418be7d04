/**
 * Copies of the first computing thread's arrays in the other threads. Each change of an array raises its version as the request for
 * it is sent; a thread's copy is renewed before a run that reads it when the versions differ. Requests are answered in order, so a copy
 * holds all that was asked for before it.
 */
import type { Link } from "./link.ts";
import type { Value } from "./protocol.ts";
import { buffersOf } from "./store.ts";

type Values = Readonly<Record<string, Value>>;

/** The copies of one runtime. */
export type Copies = {
  /** Tells that these arrays of the first thread change with the request that is sent now. */
  readonly changed: (keys: readonly string[]) => void;
  /** Deletes the copies of these arrays. */
  readonly forget: (keys: readonly string[]) => Promise<void>;
  /** Opens the copies of one more thread: a function that brings those of these keys up to date. */
  readonly for: (to: Link) => (keys: readonly string[]) => Promise<void>;
};

type Held = { readonly version: number; readonly ready: Promise<unknown> };

/** @param from - the thread whose arrays are copied */
export function openCopies(from: Link): Copies {
  const versions = new Map<string, number>();
  const versionOf = (key: string) => versions.get(key) ?? 0;
  const threads: { readonly to: Link; readonly held: Map<string, Held> }[] = [];
  const changed = (keys: readonly string[]) => {
    for (const key of keys) versions.set(key, versionOf(key) + 1);
  };
  return {
    changed,
    async forget(keys) {
      changed(keys);
      const deletions = threads.map(async ({ to, held }) => {
        const there = keys.flatMap((key) => held.get(key) ?? []);
        for (const key of keys) held.delete(key);
        await Promise.allSettled(there.map(({ ready }) => ready)); // one on its way would come after the deletion
        if (there.length > 0) await to.ask({ kind: "delete", keys });
      });
      await Promise.all(deletions);
    },
    for(to) {
      const held = new Map<string, Held>();
      threads.push({ to, held });
      return async (keys) => {
        const stale = keys.filter((key) => held.get(key)?.version !== versionOf(key));
        if (stale.length > 0) {
          const ready = renew(from, to, stale, held);
          for (const key of stale) held.set(key, { version: versionOf(key), ready });
          ready.catch(() => {
            for (const key of stale) if (held.get(key)?.ready === ready) held.delete(key);
          });
        }
        await Promise.all(new Set(keys.map((key) => held.get(key)?.ready)));
      };
    },
  };
}

/** Copies arrays, into the arrays of their old copies where there are some: fresh ones of a model's size would be dear every step. */
async function renew(
  from: Link,
  to: Link,
  keys: readonly string[],
  held: ReadonlyMap<string, Held>,
): Promise<void> {
  const before = keys.map((key) => [key, held.get(key)?.ready] as const);
  const copied: string[] = [];
  for (const [key, ready] of before)
    if (ready !== undefined)
      await ready.then(
        () => copied.push(key),
        () => undefined, // there is no old copy, then
      );
  const old = copied.length === 0 ? {} : ((await to.ask({ kind: "take", keys: copied })) as Values);
  const filling = from.ask({ kind: "fill", values: old }, buffersOf(old)) as Promise<Values>;
  const fresh = keys.filter((key) => !(key in old));
  const copies = fresh.map(async (key) => [key, (await from.ask({ kind: "get", key })) as Value] as const);
  const values = { ...(await filling), ...Object.fromEntries(await Promise.all(copies)) };
  await to.ask({ kind: "put", values }, buffersOf(values));
}
