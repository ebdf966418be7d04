/** Answers into labels: what `ask --answers` does, from the page. */
import { join } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import type { Log } from "../../base/core/log.ts";
import { shellWord } from "../../base/core/shell.ts";
import { partsOf } from "../../method/data/source.ts";
import { readLabellingFacts } from "../../method/labels/labelling.ts";
import { answerFactsSchema, answersStage } from "../../pipeline/label/answers-stage.ts";
import { openLabelSet } from "../../pipeline/label/open-labels.ts";
import { readPlace } from "../../pipeline/label/questions-place.ts";
import { runSingle } from "../../pipeline/stages/single.ts";
import type { Folded } from "./protocol.ts";

/** Where folded labels go: beside the questions they answer. */
const LABELS = "labels";

/** The command that does the same. */
export async function commandFor(folder: string, file: string): Promise<string> {
  const place = await readPlace(folder);
  const pool =
    place === undefined
      ? ["POOL"]
      : place.pool === undefined
        ? []
        : partsOf(place.pool).map((part) => shellWord(part.file));
  const flags = [...pool.map((file) => `--pool ${file}`), `--answers ${shellWord(file)}`];
  const labels = place === undefined ? "LABELS" : shellWord(place.labels);
  return `weak-teacher ask ${labels} ${flags.join(" ")} --out ${shellWord(join(folder, LABELS))}`;
}

/**
 * Merges an answers file into the labels that the questions were asked of.
 * @throws ConfigError when the questions do not say where these lie, or they are not there any more
 */
export async function foldAnswers(
  folder: string,
  file: string,
  how: { readonly code: string; readonly log: Log; readonly signal: AbortSignal },
): Promise<Folded> {
  const place = await readPlace(folder);
  if (place === undefined)
    throw new ConfigError(
      `${folder}: these questions do not say where their labels lie. Run: ${await commandFor(folder, file)}`,
    );
  const set = await openLabelSet(place.labels, place.pool);
  const out = join(folder, LABELS);
  await runSingle({ out, ...how }, (deps) => answersStage(deps, { set, file }));
  const { counts, answers } = await readLabellingFacts(out, answerFactsSchema);
  const labels = counts.a + counts.b;
  return {
    ...{ folder: out, labels, answers: answers.total },
    text: `${answers.total} answers (${answers.ties} ties, ${answers.skipped} skipped, ${answers.blank} open); ${labels} labels of ${counts.pairs} pairs`,
  };
}
