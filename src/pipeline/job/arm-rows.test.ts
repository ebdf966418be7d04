/** Rows of arms on a small data folder: six pooled pairs, whose weak labels are right on four. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../base/core/digest.ts";
import { isPlain, type MainJob, plainRows, type RowSpec } from "../recipe/job-settings.ts";
import { artefactAt } from "../stages/stage.ts";
import { armRows, rowWords } from "./arm-rows.ts";
import { writeData } from "./data-files.ts";
import { startOf } from "./student-stages.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-arms-"));
  const path = (...parts: string[]) => join(folder, "data", ...parts);
  const ids = [1, 2, 3, 4, 5, 6];
  const work = { folder: path(), resumed: false, scratch: path("s"), log: path("log"), path };
  await mkdir(path("pool"), { recursive: true });
  await mkdir(path("hidden"), { recursive: true });
  await writeData(work, {
    labelled: [
      { id: "l1", prompt: "q1", chosen: " good", rejected: " bad" },
      { id: "l2", prompt: "q2", chosen: " good", rejected: " bad" },
      // A third of the prompts is kept to calibrate on.
      { id: "l3", prompt: "q3", chosen: " good", rejected: " bad" },
    ],
    pool: ids.map((i) => ({ id: `p${i}`, prompt: `x${i}`, a: ` a${i}`, b: ` b${i}` })),
    humanLabels: ids.map((i) => ({ id: `p${i}`, preferred: "a" })),
    gold: ids.map((i) => ({ id: `p${i}`, goldA: i, goldB: 3.5 })),
    test: [],
    prompts: [],
    quality: { source: "", format: "", rows: 0, parts: {}, findings: [] },
  });
  // The teacher prefers b on p1 and p2, and abstains on p6.
  const weak = ids.slice(0, 5).map((i) => {
    const [chosen, rejected] = i <= 2 ? [` b${i}`, ` a${i}`] : [` a${i}`, ` b${i}`];
    const label = { weight: i / 10, p_chosen: 0.5 + i / 20, label_source: "teacher" };
    return { id: `p${i}`, prompt: `x${i}`, chosen, rejected, ...label };
  });
  await mkdir(join(folder, "weak"));
  await writeFile(
    join(folder, "weak", "training.jsonl"),
    weak.map((row) => `${JSON.stringify(row)}\n`).join(""),
  );
});
afterAll(() => rm(folder, { recursive: true }));

const material = () => ({
  job: { seed: 3, label: { heldOut: 1 / 3 } } as MainJob,
  data: artefactAt("data", join(folder, "data"), "d"),
  weak: artefactAt("weak-labels", join(folder, "weak"), "w"),
});

/** Preferred responses by id, such as "a1". */
async function chosen(labels: RowSpec["labels"], more: Partial<RowSpec> = {}, seed = 3): Promise<string[]> {
  const all = { ...material(), job: { seed, label: { heldOut: 1 / 3 } } as MainJob };
  const { rows } = await armRows(all, { ...plainRows(labels), ...more }).read();
  return rows.map((row) => String(row.chosen).trim());
}

describe("rows of an arm", () => {
  test("are the weak labels' or people's", async () => {
    expect(await chosen("weak")).toEqual(["b1", "b2", "a3", "a4", "a5"]);
    expect(await chosen("human")).toEqual(["a1", "a2", "a3", "a4", "a5", "a6"]);
    // Gold is i for a and 3.5 for b.
    expect(await chosen("gold")).toEqual(["b1", "b2", "b3", "a4", "a5", "a6"]);
  });

  test("weak labels keep the tools of a prompt, which are columns of their file", async () => {
    const file = join(folder, "tools", "training.jsonl");
    const tools = [{ type: "function", function: { name: "add" } }];
    const label = { weight: 1, p_chosen: 0.9, label_source: "teacher", tools };
    const row = { id: "p1", prompt: [{ role: "user", content: "x1" }], chosen: " a1", rejected: " b1" };
    await mkdir(join(folder, "tools"));
    await writeFile(file, `${JSON.stringify({ ...row, ...label })}\n`);
    const weak = artefactAt("weak-labels", join(folder, "tools"), "w");
    const { rows } = await armRows({ ...material(), weak }, plainRows("weak")).read();
    expect(rows[0]!.prompt).toEqual([{ role: "user", content: "x1", template_inputs: { tools } }]);
  });

  test("keep where the weak label is the person's, or is not, with either's labels", async () => {
    expect(await chosen("weak", { subset: "match" })).toEqual(["a3", "a4", "a5"]);
    expect(await chosen("weak", { subset: "mismatch" })).toEqual(["b1", "b2"]);
    expect(await chosen("human", { subset: "mismatch" })).toEqual(["a1", "a2"]);
  });

  test("turned round at the teacher's rate: two of six, wherever they fall; match and mismatch part them", async () => {
    const all = await chosen("human", { flip: "teacher" });
    expect(all.filter((text) => text.startsWith("b"))).toHaveLength(2);
    const match = await chosen("human", { flip: "teacher", subset: "match" });
    const mismatch = await chosen("human", { flip: "teacher", subset: "mismatch" });
    expect(match).toHaveLength(4);
    expect(match.every((text) => text.startsWith("a"))).toBe(true);
    expect([...match, ...mismatch].sort()).toEqual([...all].sort());
    const other = await Promise.all([4, 5, 6, 7].map((seed) => chosen("human", { flip: "teacher" }, seed)));
    expect(other.some((rows) => rows.join() !== all.join())).toBe(true);
  });

  test("gold labels with as many errors as the teacher's by gold: the closest calls, or where it is least sure", async () => {
    // Gold prefers b, b, b, a, a, a; the teacher says otherwise of p3 alone, is least sure of p1 and did not decide p6.
    const of = (more: Partial<RowSpec>) => chosen("gold", { flip: "teacher", ...more });
    expect(await of({ flipWhich: "close" })).toEqual(["b1", "b2", "a3", "a4", "a5", "a6"]);
    expect(await of({ flipWhich: "unsure" })).toEqual(["b1", "b2", "b3", "a4", "a5", "b6"]);
    expect(await chosen("gold", { flip: 0.34, flipWhich: "close" })).toEqual("b1 b2 a3 b4 a5 a6".split(" "));
    expect(await chosen("gold", { flip: 0.34, flipWhich: "unsure" })).toEqual("a1 b2 b3 a4 a5 b6".split(" "));
    const random = await of({});
    expect(random.filter((text, i) => text !== ["b1", "b2", "b3", "a4", "a5", "a6"][i])).toHaveLength(1);
  });

  test("a larger share turns the same ones and more", async () => {
    const flipped = async (flip: number) =>
      (await chosen("human", { flip })).filter((text) => text.startsWith("b"));
    const [some, more] = [await flipped(0.34), await flipped(0.67)];
    expect([some.length, more.length]).toEqual([2, 4]);
    expect(more).toEqual(expect.arrayContaining(some));
    expect(await flipped(1)).toHaveLength(6);
  });

  test("people's labels with the teacher's weights leave out what it did not decide", async () => {
    const { rows } = await armRows(material(), {
      ...plainRows("human"),
      keptOnly: true,
      weightsFrom: "weak",
    }).read();
    expect(rows.map(({ id, weight, chosen }) => [id, weight, chosen])).toEqual(
      [1, 2, 3, 4, 5].map((i) => [`p${i}`, i / 10, ` a${i}`]),
    );
  });

  test("the labelled part alone, both parts, and as many pairs as are labelled", async () => {
    expect(await chosen("human", { data: "labelled" })).toEqual(["good", "good"]);
    expect(await chosen("weak", { data: "both" })).toEqual(["b1", "b2", "a3", "a4", "a5", "good", "good"]);
    const both = await armRows(material(), { ...plainRows("weak"), data: "both" }).read();
    expect(both.rows.map(({ weight }) => weight)).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 1, 1]);
    const two = await chosen("human", { size: "labelled" });
    expect(two).toHaveLength(2);
    expect(await chosen("human", { size: 3 })).toEqual(expect.arrayContaining(two));
    await expect(chosen("human", { size: 7 })).rejects.toThrow("size asks for 7 pairs, the arm has 6");
  });

  test("of a teacher that learns nothing: its labelled part is all that is labelled", async () => {
    const job = { seed: 3, label: { heldOut: 1, folds: 0 } } as MainJob;
    const rows = async (more: Partial<RowSpec>) =>
      (await armRows({ ...material(), job }, { ...plainRows("human"), ...more }).read()).rows;
    expect(await rows({ data: "labelled" })).toHaveLength(3);
    expect(await rows({ size: "labelled" })).toHaveLength(3);
  });

  test("of a teacher in folds: it learns from all that is labelled, which is another set of rows under another key", async () => {
    const rowsFor = (folds: number) => {
      const job = { seed: 3, label: { heldOut: 1 / 3, folds } } as MainJob;
      return armRows({ ...material(), job }, { ...plainRows("human"), data: "labelled" });
    };
    const [split, folded] = [rowsFor(0), rowsFor(5)];
    expect([(await split.read()).rows.length, (await folded.read()).rows.length]).toEqual([2, 3]);
    expect(digestOf(folded.spec)).not.toBe(digestOf(split.spec));
  });

  test("that are not the teacher's are certain, so that arms can share a weighted or a soft loss", async () => {
    for (const labels of ["human", "random", "gold"] as const)
      for (const more of [{}, { size: 3 }]) {
        const { rows } = await armRows(material(), { ...plainRows(labels), ...more }).read();
        expect(rows.length).toBeGreaterThan(0);
        expect(rows.every(({ weight, pChosen }) => weight === 1 && pChosen === 1)).toBe(true);
      }
    const { rows } = await armRows(material(), plainRows("weak")).read();
    expect(rows[0]).toMatchObject({ weight: 0.1, pChosen: 0.55 });
  });

  test("say in a stage's key what they depend on, and no more", () => {
    const source = (labels: RowSpec["labels"], more: Partial<RowSpec> = {}) =>
      armRows(material(), { ...plainRows(labels), ...more });
    expect(source("human").spec).toBeUndefined();
    expect(source("human", { data: "labelled" }).beside).toBeUndefined();
    expect(source("human", { subset: "match" }).beside?.digest).toBe("w");
    expect(source("human", { flip: 0.1 }).spec).toMatchObject({ flip: 0.1, seed: 3 });
    expect(source("gold", { flip: 0.1, flipWhich: "unsure" }).beside?.digest).toBe("w");
    expect(source("human", { subset: "match" }).spec).not.toHaveProperty("seed");
    expect(isPlain({ ...plainRows("weak"), subset: "match" })).toBe(false);
  });

  test("have words for the stage that fine-tunes on them", () => {
    expect(rowWords(plainRows("weak"))).toBe("weak");
    expect(rowWords({ ...plainRows("human"), flip: 0.25, subset: "mismatch", size: "labelled" })).toBe(
      "human-mismatch-flip-0-25-size-labelled",
    );
    expect(rowWords({ ...plainRows("gold"), flip: "teacher", flipWhich: "close" })).toBe(
      "gold-flip-teacher-close",
    );
    const arm = { name: "x", training: "prefer", rows: plainRows("human"), sft: "weak" } as const;
    expect(startOf(arm)).toEqual([["student-sft-weak", plainRows("weak")]]);
    expect(startOf({ ...arm, sft: "none" })).toEqual([]);
  });
});
