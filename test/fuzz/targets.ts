/** Every kind of file that comes from outside, with sound examples that our own writers made. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tableFromJSON, tableToIPC } from "apache-arrow";
import { sha256 } from "../../src/base/core/digest.ts";
import { openTable } from "../../src/base/files/table.ts";
import { readAdapter, writeAdapter } from "../../src/engine/checkpoint/adapter.ts";
import { openModelFolder } from "../../src/engine/checkpoint/model-folder.ts";
import { openSafetensors, writeSafetensors } from "../../src/engine/checkpoint/safetensors.ts";
import { describeModel } from "../../src/engine/model/families/index.ts";
import { parameterShapes } from "../../src/engine/model/model.ts";
import { parseChatTemplate } from "../../src/engine/text/template.ts";
import { loadTokenizer } from "../../src/engine/text/tokenizer.ts";
import { readPreferences } from "../../src/method/data/load.ts";
import { parquetBytes } from "../../src/method/data/parquet-columns.ts";
import { LABEL_COLUMNS, labelRecord } from "../../src/method/data/writers.ts";
import { parseLabels, serializeLabel } from "../../src/method/labels/label-file.ts";
import { readScoreFile, serializeScores } from "../../src/method/teacher/score-file.ts";
import { jobOf } from "../../src/pipeline/recipe/job.ts";
import { loadRecipe } from "../../src/pipeline/recipe/parse.ts";
import { TINY_CONFIGS } from "../helpers/tiny-decoders.ts";
import { writeTinyFolder } from "../helpers/tiny-folder.ts";
import type { Target } from "./harness.ts";
import { HTTP_TARGET } from "./http-target.ts";
import { makeParts, makeTemplate } from "./programs.ts";

/** A sound tokenizer.json, whose parts others take the place of. */
let sound: Record<string, unknown> = {};

/** Parses a template and writes a short chat with it. */
async function renderBoth(input: Buffer): Promise<void> {
  const tokens = { bos_token: "<s>", eos_token: "</s>" };
  parseChatTemplate("t.jinja", input.toString(), tokens).render(
    [
      { role: "user", content: "Hi there" },
      { role: "assistant", content: "Hello" },
    ],
    true,
  );
}

/** A target that writes its input to a file of the folder and reads that. */
function fileTarget(
  name: string,
  damage: Target["damage"],
  file: string,
  seeds: Target["seeds"],
  read: (path: string, folder: string) => Promise<unknown>,
  names?: RegExp,
): Target {
  return {
    name,
    damage,
    seeds,
    ...(names === undefined ? {} : { names }),
    read: async (input, folder) => {
      await writeFile(join(folder, file), input);
      await read(join(folder, file), folder);
    },
  };
}

const tiny = (folder: string) => writeTinyFolder(folder, "m", { seed: 1, chatTemplate: TEMPLATE });
const TEMPLATE =
  "{% for message in messages %}{% if message.role == 'user' %}<u>{{ message.content | trim }}{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}";

const tensors = ["a.weight", "b.weight", "c"].map((name, i) => ({
  name,
  shape: [2, i + 1],
  data: Float32Array.from({ length: 2 * (i + 1) }, (_, k) => k / 3),
}));

const PAIRS = Array.from({ length: 6 }, (_, i) => ({
  prompt: `What is ${i}?`,
  chosen: `It is ${i}, "quoted", and\nmore.`,
  rejected: "No é.",
}));
const CHATS = PAIRS.map(({ prompt, chosen, rejected }) => ({
  prompt: [{ role: "user", content: prompt }],
  chosen: [{ role: "assistant", content: chosen }],
  rejected: [{ role: "assistant", content: rejected }],
  score_chosen: 2.5,
  score_rejected: 1,
}));
const lines = (rows: readonly object[]) =>
  Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
const csv = Buffer.from(
  `prompt,chosen,rejected\n${PAIRS.map((row) =>
    Object.values(row)
      .map((text) => `"${text.replaceAll('"', '""')}"`)
      .join(","),
  ).join("\n")}\n`,
);

async function readAll(file: string): Promise<void> {
  let records = 0;
  for await (const _ of openTable(file)) records++;
  if (records === 0) throw new Error("no records and no error");
  await readPreferences(file);
}

const LABELLED = PAIRS.map((row, i) => ({
  ...row,
  id: `r${i}`,
  chosenIndex: 0 as const,
  scoreChosen: 1.5,
  scoreRejected: -0.5,
  margin: 2,
  pChosen: 0.9,
  weight: 0.76,
  labelSource: "weak",
  flags: i % 2 === 0 ? [] : ["truncated"],
}));
const LABELS = LABELLED.map(({ id }, i) => ({
  id,
  preferred: "a" as const,
  scoreA: 1.5,
  scoreB: -0.5,
  margin: 2,
  pA: 0.9,
  pChosen: 0.9,
  flags: i === 0 ? ["length-gap"] : [],
  teacher: "weak",
}));
const SCORES = LABELLED.map(({ id }) => ({
  id,
  scoreA: 1.5,
  scoreB: -0.5,
  lengthA: 4,
  lengthB: 5,
  tokens: 20,
  flags: [],
}));

const RECIPE = `version: 1
name: x
models: { weak: w, student: { source: s, vocabulary: trim } }
data:
  source: { file: pairs.jsonl, limit: 100, map: "prompt=q,chosen=a,rejected=b" }
  split: { labelled: 0.3, unlabelled: 0.5, test: 0.2 }
teacher: { kind: implicit-reward, prefer: { beta: 0.2, loss: { type: cdpo, flip: 0.1 } } }
label: { select: { kind: top, percent: 30 }, weight: tanh }
student:
  sft: &sft { learning_rate: 1.0e-5, num_train_epochs: 2 }
  prefer: { learning_rate: 5.0e-6, loss: { type: sigmoid, beta: 0.5, weighted: true } }
  lora: { r: 8, alpha: 16, target_modules: [q_proj, v_proj] }
arms: [sft, weak, { labels: human, prefer: { loss: { weighted: false } } }]
eval: { gold: [sentiment], temperature: 0.7 }
`;

const configs = Object.values(TINY_CONFIGS).map((config) => Buffer.from(JSON.stringify(config)));

/** Puts a fitting checksum below damaged rows, so that what lies behind the checksum is reached too; one in four keeps its own. */
function withChecksum(text: string): string {
  if (text.length % 4 === 0) return text;
  const body = text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1);
  return `${body}${JSON.stringify({ rows: body.split("\n").length - 1, sha256: sha256(body) })}\n`;
}

/** All targets. */
export const TARGETS: readonly Target[] = [
  HTTP_TARGET,
  fileTarget(
    "safetensors",
    "binary",
    "x.safetensors",
    async (folder) => {
      const seeds: Buffer[] = [];
      for (const dtype of ["float32", "bfloat16"] as const) {
        await writeSafetensors(join(folder, "x.safetensors"), tensors, dtype);
        seeds.push(await readFile(join(folder, "x.safetensors")));
      }
      return seeds;
    },
    async (path) => {
      const source = await openSafetensors(path);
      try {
        for (const name of source.names) await source.read(name);
      } finally {
        await source.close();
      }
    },
  ),
  fileTarget(
    "safetensors-index",
    "json",
    "model.safetensors.index.json",
    async (folder) => {
      await writeFile(join(folder, "config.json"), "{}");
      await writeSafetensors(join(folder, "model-1.safetensors"), tensors.slice(0, 2));
      await writeSafetensors(join(folder, "model-2.safetensors"), tensors.slice(2));
      const weight_map = {
        "a.weight": "model-1.safetensors",
        "b.weight": "model-1.safetensors",
        c: "model-2.safetensors",
      };
      return [Buffer.from(JSON.stringify({ metadata: { total_size: 48 }, weight_map }))];
    },
    async (_, folder) => {
      const model = await openModelFolder(folder);
      try {
        for (const name of model.names) await model.read(name);
      } finally {
        await model.close();
      }
    },
  ),
  fileTarget(
    "config.json",
    "json",
    "m/config.json",
    async (folder) => [await readFile(join(await tiny(folder), "config.json")), ...configs],
    async (path, folder) => {
      const model = await openModelFolder(join(folder, "m"));
      try {
        const { decoder, task } = describeModel(model.config, path);
        parameterShapes(decoder, task);
      } finally {
        await model.close();
      }
    },
  ),
  ...["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"].map((file) =>
    fileTarget(
      file,
      "json",
      `m/${file}`,
      async (folder) => {
        await tiny(folder);
        return [
          file === "special_tokens_map.json"
            ? Buffer.from(
                JSON.stringify({ bos_token: "<s>", eos_token: { content: "</s>" }, pad_token: "</s>" }),
              )
            : await readFile(join(folder, "m", file)),
        ];
      },
      async (_, folder) => {
        const tokenizer = await loadTokenizer(join(folder, "m"));
        const ids = tokenizer.encode("Hello, wörld <s> 12");
        tokenizer.decode(ids);
        tokenizer.chatTemplate?.render([{ role: "user", content: "hi" }], true);
      },
      /wt-fuzz/,
    ),
  ),
  {
    name: "chat-template",
    damage: "text",
    names: /t\.jinja|chat template/,
    seeds: async () => [
      Buffer.from(TEMPLATE),
      Buffer.from(
        "{%- macro m(x) -%}{{ x | tojson }}{%- endmacro -%}{% set ns = namespace(a=0) %}{% for i in range(3) %}{% set ns.a = ns.a + i %}{% endfor %}{{ m(messages[0]) }}{{ messages[-1].content[:3] | upper }}{{ ns.a * 2 }}",
      ),
    ],
    read: renderBoth,
  },
  {
    ...fileTarget(
      "tokenizer patterns",
      "json",
      "m/tokenizer.json",
      async (folder) => {
        sound = JSON.parse(await readFile(join(await tiny(folder), "tokenizer.json"), "utf8"));
        return [Buffer.from(JSON.stringify(sound))];
      },
      async (_, folder) => {
        const tokenizer = await loadTokenizer(join(folder, "m"));
        for (const text of ["a".repeat(300), `${"ab ".repeat(80)}!`, "é\r\n 12  aB"])
          tokenizer.decode(tokenizer.encode(text));
      },
      /wt-fuzz/,
    ),
    make: (rng) => Buffer.from(JSON.stringify({ ...sound, ...makeParts(rng) })),
  },
  {
    name: "template programs",
    damage: "text",
    names: /t\.jinja|chat template/,
    seeds: async () => [Buffer.from(TEMPLATE)],
    make: (rng) => Buffer.from(makeTemplate(rng)),
    read: renderBoth,
  },
  fileTarget(
    "adapter_config.json",
    "json",
    "a/adapter_config.json",
    async (folder) => {
      const pair = (shape: number[]) => ({ name: "x", shape, data: new Float32Array(shape[0]! * shape[1]!) });
      await writeAdapter(join(folder, "a"), {
        config: {
          r: 2,
          loraAlpha: 4,
          loraDropout: 0,
          targetModules: ["q_proj"],
          taskType: "CAUSAL_LM",
          baseModel: "base",
          modulesToSave: [],
          useRslora: false,
          fanInFanOut: false,
        },
        lora: new Map([["model.layers.0.self_attn.q_proj", { a: pair([2, 4]), b: pair([4, 2]) }]]),
        saved: new Map(),
      });
      return [await readFile(join(folder, "a", "adapter_config.json"))];
    },
    (_, folder) => readAdapter(join(folder, "a")),
  ),
  fileTarget("jsonl", "json-lines", "x.jsonl", async () => [lines(PAIRS), lines(CHATS)], readAll),
  fileTarget("jsonl.gz", "binary", "x.jsonl.gz", async () => [gzipSync(lines(PAIRS))], readAll),
  fileTarget("json", "json", "x.json", async () => [Buffer.from(JSON.stringify(PAIRS))], readAll),
  fileTarget("csv", "text", "x.csv", async () => [csv], readAll),
  fileTarget(
    "parquet",
    "binary",
    "x.parquet",
    async () => [
      Buffer.from(parquetBytes(LABEL_COLUMNS, LABELLED.map(labelRecord))),
      Buffer.from(
        parquetBytes(
          ["prompt", "chosen", "rejected"].map((name) => ({ name, type: "content" as const })),
          CHATS,
        ),
      ),
    ],
    readAll,
  ),
  fileTarget(
    "arrow",
    "binary",
    "x.arrow",
    async () => [
      Buffer.from(tableToIPC(tableFromJSON(PAIRS), "stream")),
      Buffer.from(tableToIPC(tableFromJSON(PAIRS), "file")),
    ],
    readAll,
  ),
  fileTarget(
    "recipe",
    "text",
    "r.yaml",
    async () => [Buffer.from(RECIPE)],
    async (path) => jobOf(await loadRecipe(path)),
    /r\.yaml|recipe|loss/,
  ),
  {
    name: "labels",
    damage: "json-lines",
    names: /labels\.jsonl/,
    seeds: async () => [Buffer.from(LABELS.map((label) => `${serializeLabel(label)}\n`).join(""))],
    read: async (input) => parseLabels(input.toString(), "labels.jsonl"),
  },
  fileTarget(
    "scores",
    "json-lines",
    "scores.jsonl",
    async () => [Buffer.from(serializeScores(SCORES))],
    async (path) => {
      await writeFile(path, withChecksum(await readFile(path, "latin1")), "latin1");
      await readScoreFile(path);
    },
  ),
];
