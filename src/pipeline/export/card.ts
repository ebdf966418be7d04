/** The README of an export: a card with the hub's YAML header, what was done to the rows, and what did not carry over. */
import { stringify } from "yaml";
import type { ExportTool, ToolOutput } from "../elsewhere/request.ts";
import { inline, interval, list, percent } from "./card-words.ts";
import type { ExportOrigin, ExportSource } from "./source.ts";
import type { Weighed } from "./weigh.ts";

/** What the card says. */
export type CardInput = {
  readonly tool: ExportTool;
  readonly source: ExportSource;
  readonly weighed: Weighed;
  readonly output: ToolOutput;
  readonly license: string | undefined;
  readonly version: string;
};

const TOOL_NAMES: Readonly<Record<ExportTool, string>> = {
  trl: "TRL",
  "llama-factory": "LLaMA-Factory",
  axolotl: "axolotl",
  openrlhf: "OpenRLHF",
};

/** Which versions are written for, and how that is known. */
const WRITTEN_FOR: Readonly<Record<ExportTool, string>> = {
  trl: "For TRL 1.16 with transformers 5.24; these commands are run with it in weak-teacher's own tests.",
  "llama-factory": "For LLaMA-Factory 0.9, by its documentation; it was not run.",
  axolotl: "For axolotl 0.1x, by its documentation; it was not run.",
  openrlhf: "For OpenRLHF 0.9, by its documentation; it was not run.",
};

/** README.md. */
export function exportCard(input: CardInput): string {
  const { tool, source, weighed, output } = input;
  const { notCarried, notes, commands } = output;
  return `${header(input)}
# ${title(source.origin)} for ${TOOL_NAMES[tool]}

Written by weak-teacher ${input.version}. ${WRITTEN_FOR[tool]}

## Train

Inside this folder:

\`\`\`bash
${commands.join("\n")}
\`\`\`

Back here: \`weak-teacher evaluate RUN --model FOLDER --name NAME\` measures the result beside the run's own students.

## Rows

${sentence(weighed.said)}
${notes.map((note) => `\n${note}\n`).join("")}
## Not carried over

${list(notCarried)}

## Labels

${list(labelLines(source.origin))}
`;
}

function header({ source, license, output }: CardInput): string {
  const { student, origin } = source;
  const loss = student.loss?.type;
  return `---\n${stringify({
    license: license ?? "unknown",
    base_model: student.model,
    datasets: [origin.name],
    model_name: [origin.name, origin.arm].filter(Boolean).join("-"),
    tags: ["weak-teacher", ...(loss === undefined ? ["sft"] : ["preference", "dpo", `loss:${loss}`])],
    configs: output.files.some(({ path }) => path === "data/train.parquet")
      ? [{ config_name: "default", data_files: "data/train.parquet" }]
      : undefined,
  })}---`;
}

const title = ({ name, arm, labels }: ExportOrigin) =>
  `${inline(name)}${arm === undefined ? "" : `, arm ${inline(arm)}`}: ${labels} labels`;

function labelLines({ teacher, agreement, calibration, digests, seed }: ExportOrigin): string[] {
  const ece = calibration?.after.ece;
  return [
    ...(teacher === undefined ? [] : [`teacher: ${inline(teacher)}`]),
    ...(agreement?.share
      ? [`agreement with people on ${agreement.n} held-out pairs: ${percent(agreement.share)}`]
      : []),
    ...(ece ? [`calibration error of the stated probabilities (ECE, held-out pairs): ${interval(ece)}`] : []),
    `seed: ${seed}`,
    ...Object.entries(digests).map(([name, digest]) => `${name}: sha256 ${digest}`),
  ];
}

const sentence = (text: string) => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
