/**
 * What is done to the labelled pairs before the teacher learns from them, for studies: fewer of them, another mix of domains, labels
 * turned round by an adversary. The pairs kept to calibrate on are not touched.
 */
import { ConfigError } from "../../base/core/errors.ts";
import { createRng } from "../../base/core/rng.ts";
import { groupBy, median } from "../../base/stats/describe.ts";
import { type PreferenceRow, plainText } from "../data/rows.ts";

/** What is done to the labelled pairs before the teacher learns from them. */
export type LabelledSettings = {
  /** A share below 1, else a count; default all, or as many as the mix allows. */
  readonly size?: number | undefined;
  /** What domains are told apart by. */
  readonly by: "subset" | "prompt-length";
  /** Share of each domain, summing to 1. */
  readonly mix?: Readonly<Record<string, number>> | undefined;
  /** Share of labels turned round. */
  readonly poison?: number | undefined;
  /** The teacher's training takes as many optimiser steps as on all pairs it could learn from. */
  readonly sameSteps?: boolean | undefined;
  readonly seed: number;
};

/**
 * The pairs that the teacher learns from, in their order.
 * @throws ConfigError when there are fewer than are asked for, or a domain does not occur
 */
export function taughtRows(
  rows: readonly PreferenceRow[],
  { size, by, mix, poison, seed }: LabelledSettings,
): readonly PreferenceRow[] {
  const rng = createRng(seed).fork("labelled");
  const order = rng
    .fork("size")
    .shuffle(rows.toSorted((x, y) => (x.id < y.id ? -1 : 1)))
    .map(({ id }, place) => [id, place] as const);
  const place = new Map(order);
  const drawn = rows.toSorted((x, y) => place.get(x.id)! - place.get(y.id)!);
  const kept = new Set((mix === undefined ? first(drawn, size) : mixed(drawn, size, by, mix)).map(idOf));
  const left = rows.filter(({ id }) => kept.has(id));
  if (poison === undefined) return left;
  const turned = new Set(
    rng
      .fork("poison")
      .shuffle(left.map(idOf).sort())
      .slice(0, Math.round(poison * left.length)),
  );
  return left.map((row) => (turned.has(row.id) ? turnedRound(row) : row));
}

const idOf = ({ id }: PreferenceRow) => id;

/** The scores, if a row has any, stay with their responses. */
function turnedRound({ chosen, rejected, meta, ...row }: PreferenceRow): PreferenceRow {
  const { scoreChosen, scoreRejected, ...rest } = meta ?? {};
  const scores = {
    ...(scoreRejected === undefined ? {} : { scoreChosen: scoreRejected }),
    ...(scoreChosen === undefined ? {} : { scoreRejected: scoreChosen }),
  };
  return {
    ...row,
    chosen: rejected,
    rejected: chosen,
    ...(meta === undefined ? {} : { meta: { ...rest, ...scores } }),
  };
}

function first(rows: readonly PreferenceRow[], size: number | undefined): readonly PreferenceRow[] {
  return size === undefined ? rows : rows.slice(0, countOf(size, rows.length));
}

/** A share below 1, else a count. */
function countOf(size: number, total: number): number {
  const count = size < 1 ? Math.round(size * total) : size;
  if (count < 1 || count > total)
    throw new ConfigError(
      `labelled.size: asks for ${count} pairs, there are ${total} that the teacher can learn from.`,
    );
  return count;
}

function mixed(
  rows: readonly PreferenceRow[],
  size: number | undefined,
  by: LabelledSettings["by"],
  mix: Readonly<Record<string, number>>,
): readonly PreferenceRow[] {
  const domain = domainsOf(rows, by);
  const groups = new Map(groupBy(rows, domain).map((group) => [domain(group[0]!), group]));
  const wanted = Object.entries(mix).filter(([, share]) => share > 0);
  const unknown = wanted.filter(([name]) => !groups.has(name)).map(([name]) => name);
  if (unknown.length > 0)
    throw new ConfigError(
      `labelled.mix: no pair is in ${unknown.join(", ")}, expected some of ${[...groups.keys()].sort().join(", ")}.`,
    );
  const most = Math.floor(Math.min(...wanted.map(([name, share]) => groups.get(name)!.length / share)));
  const total = size === undefined ? most : countOf(size, rows.length);
  if (total > most)
    throw new ConfigError(
      `labelled.mix: ${total} pairs cannot be mixed like this, at most ${most}. Ask for fewer with labelled.size.`,
    );
  return wanted.flatMap(([name, share]) => groups.get(name)!.slice(0, Math.round(share * total)));
}

/** Which domain a row belongs to: its column `subset`, or whether its prompt is longer than the median prompt. */
export function domainsOf(
  rows: readonly Pick<PreferenceRow, "prompt">[],
  by: LabelledSettings["by"],
): (row: Pick<PreferenceRow, "prompt"> & { readonly meta?: { readonly subset?: string } }) => string {
  if (by === "subset") return (row) => row.meta?.subset ?? "none";
  const middle = median(rows.map((row) => plainText(row.prompt).length));
  return (row) => (plainText(row.prompt).length > middle ? "long" : "short");
}
