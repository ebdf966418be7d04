/** `weak-teacher ask`: the pairs that people should label, and their answers merged back. */
import { join } from "node:path";
import { type Command, Option } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import { partsOf, type Source } from "../../../method/data/source.ts";
import type { AnswerFacts } from "../../../pipeline/label/answers-stage.ts";
import type { LabelSet } from "../../../pipeline/label/open-labels.ts";
import { headerOption, mixOption, readOptions, sourceOf } from "../data-options.ts";
import { numberIn } from "../label-rules.ts";
import { collect, examples, nameList, wholeNumber } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";

type AskOptions = {
  readonly pool?: readonly string[];
  readonly mix?: readonly number[];
  readonly map?: string;
  readonly format?: string;
  readonly header: "yes" | "no" | "auto";
  readonly ignore?: readonly string[];
  readonly limit?: number;
  readonly budget?: number;
  readonly among?: "undecided" | "all";
  readonly random?: number;
  readonly answers?: string;
  readonly out?: string;
  readonly fresh?: boolean;
};

const BUDGET = 200;
/** As in `method/labels/ask.ts`, which help must not load. */
const SHARE = 0.25;

/** Adds the verb `ask`. */
export function addAsk(program: Command): void {
  program
    .command("ask")
    .description(
      "choose the pairs that people should label, most useful first; with --answers, merge what they said into the labels",
    )
    .argument("<labels>", "a folder that label or ask wrote, a run's stages/weak-labels-…, or a labels.jsonl")
    .option(
      "--pool <file>",
      "the pool that was labelled; given again where it had several sources; a run's own is found without it",
      collect,
    )
    .addOption(mixOption())
    .option("--map <columns>", "name the pool's columns, for a bare labels.jsonl: prompt=instruction,…")
    .option("--format <name>", "the name of the pool's shape, for a bare labels.jsonl")
    .addOption(headerOption("for a bare labels.jsonl: the first line of a CSV or TSV pool"))
    .option("--ignore <names>", "what of the pool is left out on purpose, for a bare labels.jsonl", nameList)
    .option(
      "--limit <n>",
      "only the first n pairs of the pool, for a bare labels.jsonl",
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    )
    .option("--budget <n>", `most questions, default ${BUDGET}`, wholeNumber(1, 10_000_000))
    .option(
      "--random <share>",
      `share of the questions drawn at random from all pairs, which the calibrator may be fitted on, 0 to 1, default ${SHARE}`,
      numberIn(0, 1),
    )
    .addOption(
      new Option(
        "--among <pairs>",
        "ask about abstained and tied pairs (undecided, the default) or about all",
      ).choices(["undecided", "all"]),
    )
    .option(
      "--answers <file>",
      "questions with their answer column filled in: a, b, tie or skip; JSONL or CSV",
    )
    .option("--out <folder>", "where questions go (default questions), or labels with the answers merged")
    .option("--fresh", "merge again, whatever is kept")
    .addHelpText(
      "after",
      examples([
        "ask labels --pool pool.jsonl --budget 200 --out questions",
        "ask labels --pool pool.jsonl --answers questions/questions.csv --out labels-2",
        "ask runs/demo/stages/weak-labels-0123456789ab --budget 50",
        "run runs/demo/recipe.yaml --set data.labelled=labels-2/labelled.jsonl --out runs/demo-2",
      ]),
    )
    .addHelpText(
      "after",
      `A pair is worth (H(p)/ln 2 + MI/ln 2) x (1 - likeness to the nearest question) / (1 + questions of its prompt):
p its calibrated probability, MI an ensemble's mutual information (uncertainty.jsonl beside the labels).
A quarter of the questions (--random) is drawn at random from all pairs. Merging scores nothing: answered pairs carry the human label, and
the calibrator is fitted again on held-out pairs and the random answers. The others were chosen by text and margin: a fit on them would be off.`,
    )
    .action(act(runAsk));
}

async function runAsk(session: Session, labels: string, options: AskOptions): Promise<void> {
  checkFlags(options);
  const { openLabelSet } = await import("../../../pipeline/label/open-labels.ts");
  const { map, format, header, ignore, limit } = options;
  const reading = header !== "auto" || [map, format, ignore, limit].some((flag) => flag !== undefined);
  const read = reading ? readOptions({ ...options, onBadRow: "fail" }) : undefined;
  if (options.mix !== undefined && options.pool === undefined)
    throw new ConfigError("--mix: has no effect without several --pool. Leave it out.");
  const set = await openLabelSet(labels, options.pool && sourceOf(options.pool, options.mix), read);
  if (options.answers === undefined) await ask(session, set, options);
  else await merge(session, set, { ...options, answers: options.answers });
}

/** @throws ConfigError for flags that have no effect beside the others, or are missing */
function checkFlags({ answers, budget, among, random, out, fresh }: AskOptions): void {
  const issues =
    answers === undefined
      ? [...(fresh ? ["--fresh: has no effect without --answers. Leave it out."] : [])]
      : [
          ...(budget === undefined ? [] : ["--budget: has no effect with --answers. Leave it out."]),
          ...(among === undefined ? [] : ["--among: has no effect with --answers. Leave it out."]),
          ...(random === undefined ? [] : ["--random: has no effect with --answers. Leave it out."]),
          ...(out === undefined
            ? ["--out: is missing; --answers needs a folder for the merged labels."]
            : []),
        ];
  if (issues.length > 0) throw new ConfigError(issues);
}

async function ask(session: Session, set: LabelSet, options: AskOptions): Promise<void> {
  const { writeQuestions } = await import("../../../pipeline/label/write-questions.ts");
  const { out = "questions", budget = BUDGET, among = "undecided", random = SHARE } = options;
  const asked = await writeQuestions(set, { out, budget, among, random });
  const { questions, eligible, excluded } = asked;
  const files = { jsonl: join(out, "questions.jsonl"), csv: join(out, "questions.csv") };
  const left = excluded === 0 ? "" : ` (${excluded} that no person can settle left out)`;
  session.result(
    { folder: out, questions: questions.length, random: asked.random, eligible, excluded, files },
    `${questions.length} questions: ${asked.random} drawn at random from all pairs, then ${questions.length - asked.random} of ${eligible} pairs${left}, most useful first\n` +
      `${asked.random === 0 ? "no answer will calibrate: none is drawn at random (--random)" : "the random ones, and no others, will calibrate: answer all of them, and leave the column drawn as it is"}\n` +
      `fill in the column answer (a, b, tie or skip) of ${files.csv} or ${files.jsonl}, then run this command again ` +
      "with --answers FILE --out FOLDER in place of --budget",
  );
}

async function merge(
  { log, signal, result }: Session,
  set: LabelSet,
  { answers, out, fresh }: AskOptions & { readonly answers: string },
): Promise<void> {
  const { runSingle } = await import("../../../pipeline/stages/single.ts");
  const { readLabellingFacts } = await import("../../../method/labels/labelling.ts");
  const { answerFactsSchema, answersStage } = await import("../../../pipeline/label/answers-stage.ts");
  const { countLeft } = await import("../../../pipeline/label/write-questions.ts");
  const folder = out!;
  const how = { out: folder, log, signal, code: packageVersion(), fresh: fresh === true };
  const step = await runSingle(how, (deps) => answersStage(deps, { set, file: answers }));
  const facts = await readLabellingFacts(folder, answerFactsSchema);
  const next = nextSteps(set, folder, await countLeft(folder));
  result(
    { ...step, ...pick(facts), next },
    [textOf(folder, facts), ...next.map((line) => `next: ${line}`)].join("\n"),
  );
}

const pick = ({ counts, answers, calibration, teacherOnAnswered }: AnswerFacts) => ({
  counts,
  answers,
  calibration,
  teacherOnAnswered,
});

function textOf(folder: string, { counts, answers, calibration, teacherOnAnswered }: AnswerFacts): string {
  const { total, ties, skipped, blank } = answers;
  const { refitted, method, heldOut, answered, notRandom, unanswered } = calibration;
  const right =
    teacherOnAnswered === null
      ? ""
      : `\nthe teacher agrees with ${(100 * teacherOnAnswered.estimate).toFixed(0)} % of ${answered + notRandom} answers; they were asked for because it was unsure, so this says nothing of the pool`;
  const others =
    notRandom === 0
      ? ""
      : `; ${notRandom} answers not drawn at random label their pairs and calibrate nothing`;
  const open =
    unanswered === 0
      ? ""
      : ` (${unanswered} more were drawn and nobody decided them: if those were the hard ones, the fit is off)`;
  const fit = refitted
    ? `calibrated again on ${heldOut} held-out and ${answered} randomly drawn pairs${open}${others}`
    : answered === 0
      ? `not calibrated again: no answered pair was drawn at random (column drawn)${others}`
      : method === "none"
        ? "not calibrated again: these labels' margins are taken as log-odds; the next run fits the teachers anew"
        : `not calibrated again: ${heldOut} held-out and ${answered} randomly drawn pairs are too few, expected 10${others}`;
  return `${folder}: ${total} answers (${ties} ties, ${skipped} skipped, ${blank} blank); ${counts.a + counts.b} labels of ${counts.pairs} pairs; ${fit}${right}`;
}

/** How to name a pool again. */
function poolFlags(pool: Source): string {
  const parts = partsOf(pool);
  const weights = parts.flatMap(({ weight }) => weight ?? []);
  const mix = weights.length === 0 ? "" : ` --mix ${weights.join(",")}`;
  return `${parts.map(({ file }) => `--pool ${file}`).join(" ")}${mix}`;
}

/** What to do with merged labels, as commands; another round only where pairs are left to ask about. */
function nextSteps({ run, pool: { file } }: LabelSet, out: string, left: number): string[] {
  const again = left === 0 ? [] : [`weak-teacher ask ${out} ${poolFlags(file)} --out questions-2`];
  if (run === undefined) return again;
  return [
    `weak-teacher run ${join(run, "recipe.yaml")} --set data.labelled=${join(out, "labelled.jsonl")} --out ${run}-asked`,
    ...again,
  ];
}
