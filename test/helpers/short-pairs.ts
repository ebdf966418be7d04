/** Short pairs that are made, not kept: for pools of any size. */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { createRng } from "../../src/base/core/rng.ts";

const WORDS =
  "the cat sat on a red mat and looked at small birds that sang in old trees by warm water while two boys ran".split(
    " ",
  );

/** A pool's row: `{id, prompt, response_a, response_b}`, about 15 words in all. */
export function* shortPairs(count: number, seed = 1) {
  const rng = createRng(seed);
  const words = (from: number, to: number) =>
    Array.from({ length: from + rng.int(to - from) }, () => WORDS[rng.int(WORDS.length)]).join(" ");
  for (let i = 0; i < count; i++)
    yield {
      id: `pair-${i}`,
      prompt: words(3, 8),
      response_a: ` ${words(2, 8)}`,
      response_b: ` ${words(2, 8)}`,
    };
}

/** Writes such a pool as JSON Lines. */
export async function writeShortPairs(file: string, count: number, seed = 1): Promise<void> {
  const stream = createWriteStream(file);
  let text = "";
  for (const row of shortPairs(count, seed)) {
    text += `${JSON.stringify(row)}\n`;
    if (text.length < 2 ** 16) continue;
    if (!stream.write(text)) await once(stream, "drain");
    text = "";
  }
  stream.end(text);
  await finished(stream);
}
