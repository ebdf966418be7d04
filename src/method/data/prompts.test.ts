import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPrompts } from "./prompts.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "prompts-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(name: string, content: string | Uint8Array): Promise<readonly string[]> {
  await writeFile(join(folder, name), content);
  return (await readPrompts([join(folder, name)])).prompts;
}

const rows = '{"prompt":"b","chosen":"x"}\n{"prompt":"a","chosen":"y"}\n{"prompt":"b","chosen":"z"}\n';

test("a table gives the different prompts of its column, in the file's order", async () => {
  expect(await read("p.jsonl", rows)).toEqual(["b", "a"]);
  expect(await read("p.jsonl.gz", gzipSync(rows))).toEqual(["b", "a"]);
  expect(await read("p.csv", 'chosen,prompt\nx,"b, c"\ny,a\nz,"b, c"\n')).toEqual(["b, c", "a"]);
});

test("lines of a text and a JSON list of texts are taken as they are, objects as rows", async () => {
  expect(await read("p.txt", '{"prompt":"b"}\n\nb\nb\n')).toEqual(['{"prompt":"b"}', "b", "b"]);
  expect(await read("p.json", '["b","a","b"]')).toEqual(["b", "a", "b"]);
  expect(await read("o.json", '[{"prompt":"b"},{"prompt":"a"},{"prompt":"b"}]')).toEqual(["b", "a"]);
});

test("what is no prompt is told with its place, and what was expected", async () => {
  await expect(read("i.json", '["a",{"promt":"b"}]')).rejects.toThrow(
    'i.json:2: expected text, or an object with a text "prompt", got {"promt":"b"}',
  );
  await expect(read("n.json", '{"prompt":"b"}')).rejects.toThrow(/expected a JSON list.*got {"prompt":"b"}/);
  await expect(read("c.jsonl", '{"promt":"b"}\n')).rejects.toThrow(
    /c\.jsonl:1: expected a column "prompt", got promt; did you mean "promt"\?/,
  );
  await expect(read("m.jsonl", '{"prompt":"b"}\n{"prompt":[{"role":"user"}]}\n')).rejects.toThrow(
    /m\.jsonl:2: column "prompt": expected text, got \[{"role":"user"}\]/,
  );
  await expect(read("e.txt", "\n")).rejects.toThrow(/holds no prompt/);
});

test("several sources, a folder and a glob: each different prompt once, bad rows of all listed or skipped", async () => {
  const other = await mkdtemp(join(tmpdir(), "prompts-folder-"));
  await writeFile(join(other, "a.jsonl"), '{"prompt":"b"}\n{"prompt":3}\n{"prompt":"a"}\n');
  await writeFile(join(other, "b.json"), '["c", 4, "b"]');
  await writeFile(join(other, "lines.txt"), "d\na\n");
  const sources = [join(other, "*.json*"), join(other, "lines.txt")];
  expect(await readPrompts(sources, { onBadRow: "skip" })).toMatchObject({
    prompts: ["b", "a", "c", "d"],
    bad: [{ line: 2 }, { line: 2 }],
  });
  expect((await readPrompts([other], { onBadRow: "skip" })).prompts).toEqual(["b", "a", "c"]);
  await expect(readPrompts([other])).rejects.toThrow(
    /a\.jsonl:2: .*got 3[\s\S]*b\.json:2: .*got 4[\s\S]*2 of 6 records are bad/,
  );
  await rm(other, { recursive: true });
});
