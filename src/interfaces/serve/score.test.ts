import { afterAll, beforeAll, expect, test } from "vitest";
import { post, type TinyFolders, tinyServer, writeTinyFolders } from "../../../test/helpers/tiny-server.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { openImplicitReward } from "../../method/teacher/implicit-reward.ts";
import { openLikelihood } from "../../method/teacher/likelihood.ts";
import { openRewardHead } from "../../method/teacher/reward-head.ts";
import { type Teacher, teacherDigest } from "../../method/teacher/teacher.ts";
import type { TeacherServer } from "./server.ts";

const limits = { maxLength: 96, maxPromptLength: 48 };
const pairs = [
  { id: "1", prompt: "Once there was", a: " a cat.", b: " a dog who sang." },
  { id: "2", prompt: [{ role: "user", content: "Say no" }], a: "no", b: "yes!" },
  { id: "3", prompt: "x", a: " one", b: " one" },
  { id: "4", prompt: "y".repeat(60), a: "", b: "z".repeat(70) },
];

let runtime: Runtime;
let folders: TinyFolders;
let server: TeacherServer;
let rewards: TeacherServer;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  folders = await writeTinyFolders(runtime);
  const adapters = [{ name: "teacher", folder: folders.adapter }];
  const common = { pairLimits: limits, beta: 0.5 };
  server = await tinyServer(runtime, {
    ...common,
    model: folders.base,
    adapters,
    reference: folders.reference,
  });
  rewards = await tinyServer(runtime, { ...common, model: folders.reward });
});
afterAll(async () => {
  await Promise.all([server.close(), rewards.close()]);
  await runtime.close();
  await folders.remove();
});

const ask = (at: TeacherServer, body: object) => post(`${at.url}/v1/score`, body);
type Row = Record<"id", string> &
  Record<"score_a" | "score_b" | "margin", number> & { flags: string[]; parts?: Record<string, number[]> };
const rowsOf = ({ json }: Awaited<ReturnType<typeof ask>>) => json.data as unknown as Row[];

test.each(["implicit-reward", "likelihood", "reward-head"])("%s scores are those of label", async (kind) => {
  const { base: model, reference, reward } = folders;
  const openers: Record<string, () => Promise<Teacher>> = {
    "implicit-reward": () => openImplicitReward(runtime, { model, reference, limits, beta: 0.5 }),
    likelihood: () => openLikelihood(runtime, { model, limits }),
    "reward-head": () => openRewardHead(runtime, { model: reward, limits }),
  };
  const teacher = await openers[kind]!();
  const local = await teacher.scorePairs(pairs);
  const reply = await ask(
    kind === "reward-head" ? rewards : server,
    kind === "likelihood" ? { pairs, kind } : { pairs },
  );
  expect(reply.status).toBe(200);
  // The same manifest as label's, so its digest names the same teacher.
  expect(reply.json).toMatchObject({ kind, teacher: teacherDigest(teacher.manifest) });
  for (const [i, row] of rowsOf(reply).entries()) {
    const { id, scoreA, scoreB, lengthA, lengthB, flags, tokens } = local[i]!;
    expect(row).toMatchObject({ id, length_a: lengthA, length_b: lengthB, flags, tokens });
    expect(row.score_a).toBeCloseTo(scoreA, 5);
    expect(row.score_b).toBeCloseTo(scoreB, 5);
    expect(row.margin).toBe(row.score_a - row.score_b);
  }
  // The equal pair is a tie to the last bit, the cut and empty one says so.
  expect(rowsOf(reply)[2]!.margin).toBe(0);
  expect(rowsOf(reply)[3]!.flags).toEqual(expect.arrayContaining(["empty", "truncated", "truncated-prompt"]));
  await teacher.close();
});

test("an adapter's reference is its base, and beta scales its rewards", async () => {
  const once = rowsOf(await ask(server, { model: "teacher", pairs, beta: 1 }));
  const twice = rowsOf(await ask(server, { model: "teacher", pairs, beta: 2 }));
  const base = rowsOf(await ask(server, { model: "base", kind: "likelihood", pairs }));
  once.forEach((row, i) => {
    expect(row.parts!["reference"]![0]).toBeCloseTo(base[i]!.score_a, 4);
    expect(twice[i]!.margin).toBeCloseTo(2 * row.margin, 4);
  });
  expect(once[0]!.margin).not.toBe(0);
});

test("what cannot be scored is refused by name", async () => {
  const refused = async (at: TeacherServer, body: object) => {
    const { status, json } = await ask(at, body);
    expect(status).toBe(400);
    return (json.error as unknown as { message: string }).message;
  };
  expect(await refused(server, { pairs: [] })).toContain("pairs: expected at least 1 entries");
  expect(await refused(server, { pairs: [{ prompt: "x", a: "y" }] })).toContain(
    "pairs.0.b: expected text, or a list of messages",
  );
  expect(await refused(server, { pairs: [{ ...pairs[0], chosen: "a" }] })).toContain("chosen");
  expect(await refused(server, { pairs, kind: "reward-head" })).toContain("has no reward head");
  expect(await refused(server, { pairs, kind: "likelihood", beta: 1 })).toContain("beta: has no effect");
  expect(await refused(server, { pairs, model: "reference", kind: "implicit-reward" })).toContain(
    "has no reference here",
  );
  expect(await refused(rewards, { pairs, kind: "likelihood" })).toContain("is a reward model");
  const mixed = [{ prompt: "text", a: [{ role: "assistant", content: "x" }], b: "y" }];
  expect(await refused(server, { pairs: mixed })).toContain("expected both to be alike");
  expect((await post(`${rewards.url}/v1/completions`, { prompt: "x" })).json.error).toMatchObject({
    param: "model",
  });
});
