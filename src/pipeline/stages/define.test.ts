import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { rowKind } from "../../base/files/row-file.ts";
import { type Digested, defineStage, digested, type Ref, type Running } from "./define.ts";
import { withDeps } from "./open-deps.ts";
import { jsonFile, jsonlFile } from "./stage-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-define-"));
});
afterEach(() => rm(folder, { recursive: true }));

type Config = { readonly word: string; readonly unset?: number | undefined };
type Inputs = {
  readonly from: Ref;
  readonly beside?: Ref | undefined;
  readonly all: readonly Ref[];
  readonly long: Digested<readonly number[]>;
};
const SEEN = jsonFile("seen.json", z.unknown());
const asks = defineStage({
  version: 1,
  run: ({ work, config, inputs, how }: Running<Config, Inputs, { readonly patience: number }>) =>
    SEEN.write(work, [config.word, inputs.from.folder, inputs.all.length, inputs.long.value, how.patience]),
});

const ref = (digest: string, at = "/a"): Ref => ({ folder: at, source: digest });
const asked = {
  name: "asks",
  config: { word: "w" } as Config,
  inputs: { from: ref("1"), all: [ref("2"), ref("3")], long: digested([1, 2]) } as Inputs,
  how: { patience: 1 },
};
const ask = async (change: Partial<typeof asked> = {}) => {
  const work = await withDeps({ folder, code: "1" }, (deps) => asks(deps, { ...asked, ...change }));
  return { ...work.steps[0]!, seen: await SEEN.read(work.result) };
};

test("a stage sees its config, its inputs and how it is to work", async () => {
  expect((await ask()).seen).toEqual(["w", "/a", 2, [1, 2], 1]);
});

test("all that it sees is in its key, but where inputs lie and how it works", async () => {
  await ask();
  const { inputs } = asked;
  const same = { inputs: { ...inputs, from: ref("1", "/b"), beside: undefined }, how: { patience: 2 } };
  expect((await ask({ ...same, config: { word: "w", unset: undefined } })).state).toBe("cached");
  const others = [
    { config: { word: "v" } },
    { inputs: { ...inputs, from: ref("9") } },
    { inputs: { ...inputs, beside: ref("9") } },
    { inputs: { ...inputs, all: [ref("2")] } },
    { inputs: { ...inputs, all: [ref("3"), ref("2")] } },
    { inputs: { ...inputs, long: digested([2, 1]) } },
  ];
  for (const other of others) expect((await ask(other)).state, JSON.stringify(other)).toBe("run");
});

test("a damaged line of a stage's file is named", async () => {
  const rows = jsonlFile("rows.jsonl", rowKind({ what: "number", schema: z.object({ n: z.number() }) }));
  const at = { path: (name: string) => join(folder, name) };
  await rows.write(at, [{ n: 1 }, { n: 2 }]);
  expect(await rows.read(at)).toEqual([{ n: 1 }, { n: 2 }]);
  await SEEN.write({ path: () => at.path("rows.jsonl") }, 3);
  await expect(rows.read(at)).rejects.toThrow(/rows.jsonl:1/);
});
