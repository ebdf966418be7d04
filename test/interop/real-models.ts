/** Pretrained models that come as packages of weights (`scripts/python-env.sh NAME`): where their GGUF file lies, and what is asked of them. */
import { createReadStream, createWriteStream, existsSync, readdirSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import type { TokenRow } from "../../src/method/data/packing.ts";
import type { ModelSizes } from "../helpers/rounding.ts";
import { findPython } from "./python.ts";

/** A model, its file's digest and its sizes. */
export type RealModel = {
  readonly name: string;
  /** What scripts/python-env.sh calls it. */
  readonly environment: string;
  readonly sha256: string;
  readonly sizes: ModelSizes;
  /** True for models that were trained on conversations. */
  readonly chat: boolean;
};

/** Those that are held against transformers and TRL. */
export const REAL_MODELS: readonly RealModel[] = [
  {
    ...{ name: "SmolLM2-135M-Instruct", environment: "smollm2", chat: true },
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    sizes: { layers: 30, hidden: 576, inner: 1536, vocab: 49_152, positions: 96 },
  },
  {
    ...{ name: "Gemma 3 270M", environment: "gemma3", chat: false },
    sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    sizes: { layers: 18, hidden: 640, inner: 2048, vocab: 262_144, positions: 96 },
  },
];

/** The file of a model in its environment, whole or in parts, in order; none where the environment was not made. */
export function weightFiles({ environment }: RealModel): readonly string[] {
  const python = findPython([environment]);
  if (python === undefined) return [];
  const lib = join(dirname(dirname(python)), "lib");
  if (!existsSync(lib)) return [];
  return readdirSync(lib, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.gguf(\.part\d+)?$/.test(name))
    .map((name) => join(lib, name))
    .sort();
}

/** Writes the parts of a file one after another. */
export async function writeJoined(parts: readonly string[], path: string): Promise<void> {
  for (const [i, part] of parts.entries())
    await pipeline(createReadStream(part), createWriteStream(path, { flags: i === 0 ? "wx" : "a" }));
}

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Some 10,000 are different from each other. */
const MOST_TEXTS = 10_000;

/** Texts as people write them: the lines and paragraphs of this repository's pages and sources; and the awkward ones of pre_tokenizers.py. */
export async function manyTexts(): Promise<string[]> {
  const awkward = JSON.parse(await readFile(join(root, "test/interop/pre-tokenizers.json"), "utf8"));
  const texts = new Set<string>(awkward.texts);
  for (const folder of ["docs", "assets", "src"])
    for (const name of (await readdir(join(root, folder), { recursive: true })).sort()) {
      if (!/\.(md|ts|mjs|json|jsonl)$/.test(name)) continue;
      const text = await readFile(join(root, folder, name), "utf8");
      for (const part of [...text.split("\n\n"), ...text.split("\n")])
        if (part.trim() !== "" && texts.size < MOST_TEXTS) texts.add(part.slice(0, 2000));
    }
  return [...texts];
}

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

/** Conversations: with a system message and without, several turns, white space at the edges, digits, control words spelt out. */
export const CONVERSATIONS = [
  [user("Which is larger, 7 or 19?")],
  [
    { role: "system", content: "Answer in one word." },
    user("A colour?"),
    assistant("Blue"),
    user("Another?"),
  ],
  [user("  Count to 12.\n"), assistant("1\n2\n\n3 "), user("more\n\n4"), assistant("\n5")],
  [user("What is <|im_end|> or <end_of_turn>?"), assistant("A marker.")],
  [user("Où est l'été ? 東京は？ 🙂")],
] as const;

/** Pairs to take a step on. */
export const PAIRS = [
  ["How do I boil an egg?", "Put it in boiling water for 9 minutes.", "Eggs are laid by hens."],
  ["Write one sentence about rain.", "Rain fell on the roof all night.", "I cannot do that."],
  ["What is 12 + 30?", "42", "It is a number, I think it may be 40 or so."],
  ["Is it rude to be late?", "It can be: people wait for you. Say that you will be late.", "No."],
] as const;

/** As `PAIRS`, in the words that a model was trained on. */
export const pairTexts = (chat: boolean) =>
  PAIRS.map(([question, a, b]) =>
    chat
      ? { prompt: [user(question)], a: [assistant(a)], b: [assistant(b)] }
      : { prompt: `${question}\n`, a, b },
  );

/** A row of ids as TRL's trainers take it. */
export const rowThere = ({ prompt, responses: [chosen, rejected] }: TokenRow): object => ({
  ...{ prompt_ids: prompt, chosen_ids: chosen, rejected_ids: rejected },
});
