import { expect, test } from "vitest";
import { parse } from "yaml";
import { jsonLine } from "../../base/files/json-lines.ts";
import type { PresentColumn } from "../data/parquet-columns.ts";
import { datasetCard } from "./dataset-card.ts";

const files = { jsonl: "rows.jsonl", parquet: "rows.parquet" };
const columns: PresentColumn[] = [
  { name: "prompt", type: "messages", members: [] },
  { name: "weight", type: "number", members: [] },
  { name: "flags", type: "texts", members: [] },
];
const header = (card: string) => parse(card.split("---\n")[1]!) as unknown;

test("a card gives JSON Lines the types of Parquet", () => {
  const fields = [
    { name: "role", dtype: "string" },
    { name: "content", dtype: "string" },
  ];
  expect(header(datasetCard(files, columns))).toEqual({
    configs: [{ config_name: "default", data_files: "rows.jsonl" }],
    dataset_info: {
      features: [
        { name: "prompt", list: fields },
        { name: "weight", dtype: "float64" },
        { name: "flags", list: "string" },
      ],
    },
  });
});

test.each<PresentColumn>([
  { name: "tools", type: "json", members: [] },
  { name: "prompt", type: "messages", members: ["tool_calls"] },
])("rows with what is JSON text in Parquet are read from there: $name", (column) => {
  expect(header(datasetCard(files, [...columns, column]))).toEqual({
    configs: [{ config_name: "default", data_files: "rows.parquet" }],
  });
});

test("whole numbers of a column with fractions have a point, others none; JSON reads the same", () => {
  const record = {
    n: 1,
    weight: 1,
    margin: -2,
    tiny: 1e-7,
    huge: 1e21,
    half: 0.5,
    none: undefined,
    text: "1",
  };
  const line = jsonLine(record, new Set(["weight", "margin", "tiny", "huge", "half", "text"]));
  expect(line).toBe('{"n":1,"weight":1.0,"margin":-2.0,"tiny":1e-7,"huge":1e+21,"half":0.5,"text":"1"}');
  expect(JSON.parse(line)).toEqual({ ...record, none: undefined });
});
