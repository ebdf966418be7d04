/** Canaries: a few texts scored at the beginning and after every piece of work. A model that was changed under us sings another tune. */

import { z } from "zod";
import { AlignError } from "../../../base/core/errors.ts";
import { exists } from "../../../base/core/files.ts";
import { valueKind } from "../../../base/files/value-file.ts";

/** Numbers of the canary texts by model name: a text's log-probabilities, or its one reward. */
export type Song = Readonly<Record<string, readonly (readonly number[])[]>>;

/** Hears whether two songs of one model are the same: undefined, or how they differ. */
export type Ear = (
  before: readonly (readonly number[])[],
  now: readonly (readonly number[])[],
) => string | undefined;

/**
 * Mean distance per token, nats, up to which two songs are one. Servers batch as they like, so equal requests differ by rounding; another
 * checkpoint differs by far more.
 */
export const CANARY_TOLERANCE = 0.01;

/** Hears log-probabilities. */
export const hearLogps: Ear = (before, now) => {
  const [x, y] = [before.flat(), now.flat()];
  const mean = x.reduce((total, logp, i) => total + Math.abs(logp - (y[i] ?? Number.NaN)), 0) / x.length;
  return x.length === y.length && mean <= CANARY_TOLERANCE
    ? undefined
    : `log-probabilities of known texts changed by ${mean.toPrecision(3)} per token, expected at most ${CANARY_TOLERANCE}`;
};

/**
 * Distance of two rewards of one text up to which they are one, as a share of their size or of 1 where that is more: servers batch as they like and
 * compute in half precision. Another checkpoint differs by more.
 */
export const REWARD_TOLERANCE = 0.03;

/** Hears rewards. */
export const hearRewards: Ear = (before, now) => {
  const [x, y] = [before.flat(), now.flat()];
  const show = (scores: readonly number[]) => scores.map((score) => score.toPrecision(4)).join(", ");
  return x.length === y.length &&
    x.every((score, i) => Math.abs(score - y[i]!) <= REWARD_TOLERANCE * Math.max(1, Math.abs(score)))
    ? undefined
    : `it gives ${show(y)} for texts that got ${show(x)}`;
};

/** @throws AlignError "remote" when a model's scores are not what they were; `when` says since when */
export function checkSong(url: string, ear: Ear, before: Song, now: Song, when: string): void {
  for (const [model, texts] of Object.entries(before)) {
    const differs = ear(texts, now[model] ?? []);
    if (differs === undefined) continue;
    throw new AlignError(
      "remote",
      `${url}: ${model} is not the model it was ${when}: ${differs}. ` +
        "What was scored since then is not kept: scores of two models cannot stand side by side. Serve the first model again, or begin anew (label: --fresh; run: another --out).",
    );
  }
}

const SONG = valueKind({
  what: "song of canaries",
  schema: z.record(z.string(), z.array(z.array(z.number()).readonly()).readonly()),
});

/**
 * Compares with the song of an earlier session, or keeps this one for later ones.
 * @param file - beside the scores that it vouches for
 */
export async function rememberSong(url: string, ear: Ear, file: string, song: Song): Promise<void> {
  if (!(await exists(file))) return SONG.write(file, song);
  checkSong(url, ear, await SONG.read(file), song, "when its first scores were made");
}
