/**
 * Copies of the first computing thread's arrays in the other threads. Each change of an array raises its version as the request for
 * it is sent; a thread's copy is renewed before a run that reads it when the versions differ. Requests are answered in order, so a copy
 * holds what was asked for before it.
 */
import type { Link } from "./link.ts";
import type { Value } from "./protocol.ts";

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
  const threads: { readonly to: Link; readonly held: Map<string, Held> }[] = [];
  const changed = (keys: readonly string[]) => {
    for (const key of keys) versions.set(key, (versions.get(key) ?? 0) + 1);
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
      const renew = (key: string): Promise<unknown> => {
        const version = versions.get(key) ?? 0;
        const known = held.get(key);
        if (known?.version === version) return known.ready;
        const ready = copyArray(from, to, key);
        held.set(key, { version, ready });
        ready.catch(() => held.delete(key));
        return ready;
      };
      return async (keys) => {
        await Promise.all(keys.map(renew));
      };
    },
  };
}

async function copyArray(from: Link, to: Link, key: string): Promise<void> {
  const value = (await from.ask({ kind: "get", key })) as Value;
  await to.ask({ kind: "set", key, value }, [value.data.buffer as ArrayBuffer]);
}
