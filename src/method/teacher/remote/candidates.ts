/** From pairs to texts that a server is asked about, and back to one number for each candidate. */
import { NumericsError } from "../../../base/core/errors.ts";
import type { EncodedPair } from "../../../engine/text/pair.ts";
import type { CandidateLogps } from "../logratio.ts";
import type { GivenText } from "./protocol.ts";

/**
 * The numbers of candidates a and b of each pair. Equal candidates are asked for once; one without tokens is not asked for and gets 0.
 * @param ids - of the pairs, for messages
 * @param ask - one number for each text
 * @throws NumericsError for a number that is not finite
 */
export async function candidateNumbers(
  encoded: readonly EncodedPair[],
  ids: readonly string[],
  ask: (texts: readonly GivenText[]) => Promise<readonly number[]>,
): Promise<CandidateLogps[]> {
  const texts: GivenText[] = [];
  const places = encoded.map(({ prompt, a, b, flags }) => {
    const place = (response: readonly number[]) =>
      response.length === 0
        ? undefined
        : texts.push({ ids: [...prompt, ...response], from: prompt.length }) - 1;
    const first = place(a);
    return [first, flags.includes("identical") ? first : place(b)] as const;
  });
  const given = await ask(texts);
  return places.map((sides, i) => {
    const numbers = sides.map((place) => (place === undefined ? 0 : given[place]!));
    if (!numbers.every(Number.isFinite))
      throw new NumericsError(`remote teacher: pair ${ids[i]!}`, `a score is not finite, got ${numbers}.`);
    return numbers as [number, number];
  });
}
