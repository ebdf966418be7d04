/**
 * One table of several runs of one recipe that differ in their seed: each figure of every run with its interval and n, and the
 * mean with the standard deviation over the runs. Reads `report.json` of each run's folder and prints Markdown.
 */
import { formatInterval, meanAndSd, pointAt, readReport } from "./run-figures.mjs";

const USAGE = `usage: node scripts/over-seeds.mjs RUN RUN [RUN...]

Runs must come from one recipe, apart from the seed and what they were computed on. Exit code: 0 printed, 2 wrong usage or runs that do not belong together.`;

process.exitCode = main(process.argv.slice(2));

function main(folders) {
  if (folders.length < 2 || folders.includes("--help")) {
    console.error(USAGE);
    return folders.includes("--help") ? 0 : 2;
  }
  const runs = folders.map(readReport);
  const recipes = new Set(
    runs.map(({ recipe }) => recipe.yaml.replace(/^(seed|out|name|threads|device):.*\n?/gm, "")),
  );
  if (recipes.size > 1) {
    console.error(
      `over-seeds: the ${runs.length} runs have ${recipes.size} recipes that differ in more than the seed.`,
    );
    return 2;
  }
  const seeds = runs.map(({ environment }) => `seed ${environment.seed}`);
  console.log(`| | ${seeds.join(" | ")} | mean (sd over ${runs.length} seeds) |`);
  console.log(`| --- |${" --- |".repeat(runs.length + 1)}`);
  const figures = runs.map((run) => new Map(figuresOf(run)));
  for (const name of figures[0].keys()) {
    const values = figures.map((figure) => figure.get(name));
    if (values.every((value) => value !== undefined && value.n > 0)) console.log(row(name, values));
  }
  console.log(`\nCommits: ${[...new Set(runs.map(({ environment }) => environment.commit))].join(", ")}.`);
  return 0;
}

/** Names and intervals of a run, in the order of the table. */
function figuresOf({ agreement = [], coverage = [], arms = [], lengthBias = [], reliability = [] }) {
  const half = coverage.flatMap(({ labeller, against, points }) => {
    const point = pointAt(points, 0.5);
    return point === undefined
      ? []
      : [[`${labeller} with ${against}, surer half`, { ...point, estimate: point.accuracy }]];
  });
  return [
    ...agreement.map((block) => [`${block.labeller} with ${block.against}`, block.agreement]),
    ...half,
    ...reliability.flatMap(({ labeller, eceBefore, eceAfter }) => [
      [`${labeller}: calibration error before`, eceBefore],
      [`${labeller}: calibration error after`, eceAfter],
    ]),
    ...lengthBias.flatMap(({ labeller, longerPreferred, longerPreferredByReference }) => [
      [`P(longer preferred) by ${labeller}`, longerPreferred],
      [`P(longer preferred) by people`, longerPreferredByReference],
    ]),
    ...arms.map(({ name, heldOutAccuracy }) => [`held-out accuracy: ${name}`, heldOutAccuracy]),
    ...arms.flatMap(({ name, more = [] }) =>
      more
        .filter(({ metric }) => metric === "held-out accuracy by likelihood")
        .map(({ metric, value }) => [`${metric}: ${name}`, value]),
    ),
    ...arms.map(({ name, goldReward }) => [`gold reward: ${name}`, goldReward]),
  ].filter(([, value]) => value !== undefined);
}

/** Shares in percent; gold rewards, which may be anything, as they are. */
function row(name, values) {
  const scale = name.startsWith("gold reward") ? { by: 1, digits: 2 } : { by: 100, digits: 1 };
  const show = (value) => (value * scale.by).toFixed(scale.digits);
  const cells = values.map((value) => formatInterval(value, show));
  const { mean, sd } = meanAndSd(values.map(({ estimate }) => estimate));
  return `| ${name} | ${cells.join(" | ")} | ${show(mean)} (${show(sd)}) |`;
}
