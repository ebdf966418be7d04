/** The measured part of docs/interop.md. */
import { readFile, writeFile } from "node:fs/promises";
import { DIFFERENCES } from "./trl-differences.ts";
import { CASES, EVERY_LOSS, FAMILIES, settings } from "./trl-jobs.ts";

/** Largest differences of a run over its steps: of metrics by name, of the gradient norm as a share of it. */
export type Largest = Readonly<Record<string, number>>;

/** What was measured: runs and differences of definition by their names. */
export type Measured = {
  readonly versions: Readonly<Record<string, string>>;
  readonly steps: number;
  readonly runs: ReadonlyMap<string, Largest>;
  readonly differences: ReadonlyMap<string, Largest>;
};

const PAGE = new URL("../../docs/interop.md", import.meta.url);
const MARKS = [
  "<!-- measured: WRITE_PINNED=1 npx vitest run test/interop/trl-steps.test.ts -->",
  "<!-- end -->",
] as const;

const show = (value: number | undefined) => (value === undefined || value < 0 ? "–" : value.toExponential(0));
const most = (found: Largest, prefix: string) =>
  Math.max(-1, ...Object.keys(found).flatMap((name) => (name.startsWith(prefix) ? [found[name]!] : [])));
const rewards = (found: Largest) => Math.max(most(found, "rewards/"), most(found, "margin"));
const row = (...cells: string[]) => `| ${cells.join(" | ")} |`;

/** The measured part as text. */
export function measuredText({ versions, steps, runs, differences }: Measured): string {
  const of = (loss: string, family: string) => runs.get(`${loss}, ${family}`)!;
  const numbers = (found: Largest) => [
    show(found["loss"]),
    show(rewards(found)),
    show(most(found, "logps/")),
    show(found["grad_norm"]),
  ];
  return [
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(
        ", ",
      )}; ${steps} updates of ${settings.batchSize} pairs (AdamW, decay ${settings.weightDecay}, ${settings.warmupSteps} of warm-up, linear schedule, norms cut at ${settings.maxGradNorm}), float32, one thread, rows in one order.`,
    "Largest difference over all steps: of the loss, of rewards (chosen, rejected, margin), of summed log-probabilities in nats, and of the gradient norm as a share of it. Learning rates are equal.",
    "",
    `Every loss that both have, on random weights of ${EVERY_LOSS.join(" and ")}:`,
    "",
    row("here", "TRL", ...EVERY_LOSS.flatMap((family) => [`${family}: loss`, "rewards", "logps", "norm"])),
    row(...Array<string>(2 + 4 * EVERY_LOSS.length).fill("---")),
    ...Object.entries(CASES).map(([loss, { here, there }]) =>
      row(here, there, ...EVERY_LOSS.flatMap((family) => numbers(of(loss, family)))),
    ),
    "",
    "SFT and sigmoid DPO on every family:",
    "",
    row("family", "SFT: loss", "norm", "DPO: loss", "rewards", "logps", "norm"),
    row(...Array<string>(7).fill("---")),
    ...FAMILIES.map((family) => {
      const sft = of("SFT", family);
      return row(family, show(sft["loss"]), show(sft["grad_norm"]), ...numbers(of("DPO", family)));
    }),
    "",
    "### Differences of definition",
    "",
    "Each run as both have it; the numbers are what it changes on these tiny models, the largest over all steps.",
    "",
    row("about", "here", "TRL, transformers", "loss", "gradient norm", "other"),
    row(...Array<string>(6).fill("---")),
    ...DIFFERENCES.map(({ about, here, there, shows }) => {
      const found = differences.get(about)!;
      const other = shows === "loss" || shows === "grad_norm" ? "" : `${shows} ${show(found[shows])}`;
      return row(about, here, there, show(found["loss"]), show(found["grad_norm"]), other);
    }),
  ].join("\n");
}

/** The measured part as the page has it. */
export async function pageText(): Promise<string> {
  const [, part] = await parts();
  return part;
}

/** Writes the measured part into the page. */
export async function writePage(text: string): Promise<void> {
  const [before, , after] = await parts();
  await writeFile(PAGE, `${before}${MARKS[0]}\n\n${text}\n\n${MARKS[1]}${after}`);
}

async function parts(): Promise<[string, string, string]> {
  const page = await readFile(PAGE, "utf8");
  const [before, rest] = page.split(MARKS[0]) as [string, string];
  const [part, after] = rest.split(MARKS[1]) as [string, string];
  return [before, part.trim(), after];
}
