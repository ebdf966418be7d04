import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeTinyModel } from "../../../test/helpers/tiny-model.ts";
import { ARM_RECORDS } from "../../method/evaluate/arm.ts";
import { runSingle } from "../stages/single.ts";
import { generateSchema, generateStage } from "./generate-stage.ts";

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-generate-"));
  await writeTinyModel(at("model"), { family: "llama", seed: 1 });
});
afterAll(() => rm(folder, { recursive: true }));

const settings = generateSchema.parse({ maxNewTokens: 3, perPrompt: 128, gold: [] });
/** Two prompts a shard (256 responses): three shards. */
const prompts = ["one", "two", "three", "four", "five"];
const generate = async (out: string, more: { shareOnly?: boolean; prompts?: string[] } = {}) => {
  const request = { model: at("model"), prompts: more.prompts ?? prompts, settings, seed: 1 };
  const how = { out: at(out), code: "1", threads: 1, shareOnly: more.shareOnly === true };
  return runSingle(how, (deps) => generateStage(deps, request));
};

test("several at once share the shards; the records are those of one alone, in the prompts' order", async () => {
  await generate("alone");
  const steps = await Promise.all([generate("together"), generate("together")]);
  expect(steps.filter(({ state }) => state === "cached")).toHaveLength(1);
  const text = await readFile(at("alone", "responses.jsonl"));
  expect(await readFile(at("together", "responses.jsonl"))).toEqual(text);
  const records = await ARM_RECORDS.read(at("alone", "responses.jsonl"));
  expect(records.map(({ prompt }) => prompt)).toEqual(prompts.flatMap((one) => Array(128).fill(one)));
  expect(JSON.parse(await readFile(at("alone", "facts.json"), "utf8"))).toEqual({
    prompts: 5,
    responses: 640,
    gold: {},
  });
  expect(await readdir(at("alone", "parts", "shards"))).toHaveLength(3);
  expect((await generate("alone")).state).toBe("cached");
  expect((await readdir(folder)).sort()).toEqual(["alone", "model", "together"]);
});

test("a worker only samples; a prompt that comes twice is refused", async () => {
  expect((await generate("shared", { shareOnly: true })).state).toBe("shared");
  expect(existsSync(at("shared"))).toBe(false);
  expect((await generate("shared")).state).not.toBe("cached");
  await expect(generate("twice", { prompts: ["x", "x"] })).rejects.toThrow('"x" comes twice');
});

test("a model with another chat template, tokenizer or other end ids is another model", async () => {
  await generate("kept");
  const config = JSON.parse(await readFile(at("model", "tokenizer_config.json"), "utf8"));
  const changed = async (file: string, value: object) => {
    await writeFile(at("model", file), JSON.stringify(value));
    return (await generate("kept")).state;
  };
  const differs = "model differs";
  await expect(changed("tokenizer_config.json", { ...config, chat_template: "x" })).rejects.toThrow(differs);
  await expect(changed("tokenizer_config.json", { ...config, bos_token: "a" })).rejects.toThrow(differs);
  expect(await changed("tokenizer_config.json", config)).toBe("cached");
  await expect(changed("generation_config.json", { eos_token_id: [257, 104] })).rejects.toThrow(differs);
  await rm(at("model", "generation_config.json"));
  expect((await generate("kept")).state).toBe("cached");
});
