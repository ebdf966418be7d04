import { existsSync } from "node:fs";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTinyJobs, type TinyJobs } from "../../../test/helpers/tiny-labels.ts";
import { calibratorToJson, fitCalibrator } from "../../method/labels/calibration.ts";
import type { PairUncertainty } from "../../method/labels/ensemble-scores.ts";
import { HELD_OUT } from "../../method/labels/held-out-file.ts";
import { isDecided } from "../../method/labels/label.ts";
import type { Artefact } from "../stages/stage.ts";

let jobs: TinyJobs;
beforeAll(async () => {
  jobs = await openTinyJobs();
});
afterAll(() => jobs.close());

const settings =
  "sft: { batch_size: 8, learning_rate: 0.01 }, prefer: { batch_size: 8, learning_rate: 0.01 }";
const single = `teacher: { ${settings} }\nlabel: { held_out: 0.3, calibration: platt }\n`;
const ensemble = (members: string, label = "held_out: 0.3, calibration: platt") =>
  `teacher: { kind: ensemble, members: ${members}, teacher: { ${settings} } }\nlabel: { ${label} }\n`;
const text = (path: string) => readFile(path, "utf8");
const uncertainties = async (path: string): Promise<(Omit<PairUncertainty, "pA"> & { p_a: number[] })[]> =>
  (await text(path))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

const heldOutOf = ({ path }: Artefact) => HELD_OUT.read(path("held-out.jsonl"));

describe("an ensemble", () => {
  test("of one is that teacher, bit for bit: its very stages", async () => {
    const alone = await jobs.label(single);
    const one = await jobs.label(ensemble("1"), "one");
    expect(one.folder.digest).toBe(alone.folder.digest);
    for (const file of ["labels.jsonl", "training.jsonl", "facts.json"])
      expect(await text(one.folder.path(file))).toBe(await text(alone.folder.path(file)));
    expect(one.facts.ensemble).toBeNull();
    const again = await jobs.label(ensemble("1"));
    expect(new Set(again.steps.map(({ state }) => state))).toEqual(new Set(["cached"]));
  });

  test("of three is their mean calibrated probability; what they disagree on lies beside the labels", async () => {
    const members = `[{}, { bootstrap: true }, { weak: ${jobs.at("other")}, teacher: { kind: reward-head, reward: { batch_size: 8 } } }]`;
    const three = await jobs.label(ensemble(members));
    const names = three.steps.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["teacher-sft", "teacher-2-prefer", "teacher-3-reward", "ensemble-scores"]),
    );
    // The first member is the single teacher of the test above.
    expect(three.steps.find(({ name }) => name === "teacher-prefer")?.state).toBe("cached");
    expect(three.facts.teachers.map(({ kind }) => kind)).toEqual([
      "implicit-reward",
      "implicit-reward",
      "reward-head",
    ]);
    const beside = await uncertainties(three.folder.path("uncertainty.jsonl"));
    expect(beside.map(({ id }) => id)).toEqual(three.labels.map(({ id }) => id));
    const decided = three.labels.flatMap((label, i) =>
      isDecided(label) ? [[label, beside[i]!] as const] : [],
    );
    expect(decided.length).toBeGreaterThan(20);
    for (const [label, { p_a: members, total, expected, mutualInformation, agreement }] of decided) {
      const mean = members.reduce((sum, p) => sum + p, 0) / 3;
      expect(label.pA).toBeCloseTo(mean, 12);
      expect(label.margin).toBeCloseTo(Math.log(mean / (1 - mean)), 9);
      expect(label.teacher).toBe("ensemble");
      // Entropy of the mean is what all share and what they differ in.
      expect(total).toBeCloseTo(expected + mutualInformation, 12);
      // A member whose calibrator found nothing still has a side, at one half.
      if (members.includes(0.5)) continue;
      const forA = members.filter((p) => p > 0.5).length;
      expect(agreement).toBeCloseTo(Math.max(forA, 3 - forA) / 3, 12);
    }
    expect(Math.max(...beside.map(({ mutualInformation }) => mutualInformation))).toBeGreaterThan(1e-4);
    expect(three.facts.ensemble?.members).toHaveLength(3);
    expect(three.facts.ensemble?.uncertainty).toMatchObject({ members: 3 });
    expect(three.facts.heldOutAccuracy.n).toBeGreaterThan(10);
  });

  test("promises from pairs that no member was calibrated on", async () => {
    const label = "held_out: 0.4, select: { kind: promise, max_disagreement: 0.45, level: 0.6 }";
    const { facts, folder } = await jobs.label(ensemble("2", label));
    const all = facts.ensemble!.members[0]!.calibrator.n;
    const judged = (await text(folder.path("held-out.jsonl"))).trim().split("\n").length;
    // Calibrators saw one half of the held-out prompts, the promise the other.
    expect(facts.heldOutAccuracy.n).toBe(judged);
    expect(all + judged).toBe(facts.ensemble!.members[0]!.heldOut.n);
    expect(facts.promise).not.toBeNull();
    // The first member's calibrator is that of exactly the pairs which the promise does not rest on.
    const rests = new Set((await heldOutOf(folder)).map(({ id }) => id));
    const single = await jobs.label(`teacher: { ${settings} }\nlabel: { held_out: 0.4 }\n`);
    const others = (await heldOutOf(single.folder)).filter(({ id }) => !rests.has(id));
    const calibrator = fitCalibrator(
      "temperature",
      others.map(({ margin }) => margin),
      others.map(({ preferred }) => preferred === "a"),
    );
    expect(facts.ensemble!.members[0]!.calibrator).toEqual(calibratorToJson(calibrator));
  });
});

describe("an arm of which selection leaves no labels", () => {
  const unkept = "select: { kind: promise, max_disagreement: 0.01 }";

  test("stops the run before anything trains, with what was asked for and why nothing is left", async () => {
    const sections = `teacher: { ${settings} }\nlabel: { held_out: 0.4 }\narms: [human, { labels: weak, name: sure, ${unkept} }]\neval: { gold: [] }\n`;
    await expect(jobs.train(sections, "unkept")).rejects.toThrow(
      /^arm sure: nothing can be promised \(asked: people disagree with at most 1 % of the labels, at 95 % confidence\): \d+ held-out labels are too few/,
    );
    const stages = await readdir(jobs.at("runs", "unkept", "stages"));
    expect(stages.filter((name) => name.startsWith("student"))).toEqual([]);
  });

  test("is no matter to arms that do not read them", async () => {
    const sections = `teacher: { ${settings} }\nlabel: { held_out: 0.4, ${unkept} }\narms: [human]\neval: { gold: [] }\n`;
    await jobs.train(sections, "unread");
  });
});

describe("wspo", () => {
  const arm =
    "arms: [{ labels: weak, sft: none, prefer: { num_train_epochs: 8, learning_rate: 0.01, loss: { type: wspo, gamma: 1 } } }]\n";

  test("the student is drawn to the teacher's log-ratios, token by token", async () => {
    const steps = await jobs.train(`${single}${arm}eval: { gold: [] }\n`);
    const { folder } = steps.find(({ name }) => name === "student-weak")!;
    const losses = (await text(`${folder}/log/metrics.jsonl`))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).loss as number);
    // At the start the student's own log-ratio is 0, so the loss is the mean square of the teacher's.
    expect(losses[0]).toBeGreaterThan(0);
    expect(losses.at(-1)!).toBeLessThan(0.7 * losses[0]!);
  });

  test("teacher and student whose tokenizers give different ids, and teachers without log-ratios, are refused", async () => {
    const models = `models: { weak: ${jobs.at("weak")}, student: ${jobs.at("turned")} }\n`;
    await cp(jobs.at("student"), jobs.at("turned"), { recursive: true });
    const tokenizer = JSON.parse(await text(jobs.at("turned", "tokenizer.json")));
    const { vocab } = tokenizer.model;
    // As transformers writes it anew: members in another order, defaults spelt out. The ids are the same ones.
    const anew = {
      ...Object.fromEntries(Object.entries(tokenizer).reverse()),
      model: { ...tokenizer.model, fuse_unk: false, byte_fallback: false },
    };
    await writeFile(jobs.at("turned", "tokenizer.json"), JSON.stringify(anew, null, 2));
    const steps = await jobs.train(`${models}${single}${arm}eval: { gold: [] }\n`);
    expect(steps.find(({ name }) => name === "student-weak")?.state).toBe("run");
    // Two letters change places: as many tokens, with other meanings.
    [vocab.a, vocab.b] = [vocab.b, vocab.a];
    await writeFile(jobs.at("turned", "tokenizer.json"), JSON.stringify(tokenizer));
    await expect(jobs.train(`${models}${single}${arm}`)).rejects.toThrow(
      /tokenises differently from the student: the id of "a" is \d+, expected \d+; wspo compares/,
    );
    await expect(jobs.train(`teacher: { kind: reward-head }\n${arm}`)).rejects.toThrow(
      /wspo learns from the log-ratios of one teacher of kind implicit-reward/,
    );
  });
});

describe("cross-fitting", () => {
  test("every labelled pair is scored by a teacher that did not learn from it, and the last teacher learns from all", async () => {
    const folds = `teacher: { ${settings} }\nlabel: { calibration_folds: 3, calibration: platt }\n`;
    const { steps, facts, folder } = await jobs.label(folds, "folds");
    const names = steps.map(({ name }) => name);
    expect(names.filter((name) => name.endsWith("-prefer"))).toEqual([
      "teacher-prefer",
      "teacher-fold-1-prefer",
      "teacher-fold-2-prefer",
      "teacher-fold-3-prefer",
    ]);
    const rows = async (name: string) =>
      JSON.parse(await text(`${steps.find((step) => step.name === name)!.folder}/rows.json`)).rows as number;
    const whole = await rows("teacher-prefer");
    const parts = await Promise.all([1, 2, 3].map((fold) => rows(`teacher-fold-${fold}-prefer`)));
    // Each pair is in two of the three training sets.
    expect(parts.reduce((sum, n) => sum + n, 0)).toBe(2 * whole);
    const heldOut = (await text(folder.path("held-out.jsonl")))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).id);
    expect(new Set(heldOut).size).toBe(heldOut.length);
    expect(heldOut.length).toBeGreaterThan(0.8 * whole);
    expect(facts.heldOutAccuracy.n).toBe(heldOut.length);
  });
});

describe("teachers that learn nothing", () => {
  test("random, longer and noisy people are calibrated on all labelled pairs; nothing is trained", async () => {
    const models = `models: { student: ${jobs.at("student")} }\n`;
    for (const teacher of ["random", "longer", "{ kind: noisy-human, noise: { kind: flip, rate: 0.2 } }"]) {
      const { steps, facts } = await jobs.label(
        `${models}teacher: ${teacher}\nlabel: { calibration: platt }\n`,
      );
      expect(steps.map(({ name }) => name)).toEqual([
        "data",
        "pool-scores",
        "held-out-scores",
        // Noisy people are told of the pool and of what is labelled alone.
        ...(teacher.includes("noisy") ? [] : ["test-scores"]),
        "weak-labels",
      ]);
      expect(facts.teachers[0]!.kind).toBe("control");
      if (teacher.includes("noisy")) {
        const { agree, n } = facts.heldOutAccuracy;
        expect(n).toBe(60);
        // 20 % of 60 are turned round: within four standard deviations of it.
        expect(Math.abs(agree / n - 0.8)).toBeLessThan(4 * Math.sqrt((0.8 * 0.2) / 60));
      }
    }
  });

  test("a local judge answers with models.weak as it is", async () => {
    const teacher = "teacher: { kind: judge-local, prompt: '{prompt}|{first}|{second}|' }";
    const { steps, facts } = await jobs.label(`${teacher}\nlabel: { calibration: platt }\n`);
    expect(steps.map(({ name }) => name)).toEqual([
      "data",
      "pool-scores",
      "held-out-scores",
      "test-scores",
      "weak-labels",
    ]);
    const { positionFlips, promptDigest } = facts.teachers[0]!.judge!;
    expect(positionFlips.judged).toBeGreaterThan(20);
    expect(promptDigest).toMatch(/^[0-9a-f]{64}$/);
  });

  describe("behind an endpoint", () => {
    let server: Server;
    let asked = 0;
    beforeAll(async () => {
      server = createServer(async (request, response) => {
        let body = "";
        for await (const chunk of request) body += chunk;
        asked++;
        const { content } = JSON.parse(body).messages[0];
        const [, first, second] = content.split("|");
        // It likes the later letter, and takes the first answer when the prompt ends in 7.
        const vote = content.startsWith("p7") || first > second ? "1" : "2";
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ model: "judge-1", choices: [{ message: { content: vote } }] }));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    });
    afterAll(() => void server.close());

    test("replies are kept by the run: another calibration asks nothing", async () => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
      const teacher = `teacher: { kind: judge-chat, url: "${url}", model: m, prompt: "{prompt}|{first}|{second}" }`;
      const models = `models: { student: ${jobs.at("student")} }`;
      const first = await jobs.label(`${models}\n${teacher}\nlabel: { calibration: platt }\n`);
      expect(first.facts.teachers[0]!.judge).toMatchObject({ model: "m" });
      expect(first.facts.counts.a + first.facts.counts.b).toBeGreaterThan(20);
      const before = asked;
      expect(before).toBeGreaterThan(100);
      const other = await jobs.label(
        `${models}\n${teacher}\nlabel: { calibration: none, select: { kind: top, percent: 50 } }\n`,
      );
      expect(other.steps.filter(({ state }) => state === "run").map(({ name }) => name)).toEqual([
        "weak-labels",
      ]);
      expect(asked).toBe(before);
    });
  });
});

test("the students' adapters are checked before the teacher is trained", async () => {
  const sections = `${single}student: { lora: { target_modules: [c_attn] } }\n`;
  await expect(jobs.label(sections, "lora")).rejects.toThrow('"c_attn" is on no projection');
  expect(existsSync(jobs.at("runs", "lora"))).toBe(false);
});

describe("reading order cannot leak", () => {
  test("a teacher that scores every pair equally gives ties only, an undefined agreement, and nothing to train on", async () => {
    // Every response has four letters: "longer" cannot tell them apart.
    const rows = Array.from({ length: 80 }, (_, i) => ({
      prompt: `q${i}`,
      chosen: ["good", "nice", "glad"][i % 3],
      rejected: ["evil", "dire"][i % 2],
    }));
    await writeFile(jobs.at("equal.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const sections = `models: { student: ${jobs.at("student")} }\nteacher: longer\nlabel: { calibration: none }\narms: [weak]\n`;
    const { facts, labels } = await jobs.label(sections, "equal", jobs.at("equal.jsonl"));
    expect(new Set(labels.map(({ preferred }) => preferred))).toEqual(new Set(["tie"]));
    expect(facts.heldOutAccuracy).toEqual({ agree: 0, n: 0, share: null });
    expect(facts.calibration).toBeNull();
    await expect(jobs.train(sections, "equal", jobs.at("equal.jsonl"))).rejects.toThrow(
      /none of 0 rows can be trained on/,
    );
  });
});
