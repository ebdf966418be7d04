/** How far work in shards is (`shard-work.ts`), told by its files alone: whoever looks disturbs nobody. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ClaimHolder, readClaims } from "./claims.ts";
import { CLAIMS, SHARDS } from "./shard-work.ts";

/** One shard: its digest and what is in it. */
export type ShardSize = { readonly digest: string; readonly items: number };

/** The state of a folder of shards. */
export type ShardsStatus = {
  readonly shards: number;
  readonly shardsDone: number;
  readonly items: number;
  readonly itemsDone: number;
  /** Who works on what; a dead holder's shard is taken over by the next process that looks. */
  readonly claims: readonly ClaimHolder[];
  /** Items a second by the times of the last shards; null with fewer than two, or when nobody works. */
  readonly perSecond: number | null;
  readonly secondsLeft: number | null;
};

/** The rate is that of this long before the last finished shard. */
const WINDOW_MS = 10 * 60_000;

/** Looks at a folder of shards. @param shards - all there are to be */
export async function shardsStatus(folder: string, shards: readonly ShardSize[]): Promise<ShardsStatus> {
  const itemsOf = new Map(shards.map(({ digest, items }) => [`${digest}.jsonl`, items]));
  const names = (await readdir(join(folder, SHARDS)).catch(() => [])).filter((name) => itemsOf.has(name));
  const looked = names.map(async (name) => {
    const info = await stat(join(folder, SHARDS, name)).catch(() => undefined);
    return { items: itemsOf.get(name)!, atMs: info?.mtimeMs ?? 0 };
  });
  const done = await Promise.all(looked);
  const claims = await readClaims(join(folder, CLAIMS));
  const total = (list: readonly { readonly items: number }[]) =>
    list.reduce((sum, { items }) => sum + items, 0);
  const [items, itemsDone] = [total(shards), total(done)];
  const perSecond = claims.some(({ living }) => living) ? rateOf(done) : null;
  return {
    ...{ shards: shards.length, shardsDone: done.length, items, itemsDone, claims, perSecond },
    secondsLeft: itemsDone === items ? 0 : perSecond === null ? null : (items - itemsDone) / perSecond,
  };
}

/** Items of all shards of the window but its first, over the time since that one: when it was begun is not known. */
function rateOf(done: readonly { readonly items: number; readonly atMs: number }[]): number | null {
  const sorted = [...done].sort((x, y) => x.atMs - y.atMs);
  const lastMs = sorted.at(-1)?.atMs ?? 0;
  const [first, ...rest] = sorted.filter(({ atMs }) => atMs >= lastMs - WINDOW_MS);
  if (first === undefined || rest.length === 0 || lastMs === first.atMs) return null;
  return (1000 * rest.reduce((sum, { items }) => sum + items, 0)) / (lastMs - first.atMs);
}
