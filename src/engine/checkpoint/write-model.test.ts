import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
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

test.each([
  ["one file", "float32", 5e9],
  ["shards", "bfloat16", 30],
] as const)("with the layout known before, %s hold the same bytes", async (_what, dtype, maxShardBytes) => {
  const folder = await mkdtemp(join(tmpdir(), "write-model-"));
  const tensors = [3, 4, 1, 20, 2].map((size, i) => ({
    ...{ name: `t${i}`, shape: [size, 2] },
    data: Float32Array.from({ length: 2 * size }, (_, k) => i + k / 3),
  }));
  const contents = { config: {}, tensors, dtype, maxShardBytes };
  const written = async (name: string, layout?: readonly { name: string; shape: number[] }[]) => {
    const path = join(folder, name);
    await writeModelFolder(path, { ...contents, layout });
    const files = (await readdir(path)).sort();
    return Promise.all(
      files.map(async (file) => [file, (await readFile(join(path, file))).toString("base64")]),
    );
  };
  const collected = await written("collected");
  expect(collected).toHaveLength(dtype === "float32" ? 2 : 6); // 12 + 16, 4, 80 and 8 bytes in shards of 30: config, index, four shards
  expect(await written("direct", tensors)).toEqual(collected);
  for (const wrong of [
    tensors.slice(1),
    [...tensors].reverse(),
    [...tensors, { name: "more", shape: [1] }],
  ]) {
    await expect(written("wrong", wrong)).rejects.toThrow("layout");
    expect(await readdir(folder)).not.toContain("wrong");
  }
  await rm(folder, { recursive: true });
});
