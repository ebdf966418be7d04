import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeModelFolder } from "./write-model.ts";

// transformers 5.24: "Field 'final_logit_softcapping' expected float, got int (value: 30)".
test("a float that transformers wants as a float is spelt as one; other numbers stay as they are", async () => {
  const folder = await mkdtemp(join(tmpdir(), "write-model-"));
  const tensor = { name: "w", shape: [1], data: Float32Array.of(1) };
  const config = { final_logit_softcapping: 30, rms_norm_eps: 1e-6, hidden_size: 4, text: "rms_norm_eps: 3" };
  await writeModelFolder(join(folder, "m"), { config, tensors: [tensor] });
  const text = await readFile(join(folder, "m", "config.json"), "utf8");
  expect(text).toContain('"final_logit_softcapping": 30.0,');
  expect(text).toContain('"rms_norm_eps": 0.000001,');
  expect(text).toContain('"hidden_size": 4,');
  expect(JSON.parse(text)).toMatchObject(config);
  await rm(folder, { recursive: true });
});
