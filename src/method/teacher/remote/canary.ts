/** Canaries: a few texts scored at the beginning and after every piece of work. A model that was changed under us sings another tune. */
import { AlignError } from "../../../base/core/errors.ts";
import { exists, readJson, writeJsonAtomic } from "../../../base/core/files.ts";

/** Log-probabilities of the canary texts by model name. */
export type Song = Readonly<Record<string, readonly (readonly number[])[]>>;

/**
 * Mean distance per token, nats, up to which two songs are one. Servers batch as they like, so equal requests differ by rounding; another
 * checkpoint differs by far more.
 */
export const CANARY_TOLERANCE = 0.01;

/** @throws AlignError "remote" when a model's scores are not what they were; `when` says since when */
export function checkSong(url: string, before: Song, now: Song, when: string): void {
  for (const [model, texts] of Object.entries(before)) {
    const [x, y] = [texts.flat(), (now[model] ?? []).flat()];
    const mean = x.reduce((total, logp, i) => total + Math.abs(logp - (y[i] ?? Number.NaN)), 0) / x.length;
    if (x.length === y.length && mean <= CANARY_TOLERANCE) continue;
    throw new AlignError(
      "remote",
      `${url}: ${model} is not the model it was ${when}: log-probabilities of known texts changed by ${mean.toPrecision(3)} per token, ` +
        `expected at most ${CANARY_TOLERANCE}. What was scored since then is not kept. Serve the first model again, or start over with --fresh.`,
    );
  }
}

/**
 * Compares with the song of an earlier session, or keeps this one for later ones.
 * @param file - beside the scores that it vouches for
 */
export async function rememberSong(url: string, file: string, song: Song): Promise<void> {
  if (!(await exists(file))) return writeJsonAtomic(file, song);
  checkSong(url, (await readJson(file)) as Song, song, "when its first scores were made");
}
