/** `weak-teacher plan`: will weak labels do, and how much must be run to see it? Before anything is trained. */
import { type Command, Option } from "commander";
import { ConfigError } from "../../../base/core/errors.ts";
import type { Estimate } from "../../../method/evaluate/plan/estimate.ts";
import type { ReadingFlags } from "../../../pipeline/recipe/first-recipe-text.ts";
import type { PlanCall, PlanOutcome } from "../../library/plan.ts";
import { readingFlags, SOURCES, sourceOf, withReading } from "../data-options.ts";
import { examples, positiveNumber, shareNumber, wholeNumber, wholeNumbers } from "../options.ts";
import { act, type Session } from "../session.ts";
import { poolText } from "./plan-pool.ts";

type PlanFlags = ReadingFlags &
  Omit<PlanCall, "file" | "header" | "map" | "format" | "ignore" | "onBadRow" | "limit">;

/** Adds the verb `plan`. */
export function addPlan(program: Command): void {
  withReading(
    program
      .command("plan")
      .description(
        "before anything is trained: what agreements of people and of a teacher say of both, and how many labels, pool pairs, prompts and seeds a margin needs",
      )
      .argument("[files...]", `pairs with the answers of two people or more; ${SOURCES}`),
  )
    .option(
      "--people-agreement <share>",
      "in place of a file: how often two people say the same, ties left out",
      shareNumber,
    )
    .option("--people-pairs <n>", "on so many pairs, for intervals", wholeNumber(2, 1e9))
    .option("--teacher-agreement <share>", "how often the teacher says what a person says", shareNumber)
    .option("--teacher-pairs <n>", "on so many pairs, for intervals", wholeNumber(2, 1e9))
    .option(
      "--teacher <column>",
      "the file's column with the teacher's answers, one of those that --map names in label=",
    )
    .option("--labels <folder>", "a folder that label made of the file: the teacher's answers")
    .option(
      "--margin <number>",
      "what counts as equal in the figure that students are compared by",
      positiveNumber,
    )
    .option(
      "--training-sd <number>",
      "how far weak - human moves from seed to seed beyond what its prompts explain",
      positiveNumber,
    )
    .option("--prompt-sd <number>", "how far it moves from prompt to prompt inside a seed", positiveNumber)
    .addOption(
      new Option("--chance <share>", "with which it is to be shown").argParser(shareNumber).default(0.8),
    )
    .option("--prompts <list>", "numbers of test prompts to look at, as 100,400", wholeNumbers)
    .option("--pool <list>", "sizes of the pool to look at, as 500,5000", wholeNumbers)
    .addOption(
      new Option(
        "--within <share>",
        "half-width that the interval of the teacher's lead is to have, and what counts as equally good labels",
      )
        .argParser(shareNumber)
        .default(0.05),
    )
    .option(
      "--seed <n>",
      "seed of the resamples, and of what --mix draws",
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .addHelpText(
      "after",
      examples([
        "plan --people-agreement 0.63 --people-pairs 500 --teacher-agreement 0.606 --teacher-pairs 2000",
        "plan answers.jsonl --map prompt=question,a=first,b=second,label=anna;ben;teacher,values=1:a;2:b;0:tie --teacher teacher",
        "plan pandalm.json --labels runs/labels",
        "plan --people-agreement 0.7 --teacher-agreement 0.65 --margin 0.1 --training-sd 0.05 --prompt-sd 0.4",
      ]),
    )
    .action(act(runPlan));
}

async function runPlan(session: Session, files: readonly string[], flags: PlanFlags): Promise<void> {
  const { plan } = await import("../../library/plan.ts");
  const {
    mix,
    onBadRow,
    map: _map,
    format: _format,
    header: _header,
    ignore: _ignore,
    limit: _limit,
    ...asked
  } = flags;
  if (files.length === 0 && (mix !== undefined || onBadRow === "skip"))
    throw new ConfigError(
      `${mix === undefined ? "--on-bad-row" : "--mix"}: has no effect without a file of answers. Name one, or leave it out.`,
    );
  const file = files.length === 0 ? undefined : sourceOf(files, mix);
  // The default of --on-bad-row is no wish: labels of a folder say how their file was read.
  const read = { ...readingFlags(flags), onBadRow: onBadRow === "skip" ? onBadRow : undefined };
  const outcome = await plan({ ...asked, ...read, file });
  session.result(outcome, textOf(outcome));
}

/** What agreements were worth where students were trained: docs/results/crossover.md. */
const MAP =
  "On the one map that was measured (docs/results/crossover.md: 20 cells of three seeds, students of 15 million weights) the gap by agreements forecast weak − human hardly better than no figures at all: it missed by 0.071, the mean of all cells by 0.080. Equal agreement is no promise of equal students.";

const percent = (value: number): string => (100 * value).toFixed(1);

function shown({ estimate, interval }: Estimate, signed = false): string {
  const of = (value: number) => `${signed && value >= 0 ? "+" : ""}${percent(value)}`;
  return `${of(estimate)} %${interval === null ? "" : ` [${of(interval.low)}, ${of(interval.high)}]`}`;
}

function textOf(outcome: PlanOutcome): string {
  const { agreements, people, power, source, pairs } = outcome;
  const { people: among, teacher, lead, known, bounds, counts } = agreements;
  const of = (count: number | null) => (count === null ? "" : ` (${count} pairs of answers)`);
  return [
    `two people say the same on    ${shown(among)}${of(counts.people)}${people === null ? "" : `: ${people.join(", ")}`}`,
    `teacher says what a person on ${shown(teacher)}${of(counts.teacher)}`,
    `difference                    ${shown(lead, true)}`,
    "",
    readingOf(agreements),
    "",
    ...(known === null || bounds === null
      ? ["People agree on half or less: nothing can be told of who is right."]
      : [
          "If errors are independent and as likely on every pair:",
          `  one person sides with gold on       ${shown(known.peopleGold)}`,
          `  the teacher sides with gold on      ${shown(known.teacherGold)}`,
          `  where they differ, gold is with it on ${shown(known.goldWithTeacher)}`,
          `  its labels give away                ${shown(known.gap, true)}`,
          `If they are not: pairs that are hard for both make both look better by one factor, and who is better stays as it is. Mistakes that people share make people look better; that the teacher shares, too, make the teacher look better: such mistakes cannot be seen in agreements. These agreements alone leave the teacher with gold on ${percent(bounds[0])} to ${percent(bounds[1])} %.`,
        ]),
    "",
    `To know the difference within ± ${percent(pairs.within)} points, ${pairs.count} pairs must be answered by two people and the teacher.`,
    `To show with a chance of ${percent(power.chance)} % that students are equal within ${power.margin}, or that they differ by as much (training moves weak − human by ${power.variation.training} from seed to seed, a prompt by ${power.variation.prompt}):`,
    "  test prompts   seeds: equal   seeds: differ   margin of five seeds",
    ...power.rows.map(({ prompts, equivalence, difference, marginOfFive }) =>
      [
        `  ${String(prompts).padStart(12)}`,
        seedsIn(equivalence, power.mostSeeds).padStart(12),
        seedsIn(difference, power.mostSeeds).padStart(13),
        marginOfFive.toFixed(3).padStart(20),
      ].join("   "),
    ),
    ...(source === null ? [] : [`Not told here, and taken from ${source}.`]),
    "",
    ...poolText(outcome),
    MAP,
    "Not told by any of this: how good a student becomes on either kind of label, and from which size on a larger pool no longer helps. That is a measurement (run, study).",
  ].join("\n");
}

const seedsIn = (seeds: number | null, most: number): string =>
  seeds === null ? `over ${most}` : String(seeds);

/** The one sentence that agreements allow, by rule from the interval of the difference. */
function readingOf({ lead, breaksModel }: PlanOutcome["agreements"]): string {
  const more = breaksModel
    ? " It agrees with people more than gold itself would: it shares their mistakes, and the numbers below do not hold."
    : "";
  const { estimate, interval } = lead;
  if (interval === null)
    return `The teacher agrees with people ${estimate < 0 ? "less" : "at least as much as"}${estimate < 0 ? " than they agree" : " they agree"} with each other; without counts of pairs it cannot be told whether by chance.${more}`;
  if (interval.low > 0)
    return `The teacher agrees with people more than they agree with each other: its labels are better than one person's, unless it shares their mistakes.${more}`;
  if (interval.high < 0)
    return `The teacher agrees with people less than they agree with each other: its labels are worse than one person's, unless people share mistakes that it does not.${more}`;
  return `Whether the teacher's labels are better or worse than one person's cannot be told from so many pairs.${more}`;
}
