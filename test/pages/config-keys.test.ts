/** docs/config-keys.md is made here: `npx vitest run test/pages/config-keys.test.ts -u` writes it anew. */
import { expect, test } from "vitest";
import { ConfigReader, type HarmlessKeys } from "../../src/engine/model/config.ts";
import { COMMON_HARMLESS } from "../../src/engine/model/config-keys.ts";
import { FAMILIES } from "../../src/engine/model/families/index.ts";
import type { Family } from "../../src/engine/model/family.ts";
import { TINY_CONFIGS } from "../helpers/tiny-decoders.ts";

const HEAD = `# Keys of config.json

Every key of a model's \`config.json\` is read, known to change no number here, or refused by name. This page is made from the tables
that do it (\`test/pages/config-keys.test.ts\`); a key that is on it nowhere is refused, unless it is null. How positions are read:
[families.md](families.md#rotary-positions).

In every family: \`model_type\`, \`architectures\`, \`id2label\` and \`num_labels\` (one label makes a reward model) are read; \`dtype\` and
\`torch_dtype\` must agree, and change nothing (weights are read as stored, arithmetic is float32); \`quantization_config\` is refused.
`;

const code = (keys: readonly string[]) => keys.map((key) => `\`${key}\``).join(", ");

/** Keys by their reason, each with the values for which it holds. */
function harmlessLines(table: HarmlessKeys): string[] {
  const byReason = new Map<string, string[]>();
  for (const [key, { why, expected }] of Object.entries(table)) {
    const reason = expected === undefined ? why : `only while ${expected}`;
    byReason.set(reason, [...(byReason.get(reason) ?? []), key]);
  }
  return [...byReason].map(([reason, keys]) => `- ${code(keys)}: ${reason}.`);
}

/** What a family reads: found by letting it read each of its tiny configs. */
function familyLines(family: Family): string[] {
  const [asked, fixed] = [new Set<string>(), new Map<string, unknown>()];
  for (const config of Object.values(TINY_CONFIGS).filter((c) => c["model_type"] === family.modelType)) {
    const reader = new ConfigReader(config, "config.json");
    family.configure(reader);
    for (const key of reader.asked) asked.add(key);
    for (const [key, value] of reader.fixed) fixed.set(key, value);
  }
  const read = [...asked].filter((key) => !fixed.has(key)).sort();
  const only = [...fixed].map(([key, value]) => `\`${key}\` (${JSON.stringify(value)})`);
  return [
    "",
    `## ${family.modelType}`,
    "",
    `Read: ${code(read)}.`,
    ...(only.length > 0 ? ["", `One value only, others refused: ${only.join(", ")}.`] : []),
    ...(Object.keys(family.harmless).length > 0
      ? ["", "Harmless:", "", ...harmlessLines(family.harmless)]
      : []),
    ...(family.container === undefined
      ? []
      : [
          "",
          `Out of a \`${family.container.modelType}\` checkpoint: what its \`text_config\` says. Beside it, harmless:`,
          "",
          ...harmlessLines(family.container.harmless),
        ]),
  ];
}

test("every family has a tiny config", () => {
  const there = new Set(Object.values(TINY_CONFIGS).map((config) => config["model_type"]));
  expect(FAMILIES.map((family) => family.modelType).filter((type) => !there.has(type))).toEqual([]);
});

test("docs/config-keys.md is what the tables say", async () => {
  const lines = [
    HEAD,
    "## Harmless in every family",
    "",
    ...harmlessLines(COMMON_HARMLESS),
    ...FAMILIES.flatMap(familyLines),
    "",
  ];
  await expect(lines.join("\n")).toMatchFileSnapshot("../../docs/config-keys.md");
});
