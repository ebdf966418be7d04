/** README.md of what is pushed to a hub: its header, and what is known of how it was made; every number is one of a file's. */
import { stringify } from "yaml";
import { inline, interval, list, percent } from "./card-words.ts";
import type { LabelCardFacts, PushSource } from "./push-source.ts";

/** What a card needs to know beside the source. */
export type HubCardInput = {
  readonly name: string;
  readonly license: string | undefined;
  readonly version: string;
};

/** The card of labels or of a model. */
export const hubCard = (source: PushSource, input: HubCardInput): string =>
  source.facts === undefined ? modelCard(source, input) : labelsCard(source, source.facts, input);

function labelsCard(
  source: PushSource,
  facts: LabelCardFacts,
  { name, license, version }: HubCardInput,
): string {
  const has = (file: string) => source.files.some((one) => one.name === file);
  const configs = [
    ...(has("training.parquet") ? [{ config_name: "default", data_files: "training.parquet" }] : []),
    { config_name: "labels", data_files: "labels.jsonl" },
  ];
  return `${header({ license: license ?? "unknown", tags: ["weak-teacher", "preference", "synthetic"], configs })}
# ${inline(name)}

Preferences by a small model, made by weak-teacher ${version}. They are its opinions, not people's.

| | pairs |
| --- | --- |
${Object.entries(rowsOf(facts))
  .map(([what, count]) => `| ${inline(what)} | ${count} |`)
  .join("\n")}

- \`training.parquet\`: the decided pairs in TRL's columns, with \`weight\` and \`p_chosen\`, the calibrated probability that people prefer \`chosen\`.
- \`labels.jsonl\`: one line for each pair of the pool, ties and abstentions too; \`p_a\` is the probability that people prefer the first.

## How they were made

${list([...teacherLines(facts), ...qualityLines(facts)])}

Settings of the labels (\`facts.json\`):

\`\`\`yaml
${stringify(facts.settings).trim()}
\`\`\`
${provenance(source)}`;
}

const rowsOf = ({ counts }: LabelCardFacts): Record<string, number> => ({
  labelled: counts.pairs,
  "first preferred": counts.a,
  "second preferred": counts.b,
  tie: counts.tie,
  abstained: counts.abstain,
  "not selected": counts.unselected,
  ...Object.fromEntries(Object.entries(counts.flags).map(([flag, count]) => [`flag: ${flag}`, count])),
});

const teacherLines = ({ teacher }: LabelCardFacts) =>
  teacher === null
    ? ["teacher: not recorded"]
    : [`teacher: ${inline(teacher.name)}, ${inline(teacher.kind)}, sha256 ${inline(teacher.digest)}`];

function qualityLines({ heldOutAccuracy, calibration, promise }: LabelCardFacts): string[] {
  const ece = calibration?.after?.ece;
  return [
    heldOutAccuracy?.share
      ? `agreement with people on ${heldOutAccuracy.n} held-out pairs: ${percent(heldOutAccuracy.share)}`
      : "agreement with people: not measured",
    ...(ece ? [`calibration error of the probabilities (ECE, held-out pairs): ${interval(ece)}`] : []),
    promise === null || promise === undefined
      ? "no promise about disagreement was asked for"
      : `promise: \`${JSON.stringify(promise)}\``,
  ];
}

function modelCard(source: PushSource, { name, license, version }: HubCardInput): string {
  return `${header({ license: license ?? "unknown", library_name: "transformers", tags: ["weak-teacher"] })}
# ${inline(name)}

${
  source.record === undefined
    ? `Pushed with weak-teacher ${version}. No record of how it was made lay beside it.`
    : `Made by weak-teacher ${inline(source.record.identity.code)}, stage \`${inline(source.record.identity.name)}\`, finished ${inline(source.record.finishedAt)}.`
}
What it was measured at stands in the report of its run, not here.
${provenance(source)}`;
}

/** The record of the stage and the recipe around it. */
function provenance({ record, recipe, files }: PushSource): string {
  if (record === undefined) return "";
  const { identity, outputs } = record;
  const outputOf = (name: string) => outputs[name] ?? outputs[`model/${name}`];
  const digests = files.flatMap(({ name }) => {
    const output = outputOf(name);
    return output === undefined ? [] : [`${inline(name)}: sha256 ${output.sha256}`];
  });
  const whole = recipe === undefined ? "" : `\nThe recipe of the run, without folders:\n${yaml(recipe)}`;
  return `
## Provenance

Stage \`${inline(identity.name)}\`, key ${record.key}. Its settings, and the digests of what went in:
${yaml({ settings: identity.config, inputs: identity.inputs })}
Digests of the files when they were made:

${list(digests)}
${whole}`;
}

const yaml = (value: unknown) => `\n\`\`\`yaml\n${stringify(value).trim()}\n\`\`\`\n`;
const header = (value: object) => `---\n${stringify(value)}---`;
