/** Remote teachers and judges against this project's own server, real numbers on both sides. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadAdapter } from "../../src/engine/checkpoint/adapter-model.ts";
import { loadModel } from "../../src/engine/checkpoint/load-model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { loadTokenizer } from "../../src/engine/text/tokenizer.ts";
import type { TeacherServer } from "../../src/interfaces/serve/server.ts";
import type { CandidatePair } from "../../src/method/data/rows.ts";
import { openScorer } from "../../src/method/objective/score.ts";
import { encodePairs, scoreCandidates } from "../../src/method/teacher/encode.ts";
import { openImplicitReward } from "../../src/method/teacher/implicit-reward.ts";
import { openChatJudge } from "../../src/method/teacher/judge-chat.ts";
import { openLikelihood } from "../../src/method/teacher/likelihood.ts";
import { SERVER_KINDS } from "../../src/method/teacher/remote/protocol.ts";
import { openRemoteTeacher } from "../../src/method/teacher/remote/remote-teacher.ts";
import { weakTeacher } from "../cli/spawn.ts";
import { scoreRounding } from "../helpers/rounding.ts";
import { type TinyFolders, tinyServer, writeTinyFolders } from "../helpers/tiny-server.ts";

const limits = { maxLength: 96, maxPromptLength: 48 };
const pairs: CandidatePair[] = [
  ...Array.from({ length: 60 }, (_, i) => ({
    id: `r${i}`,
    prompt: i % 4 === 0 ? [{ role: "user", content: `Question ${i}?` }] : `p${i}`.repeat(1 + (i % 30)),
    a: i % 9 === 0 ? "same" : `answer ${"a".repeat(i)}`,
    b: i % 9 === 0 ? "same" : i % 7 === 0 ? "" : `other ${i}`,
  })),
];

let runtime: Runtime;
let folders: TinyFolders;
let server: TeacherServer;
let memory: string;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  folders = await writeTinyFolders(runtime);
  memory = await mkdtemp(join(tmpdir(), "memory-"));
  const adapters = [{ name: "teacher", folder: folders.adapter }];
  server = await tinyServer(runtime, { model: folders.base, adapters, reference: folders.reference });
});
afterAll(async () => {
  await server.close();
  await runtime.close();
  await folders.remove();
  await rm(memory, { recursive: true });
});

const remote = (options: Partial<Parameters<typeof openRemoteTeacher>[0]>) =>
  openRemoteTeacher({
    url: `${server.url}/v1`,
    model: "base",
    tokenizer: folders.base,
    limits,
    memory: join(memory, JSON.stringify([options.model, options.reference])),
    ...options,
  });

describe("remote scores are the local ones", () => {
  test("of a policy and its reference, for every pair", async () => {
    const teacher = await remote({ reference: "reference", beta: 0.3 });
    const { base: model, reference } = folders;
    const local = await openImplicitReward(runtime, { model, reference, limits, beta: 0.3 });
    const [far, near] = [await teacher.scorePairs(pairs), await local.scorePairs(pairs)];
    far.forEach(({ scoreA, scoreB, parts, ...facts }, i) => {
      const { policy, reference } = near[i]!.parts!;
      const limit = (side: 0 | 1) => 0.3 * scoreRounding([policy![side], reference![side]]);
      expect(Math.abs(scoreA - near[i]!.scoreA)).toBeLessThan(limit(0));
      expect(Math.abs(scoreB - near[i]!.scoreB)).toBeLessThan(limit(1));
      expect(near[i]).toMatchObject(facts);
      expect(Math.abs(parts!["policy"]![0] - policy![0])).toBeLessThan(scoreRounding([policy![0]]));
    });
    // The server knows what it serves: digests are those of the local manifest.
    const { policy: digest, reference: base, tokenizer, template } = local.manifest;
    expect(teacher.manifest).toMatchObject({ policy: digest, reference: base, tokenizer, template });
    expect(teacher.manifest.settings).toMatchObject({ server: "weak-teacher", version: "1.2.3" });
    await local.close();
  });

  test("of an adapter against its base, with one copy of the weights", async () => {
    const teacher = await remote({ model: "teacher", reference: "base", beta: 1 });
    const far = await teacher.scorePairs(pairs);
    const base = await loadModel(runtime, folders.base, { id: "alone" });
    const under = await loadModel(runtime, folders.base, { id: "adapted" });
    const adapted = await loadAdapter(runtime, under, folders.adapter);
    const encoded = encodePairs(await loadTokenizer(folders.base), pairs, limits);
    const [policy, reference] = await Promise.all(
      [adapted, base].map(async (model) =>
        scoreCandidates(await openScorer(runtime, model), encoded, ({ logps }) => logps),
      ),
    );
    far.forEach(({ scoreA, scoreB }, i) => {
      for (const [side, score] of [scoreA, scoreB].entries()) {
        const [of, under] = [policy![i]![side]!, reference![i]![side]!];
        expect(Math.abs(score - (of - under))).toBeLessThan(scoreRounding([of, under]));
      }
    });
    // What the adapter does is a thousand times what rounding does.
    const largest = Math.max(...policy!.flat().map(Math.abs));
    expect(Math.max(...far.map(({ scoreA }) => Math.abs(scoreA)))).toBeGreaterThan(
      1000 * scoreRounding([largest]),
    );
  });

  test.each(SERVER_KINDS.filter((kind) => kind !== "sglang"))("asked as %s", async (kind) => {
    const teacher = await remote({ server: kind, model: "reference" });
    const local = await openLikelihood(runtime, { model: folders.reference, limits });
    const [far, near] = [await teacher.scorePairs(pairs), await local.scorePairs(pairs)];
    far.forEach(({ scoreA, scoreB }, i) => {
      expect(Math.abs(scoreA - near[i]!.scoreA)).toBeLessThan(scoreRounding([near[i]!.scoreA]));
      expect(Math.abs(scoreB - near[i]!.scoreB)).toBeLessThan(scoreRounding([near[i]!.scoreB]));
    });
    await local.close();
  });
});

test("label takes a remote teacher, and tells which flags it needs", async () => {
  const pool = join(folders.root, "pool.jsonl");
  const plain = pairs.filter(({ prompt }) => typeof prompt === "string");
  await writeFile(
    pool,
    plain
      .map(({ id, prompt, a, b }) => `${JSON.stringify({ id, prompt, response_a: a, response_b: b })}\n`)
      .join(""),
  );
  const out = join(folders.root, "labels");
  const args = [
    "label",
    pool,
    "--teacher",
    "remote",
    "--url",
    server.url,
    "--model",
    "teacher",
    "--reference",
    "base",
    "--tokenizer",
    folders.base,
    "--max-length",
    "96",
    "--max-prompt-length",
    "48",
    "--out",
    out,
    "--json",
  ];
  const first = await weakTeacher(args);
  expect(first.code, first.stderr).toBe(0);
  const { counts, teacher } = JSON.parse(first.stdout) as {
    counts: { pairs: number };
    teacher: { kind: string };
  };
  expect(counts.pairs).toBe(plain.length);
  expect(teacher.kind).toBe("remote");
  const manifest = await readFile(join(out, "scores", "manifest.json"), "utf8");
  expect(manifest).toContain('"server": "weak-teacher"');
  expect(manifest).not.toContain(server.url);
  const wrong = await weakTeacher([
    "label",
    pool,
    "--teacher",
    "remote",
    "--url",
    server.url,
    "--beta",
    "2",
    "--model",
    "x",
    "--out",
    join(folders.root, "none"),
  ]);
  expect(wrong).toMatchObject({
    code: 2,
    stderr: "error: --tokenizer: is missing; --teacher remote needs it.\n",
  });
});

test("a judge asks a real model through the chat endpoint; replies that are no vote stop the work and are shown", async () => {
  const judge = openChatJudge({
    url: `${server.url}/v1`,
    model: "base",
    cache: join(memory, "replies"),
    prompt: "{prompt} 1:{first} 2:{second}",
    maxTokens: 4,
    concurrency: 1,
  });
  // An untrained model does not answer with a number: after eight replies nobody is asked any more.
  await expect(judge.scorePairs(pairs.slice(0, 6))).rejects.toThrow(
    /none of the first 8 replies could be read as a verdict: .*--judge-verdict/,
  );
  const { asked, cached, unreadable, examples, form } = { ...judge.counts(), form: judge.form() };
  expect([asked + cached, unreadable]).toEqual([8, 8]);
  expect(examples[0]!.length).toBeGreaterThan(0);
  expect(form).toMatchObject({ limit: "max_tokens", maxTokens: 4, temperature: 0 });
});

test("a pattern reads what a judge says in a form of its own, with the probability of its token", async () => {
  const judge = openChatJudge({
    url: `${server.url}/v1`,
    model: "base",
    cache: join(memory, "pattern"),
    prompt: "{prompt} 1:{first} 2:{second}",
    maxTokens: 1,
    // Any character is a verdict here; those that name no side are none.
    verdict: "(.)",
  });
  await judge.scorePairs(pairs.slice(0, 3));
  const { asked, unreadable, votes } = judge.counts();
  expect(asked).toBe(6);
  expect(votes.soft + votes.hard + unreadable).toBe(6);
});
