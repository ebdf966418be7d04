import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestSource } from "./source-digest.ts";

test("another file, another name or another content is another source", async () => {
  const folder = await mkdtemp(join(tmpdir(), "digest-"));
  const at = (name: string) => join(folder, name);
  try {
    await writeFile(at("a.jsonl"), "{}\n");
    const one = await digestSource(folder);
    await writeFile(at("b.jsonl"), "{}\n");
    const two = await digestSource(at("*.jsonl"));
    expect(await digestSource(folder)).toBe(two);
    await writeFile(at("b.jsonl"), '{"x": 1}\n');
    const changed = await digestSource(folder);
    expect(new Set([one, two, changed]).size).toBe(3);
    await writeFile(at("README.md"), "no data");
    expect(await digestSource(folder)).toBe(changed);
  } finally {
    await rm(folder, { recursive: true });
  }
});
