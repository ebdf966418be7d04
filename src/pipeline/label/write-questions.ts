/** Asking people about a pool: labels in, a folder of questions out. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../../base/core/errors.ts";
import { writeDirAtomic, writeFileAtomic, writeJsonAtomic } from "../../base/core/files.ts";
import { unitOf } from "../../method/data/normalise.ts";
import { type CandidatePair, plainText } from "../../method/data/rows.ts";
import { type AskOptions, type AskResult, askHumans, RANDOM_SHARE } from "../../method/labels/ask.ts";
import { HUMAN } from "../../method/labels/human-answers.ts";
import type { Label } from "../../method/labels/label.ts";
import { readLabelFile } from "../../method/labels/label-file.ts";
import { LABEL_FILES } from "../../method/labels/labelling.ts";
import { questionFiles } from "../../method/labels/questions.ts";
import { withDialogues } from "../../method/split/dialogues.ts";
import type { LabelSet } from "./open-labels.ts";
import { writtenPlace } from "./questions-place.ts";

/**
 * Ranks the pairs of a label set for people and writes `questions.jsonl`, `questions.csv` and `ask.json` into a new folder. Pairs
 * that people have answered already are left out.
 * @throws ConfigError when the folder is there and holds something: people's answers are not written over
 */
export async function writeQuestions(
  set: LabelSet,
  {
    budget,
    out,
    among = "undecided",
    random = RANDOM_SHARE,
  }: AskOptions & { readonly budget: number; readonly out: string },
): Promise<AskResult> {
  if ((await readdir(out).catch(() => [])).length > 0)
    throw new ConfigError(
      `--out ${out}: is there already and may hold answers. Choose another folder, or remove it.`,
    );
  const pairs = new Map(withDialogues(set.pairs).map((pair) => [pair.id, pair]));
  const answered = new Set(set.answers.map(({ id }) => id));
  const candidates = set.labels
    .filter(({ id }) => !answered.has(id))
    .map((label) => candidateOf(set, pairs.get(label.id)!, label));
  const result = askHumans(candidates, budget, { among, random });
  if (result.questions.length === result.random && random < 1)
    throw new ConfigError(nothingToAsk(result, among));
  const { jsonl, csv } = questionFiles(result.questions, pairs);
  const { eligible, excluded, questions } = result;
  await writeDirAtomic(out, async (folder) => {
    await writeFileAtomic(join(folder, "questions.jsonl"), jsonl);
    await writeFileAtomic(join(folder, "questions.csv"), csv);
    const facts = {
      budget,
      from: writtenPlace(set, out),
      among,
      questions: questions.length,
      random: result.random,
      eligible,
      excluded,
      ensemble: set.disagreement.size > 0,
    };
    await writeJsonAtomic(join(folder, "ask.json"), facts);
  });
  return result;
}

/** Undecided pairs of a folder of merged labels that people could still be asked about. */
export async function countLeft(folder: string): Promise<number> {
  const all = await readLabelFile(join(folder, LABEL_FILES.labels));
  const labels = all.filter(({ teacher }) => teacher !== HUMAN);
  return askHumans(
    labels.map((label) => ({ label, group: label.id })),
    0,
  ).eligible;
}

function candidateOf({ disagreement }: LabelSet, pair: CandidatePair, label: Label) {
  const { prompt, a, b } = pair;
  return {
    label,
    group: unitOf(pair),
    disagreement: disagreement.get(label.id) ?? 0,
    text: [prompt, a, b].map(plainText).join("\n"),
  };
}

function nothingToAsk({ excluded }: AskResult, among: AskOptions["among"]): string {
  const why =
    excluded === 0
      ? ""
      : ` ${excluded} are identical, empty, truncated or not finite, which no person can settle.`;
  const advice =
    among === "all"
      ? ""
      : " Label again and keep fewer (with label --set select.kind=top, threshold or promise), or ask about decided pairs too with --among all.";
  return `ask: there is nothing to ask, expected abstained or tied pairs.${why}${advice}`;
}
