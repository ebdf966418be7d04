/**
 * What a split gives away: how many pairs of the pool and of the test a string match labels by the prompts of the other parts, and how many
 * rows share a dialogue with another part; split by prompt, and by dialogue as runs do. Prints Markdown. Needs `npm run build`.
 *
 *   node scripts/string-match.mjs hh-rlhf-harmless-base-test.jsonl.gz [seeds, default 5] [labelled,pool,test, default 800,900,600]
 */

import { readPreferences } from "../dist/method/data/load.js";
import { splitKey } from "../dist/method/data/normalise.js";
import { findDialogues } from "../dist/method/split/dialogues.js";
import { splitRows } from "../dist/method/split/split.js";
import { stringMatch } from "../dist/method/split/string-match.js";
import { dropDuplicates } from "../dist/method/split/validate.js";

const [file, seeds = "5", sizes = "800,900,600"] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node scripts/string-match.mjs FILE [seeds] [labelled,pool,test]");
  process.exit(2);
}
const { rows } = await readPreferences(file, { onBadRow: "skip" });
const unique = dropDuplicates(rows).rows;
const [labelled, pool, test] = sizes.split(",").map(Number);
const dialogue = new Map(findDialogues(unique).keys.map((key, i) => [unique[i].id, key]));
const cell = ({ pairs, right }) => (pairs === 0 ? "0" : `${right} of ${pairs}`);

console.log(
  "| split | seed | pool pairs labelled right | test pairs labelled right | test rows with a dialogue in training |",
);
console.log("| --- | --- | --- | --- | --- |");
for (const by of ["prompt", "dialogue"])
  for (let seed = 1; seed <= Number(seeds); seed++) {
    const options = { seed, parts: { labelled, pool, test }, ...(by === "prompt" ? { by: splitKey } : {}) };
    const { parts } = splitRows(unique, options);
    const trained = new Set([...parts.labelled, ...parts.pool].map(({ id }) => dialogue.get(id)));
    const shared = parts.test.filter(({ id }) => trained.has(dialogue.get(id))).length;
    const poolMatch = stringMatch(parts.pool, [...parts.labelled, ...parts.test]);
    const testMatch = stringMatch(parts.test, [...parts.labelled, ...parts.pool]);
    console.log(
      `| by ${by} | ${seed} | ${cell(poolMatch)} | ${cell(testMatch)} | ${shared} of ${parts.test.length} |`,
    );
  }
