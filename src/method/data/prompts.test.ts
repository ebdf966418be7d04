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

async function read(name: string, content: string | Uint8Array): Promise<string[]> {
  await writeFile(join(folder, name), content);
  return readPrompts(join(folder, name));
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
    'i.json: item 2: expected text, or an object with a text "prompt", got {"promt":"b"}.',
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
