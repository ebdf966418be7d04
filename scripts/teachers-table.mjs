/**
 * Teachers side by side: runs of one recipe that differ in teacher and seed, `NAME=RUN,RUN,RUN` for each teacher. Prints Markdown: agreement
 * with people of each run with its interval, then means with standard deviations over the runs of calibration error, length and the
 * coverage-accuracy curve. Reads `report.json` of each run's folder.
 */
import { formatInterval, meanAndSd, pointAt, readReport } from "./run-figures.mjs";

const USAGE = `usage: node scripts/teachers-table.mjs NAME=RUN,RUN[,RUN...] [NAME=...]

Exit code: 0 printed, 2 wrong usage.`;
const COVERAGE = [0.1, 0.25, 0.5, 0.75, 1];

function main(args) {
  const teachers = args.map((arg) => /^([^=]+)=(.+)$/.exec(arg));
  if (teachers.length === 0 || teachers.includes(null)) {
    console.error(USAGE);
    return args.includes("--help") ? 0 : 2;
  }
  const rows = teachers.map(([, name, folders]) => ({ name, runs: folders.split(",").map(readReport) }));
  const count = Math.max(...rows.map(({ runs }) => runs.length));
  const seeds = rows[0].runs.map(({ environment }) => `seed ${environment.seed}`);
  table(
    ["agreement with people, %", ...seeds, `mean (sd over ${count} seeds)`],
    rows.map(({ name, runs }) => [
      name,
      ...runs.map(({ agreement: [block] }) => formatInterval(block.agreement, percent)),
      spread(runs.map(({ agreement: [block] }) => block.agreement.estimate)),
    ]),
  );
  table(
    ["means (sd), %", "calibration error before", "after", "P(longer preferred)", "by people"],
    rows.map(({ name, runs }) => [
      name,
      spread(runs.map(({ reliability: [one] = [] }) => one?.eceBefore?.estimate)),
      spread(runs.map(({ reliability: [one] = [] }) => one?.eceAfter?.estimate)),
      spread(runs.map(({ lengthBias: [one] = [] }) => one?.longerPreferred?.estimate)),
      spread(runs.map(({ lengthBias: [one] = [] }) => one?.longerPreferredByReference?.estimate)),
    ]),
  );
  table(
    ["agreement among the surest", ...COVERAGE.map((share) => `${100 * share} %`)],
    rows.map(({ name, runs }) => [
      name,
      ...COVERAGE.map((share) => spread(runs.map((run) => accuracyAt(run, share)))),
    ]),
  );
  const commits = rows.flatMap(({ runs }) => runs.map(({ environment }) => environment.commit));
  console.log(`Commits: ${[...new Set(commits)].join(", ")}.`);
  return 0;
}

const percent = (value) => (100 * value).toFixed(1);

function accuracyAt({ coverage: [curve] = [] }, share) {
  return curve && pointAt(curve.points, share)?.accuracy;
}

/** Mean and standard deviation in percent; a dash where no run has the figure. */
function spread(all) {
  const values = all.filter((value) => value !== undefined);
  if (values.length === 0) return "-";
  const { mean, sd } = meanAndSd(values);
  return `${percent(mean)} (${values.length < 2 ? "-" : percent(sd)})`;
}

function table(head, rows) {
  for (const cells of [head, head.map(() => "---"), ...rows]) console.log(`| ${cells.join(" | ")} |`);
  console.log("");
}

process.exitCode = main(process.argv.slice(2));
