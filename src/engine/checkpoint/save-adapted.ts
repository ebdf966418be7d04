/** Writes a model that is kept as an adapter: what `openAdapted` reads, and what PEFT loads. */
import { join } from "node:path";
import { writeFileAtomic } from "../../base/core/files.ts";
import type { Model } from "../model/model.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { saveAdapter } from "./adapter-model.ts";
import { savedConfig } from "./load-model.ts";
import { carryTokenizer, configText } from "./write-model.ts";

/**
 * Writes the adapter with the config and the tokenizer of the whole model.
 * @param base - folder that the adapter was trained on; its weights are needed wherever the model is read
 * @throws CheckpointError when the model has no adapter, or the base no tokenizer
 */
export async function saveAdapted(runtime: Runtime, model: Model, path: string, base: string): Promise<void> {
  await saveAdapter(runtime, model, path, { baseModel: base });
  await writeFileAtomic(
    join(path, "config.json"),
    configText({ ...savedConfig(model), torch_dtype: "float32" }),
  );
  await carryTokenizer(base, path);
}
