/** `weak-teacher import`: model formats other than Hugging Face folders. */
import { readdir, stat } from "node:fs/promises";
import { basename } from "node:path";
import { type Command, Option } from "commander";
import { CheckpointError, ConfigError, pathProblem } from "../../../base/core/errors.ts";
import { openForReading, readWhole } from "../../../base/core/regular-file.ts";
import type { WeightDtype } from "../../../engine/checkpoint/dtypes.ts";
import { STORIES } from "../../../engine/checkpoint/stories15m.ts";
import { examples } from "../options.ts";
import { act, type Session } from "../session.ts";

type ImportOptions = { readonly tokenizer?: string; readonly dtype?: WeightDtype; readonly out: string };

/** Adds the verb `import`. */
export function addImport(program: Command): void {
  program
    .command("import")
    .description("turn a GGUF file or a llama2.c checkpoint into a Hugging Face model folder")
    .argument(
      "<model>",
      `a GGUF file (llama.cpp, Ollama, LM Studio), a llama2.c "legacy" model.bin, or ${STORIES}`,
    )
    .option("--tokenizer <file>", "the tokenizer.bin that belongs to model.bin")
    .addOption(
      new Option(
        "--dtype <dtype>",
        "how a GGUF file's weights are stored; default float32, which is exact",
      ).choices(["float32", "float16", "bfloat16"]),
    )
    .requiredOption(
      "--out <folder>",
      "the model folder to write; a model that import wrote there is replaced",
    )
    .addHelpText(
      "after",
      examples([
        "import SmolLM2-135M-Instruct.Q4_1.gguf --out models/smollm2",
        `import ${STORIES} --out models/stories15M`,
        "import model.bin --tokenizer tokenizer.bin --out models/mine",
      ]),
    )
    .action(act(runImport));
}

async function runImport(session: Session, model: string, options: ImportOptions): Promise<void> {
  const { openModelFolder } = await import("../../../engine/checkpoint/model-folder.ts");
  await checkReplaceable(options.out);
  const told = (await isGguf(model))
    ? await importGgufFile(model, options)
    : await importStories(model, options);
  const folder = await openModelFolder(options.out);
  const { names, config } = folder;
  await folder.close();
  session.result(
    { out: options.out, ...told, tensors: names.length, config },
    `${options.out}: ${names.length} tensors, ${String(config.num_hidden_layers)} layers, ${String(config.hidden_size)} wide, ${String(config.vocab_size)} tokens${told.text}`,
  );
}

/** A file of that name or beginning; folders and names of models are not. */
async function isGguf(path: string): Promise<boolean> {
  if (path.endsWith(".gguf")) return true;
  const file = await openForReading(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0).catch(() => ({ buffer: Buffer.alloc(4) }));
    return buffer.toString("latin1") === "GGUF";
  } finally {
    await file.close();
  }
}

async function importGgufFile(model: string, { tokenizer, dtype, out }: ImportOptions) {
  if (tokenizer !== undefined)
    throw new ConfigError("--tokenizer: has no effect with a GGUF file, which brings its own. Leave it out.");
  const { importGguf } = await import("../../../engine/checkpoint/gguf/import-gguf.ts");
  const told = await importGguf(model, out, dtype);
  const types = Object.entries(told.types).map(([type, count]) => `${count} ${type}`);
  const template = told.chatTemplate ? "with a chat template" : "without a chat template";
  return { ...told, text: `; ${told.architecture}, stored as ${types.join(", ")}, ${template}` };
}

async function importStories(model: string, { tokenizer, dtype, out }: ImportOptions) {
  if (dtype !== undefined)
    throw new ConfigError(
      "--dtype: has no effect with a llama2.c model, whose weights are float32. Leave it out.",
    );
  const { importLlama2c } = await import("../../../engine/checkpoint/llama2c.ts");
  const files = await openFiles(model, tokenizer);
  await importLlama2c({ ...files, out, name: basename(model, ".bin") });
  return { text: "" };
}

/** What import writes. */
const WRITTEN = [
  "README.md",
  "chat_template.jinja",
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "model.safetensors.index.json",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer_config.json",
];

/** @throws ConfigError when there is anything at a path that is not an imported model */
async function checkReplaceable(out: string): Promise<void> {
  const info = await stat(out).catch(() => undefined);
  if (info === undefined) return;
  const inside = info.isDirectory() ? await readdir(out) : ["no folder"];
  const other = inside.find(
    (name) => !WRITTEN.includes(name) && !/^model-\d{5}-of-\d{5}\.safetensors$/.test(name),
  );
  if (other === undefined) return;
  const what = info.isDirectory() ? `holds ${other}, which import did not write` : "is a file";
  throw new ConfigError(`--out ${out}: ${what}. Choose another folder, or remove it.`);
}

async function openFiles(model: string, tokenizer: string | undefined) {
  if (model === STORIES) {
    if (tokenizer !== undefined)
      throw new ConfigError(
        `--tokenizer: has no effect with ${STORIES}, which brings its own. Leave it out.`,
      );
    const { extractStories15M } = await import("../../../engine/checkpoint/stories15m.ts");
    return extractStories15M();
  }
  if (tokenizer === undefined)
    throw new ConfigError("--tokenizer: is missing; a llama2.c model needs its tokenizer.bin beside it.");
  return { model: await readBytes(model), tokenizer: await readBytes(tokenizer) };
}

/** Most bytes of a file that is read whole; larger llama2.c models exist only as sharded exports. */
const MAX_BYTES = 2 ** 31 - 1;

async function readBytes(path: string): Promise<Uint8Array> {
  const fail = (error: unknown) => {
    throw new CheckpointError(path, pathProblem(error), { cause: error });
  };
  const { size } = await stat(path).catch(fail);
  if (size > MAX_BYTES)
    throw new CheckpointError(path, `is too large, expected at most ${MAX_BYTES} bytes, got ${size}.`);
  return readWhole(path).catch(fail);
}
