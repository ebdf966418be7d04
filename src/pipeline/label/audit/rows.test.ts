import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeTinyModel } from "../../../../test/helpers/tiny-model.ts";
import { withDeps } from "../../stages/open-deps.ts";
import { auditDataStage } from "./rows.ts";
import type { AuditRequest } from "./settings.ts";

test("rows are read again when the model's chat template changes, which says what rows it takes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wt-audit-rows-"));
  await writeTinyModel(folder, { family: "llama", seed: 1 });
  const request = {
    ...{ file: "pairs.jsonl", digest: "0", read: { onBadRow: "skip" }, folds: 2, seed: 0 },
    ...{ plant: undefined, model: { source: folder } },
  } as unknown as AuditRequest;
  const key = async () => {
    const how = { folder, code: "1", mode: "plan" } as const;
    return (await withDeps(how, (deps) => auditDataStage(deps, request))).steps[0]!.key;
  };
  const before = await key();
  const file = join(folder, "tokenizer_config.json");
  const config = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...config, chat_template: "{{ messages[0].content }}" }));
  expect(await key()).not.toBe(before);
  await rm(folder, { recursive: true });
});
