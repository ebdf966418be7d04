/** How a recipe's source says what its columns are. */
import { expect, test } from "vitest";
import { LEAST, problems, read } from "../../../test/helpers/recipe-problems.ts";
import { jobOf } from "./job.ts";
import { recipeYaml } from "./write.ts";

const withSource = (source: string) => LEAST.replace("source: pairs.jsonl", `source: ${source}`);
const sourceOf = (text: string) => {
  const { data } = jobOf(read(text));
  return data.kind === "files" ? data.main : undefined;
};

const MAP = {
  prompt: ["instruction", "input"],
  response_a: "answer 1",
  response_b: "answer 2",
  label: ["anna", "ben"],
  values: { "0": "tie", "1": "a", "2": "b" },
};

test("a map of labels is written as text or as an object, and comes back from the resolved recipe", () => {
  const asText = withSource(
    `{ file: p.csv, header: "no", map: "prompt=instruction+input,a=answer 1,b=answer 2,label=anna;ben,values=1:a;2:b;0:tie" }`,
  );
  const asObject = withSource(`
    file: p.csv
    header: no
    map:
      prompt: [instruction, input]
      a: answer 1
      b: answer 2
      label: [anna, ben]
      values: { 1: a, 2: b, 0: tie }`);
  for (const text of [asText, asObject]) {
    expect(sourceOf(text)).toMatchObject({ source: "p.csv", header: false, map: MAP });
    expect(sourceOf(recipeYaml(read(text)))).toEqual(sourceOf(text));
  }
  expect(sourceOf(withSource("{ file: p.csv, map: { prompt: q, a: x, b: y, label: l } }"))?.map).toEqual({
    prompt: "q",
    response_a: "x",
    response_b: "y",
    label: ["l"],
  });
});

test("what does not go together in a map is told with its place", () => {
  const said = (source: string) => problems(withSource(source)).join("\n");
  expect(said("{ file: p.csv, map: { prompt: q, a: x, b: y, values: { 1: a, 2: b } } }")).toMatch(
    /data\.source\.map: values has no effect without label/,
  );
  expect(said("{ file: p.csv, map: { prompt: q, a: x, b: y, label: l, values: { 1: a, 2: c } } }")).toMatch(
    /data\.source\.map/,
  );
  expect(said("{ file: p.csv, map: { promt: q, a: x, b: y } }")).toMatch(/promt/);
  expect(said("{ file: p.csv, header: maybe }")).toMatch(/data\.source\.header/);
});

test("a list of sources is a mixture, with weights and each its own reading; it comes back from the resolved recipe", () => {
  const text = withSource(`
    - { file: a.csv, weight: 3, header: "yes", map: "prompt=q,chosen=x,rejected=y" }
    - { file: hub:Owner/name/b.jsonl, weight: 1, ignore: [system], limit: 10 }`);
  expect(sourceOf(text)).toEqual({
    onBadRow: "fail",
    source: [
      { file: "a.csv", weight: 3, header: true, map: { prompt: "q", chosen: "x", rejected: "y" } },
      { file: "hub:Owner/name/b.jsonl", weight: 1, ignore: ["system"], limit: 10 },
    ],
  });
  expect(sourceOf(recipeYaml(read(text)))).toEqual(sourceOf(text));
  expect(sourceOf(withSource("[a.jsonl, { file: b.jsonl, format: trl }]"))?.source).toEqual([
    { file: "a.jsonl" },
    { file: "b.jsonl", format: "trl" },
  ]);
});

test("what is wrong with a list of sources is told with its place", () => {
  const said = (source: string) => problems(withSource(source)).join("\n");
  expect(said("[a.jsonl, { file: b.jsonl, weight: 1 }]")).toMatch(
    /data\.source: gives a\.jsonl no weight\. Give every source one, or none/,
  );
  expect(said("[a.jsonl, a.jsonl]")).toMatch(/data\.source: names a\.jsonl twice/);
  expect(said("[a.jsonl, { file: b.jsonl, weight: -1 }]")).toMatch(
    /data\.source\[1\]\.weight: expected above 0, got -1/,
  );
  expect(said("[{ file: b.jsonl, wieght: 1 }]")).toMatch(/wieght.*weight/);
  expect(said("[]")).toMatch(/data\.source: expected at least 1 entries/);
});
