/** Labels and models to a hub and back: against a fake of it, on loopback. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type PushSettings, push } from "../../src/index.ts";
import { fetchModel } from "../../src/pipeline/recipe/hub-models.ts";
import { FAKE_TOKEN, type FakeHub, startFakeHub } from "../helpers/fake-hub.ts";
import { writeTinyRecipe } from "../helpers/tiny-recipe.ts";
import { python } from "../interop/python.ts";
import { weakTeacher } from "./spawn.ts";

let folder: string;
let hub: FakeHub;
let stages: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "push-"));
  hub = await startFakeHub();
  const recipe = await writeTinyRecipe(folder);
  const made = await weakTeacher(["run", recipe, "--out", join(folder, "run"), "--set", "arms=[sft, weak]"]);
  expect(made.code, made.stderr).toBe(0);
  const names = await readdir(join(folder, "run/stages"));
  stages = Object.fromEntries(
    names.map((name) => [name.replace(/-[0-9a-f]{12}$/, ""), join(folder, "run/stages", name)]),
  );
});
afterAll(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

const environment = () => ({
  HF_ENDPOINT: hub.endpoint,
  HF_TOKEN: FAKE_TOKEN,
  HF_HOME: join(folder, "home"),
  HF_HUB_OFFLINE: "0",
});

/** The same in this process. */
async function pushHere(
  place: string,
  to: string,
  settings: PushSettings = {},
  more: Record<string, string> = {},
) {
  for (const [name, value] of Object.entries({ ...environment(), ...more })) vi.stubEnv(name, value);
  try {
    return await push(place, to, settings);
  } finally {
    vi.unstubAllEnvs();
  }
}

/** Runs a verb with the fake as hub. The token is never in what it prints. */
async function run(args: readonly string[], more: Record<string, string> = {}) {
  const env = { ...environment(), ...more };
  const outcome = await weakTeacher(args, { cwd: folder, env });
  expect(outcome.stdout + outcome.stderr).not.toContain(FAKE_TOKEN);
  return outcome;
}

describe("labels", () => {
  test("go up as a data set, private, with a card whose numbers are those of facts.json, and come back", async () => {
    const pushed = await run(["push", stages["weak-labels"]!, "hub:me/labels", "--license", "mit", "--json"]);
    expect(pushed.code, pushed.stderr).toBe(0);
    const outcome = JSON.parse(pushed.stdout);
    expect(outcome).toMatchObject({ repo: "me/labels", type: "dataset", leftOut: ["held-out.jsonl"] });
    expect(hub.isPrivate("datasets/me/labels")).toBe(true);
    const files = hub.files("datasets/me/labels");
    const names = ["README.md", "facts.json", "labels.jsonl", "training.jsonl", "training.parquet"];
    expect(Object.keys(files).sort()).toEqual([".gitattributes", ...names]);
    for (const name of names.slice(1))
      expect(files[name], name).toEqual(await readFile(join(stages["weak-labels"]!, name)));
    const card = `${files["README.md"]}`;
    const facts = JSON.parse(`${files["facts.json"]}`);
    expect(card).toContain(`| labelled | ${facts.counts.pairs} |`);
    expect(card).toContain(`| second preferred | ${facts.counts.b} |`);
    const { estimate } = facts.heldOutAccuracy.share;
    expect(card).toContain(`on ${facts.heldOutAccuracy.n} held-out pairs: ${(100 * estimate).toFixed(1)} %`);
    expect(card).toContain(facts.teacher.digest);
    expect(card).toContain("source: pairs.jsonl".replace("source", "file"));
    // No folder of this machine.
    expect(card).not.toContain(folder);

    const offline = { HF_HUB_OFFLINE: "1", HF_ENDPOINT: "http://127.0.0.1:9" };
    const source = "hub:me/labels/training.parquet";
    for (const env of [{}, offline]) {
      const seen = await run(["inspect", source, "--json"], env);
      expect(seen.code, seen.stderr).toBe(0);
      expect(seen.stdout).toContain(`"preferences":${facts.counts.a + facts.counts.b},`);
    }
  });

  test.skipIf(python === undefined)("have a card that huggingface_hub reads", async () => {
    const path = join(folder, "card.md");
    await writeFile(path, hub.files("datasets/me/labels")["README.md"]!);
    const program = `import json, huggingface_hub as h; print(json.dumps(h.DatasetCard.load(${JSON.stringify(path)}).data.to_dict()))`;
    expect(JSON.parse(execFileSync(python!, ["-c", program], { encoding: "utf8" }))).toMatchObject({
      license: "mit",
      tags: ["weak-teacher", "preference", "synthetic"],
      configs: [
        { config_name: "default", data_files: "training.parquet" },
        { config_name: "labels", data_files: "labels.jsonl" },
      ],
    });
  });
});

describe("a model", () => {
  test("goes up with its provenance, and comes back byte for byte", async () => {
    const pushed = await pushHere(stages["student-weak"]!, "hub:me/student", { public: true });
    expect(hub.isPrivate("models/me/student")).toBe(false);
    const files = hub.files("models/me/student");
    const record = JSON.parse(await readFile(join(stages["student-weak"]!, "stage.json"), "utf8"));
    const card = `${files["README.md"]}`;
    expect(card).toContain(`model.safetensors: sha256 ${record.outputs["model/model.safetensors"].sha256}`);
    for (const digest of Object.values(record.identity.inputs)) expect(card).toContain(digest);
    expect(card).toContain("kind: implicit-reward");
    expect(card).not.toContain(folder);
    expect(pushed.card).toBe(card);

    const settings = {
      endpoint: hub.endpoint,
      token: undefined,
      offline: false,
      cache: join(folder, "cache"),
    };
    const back = await fetchModel(`hub:me/student@${pushed.commit}`, undefined, settings);
    const model = join(stages["student-weak"]!, "model");
    const names = (await readdir(model)).sort();
    expect((await readdir(back)).sort()).toEqual(names);
    for (const name of names)
      expect(await readFile(join(back, name)), name).toEqual(await readFile(join(model, name)));
  });

  test("whose push was cut off goes on: what arrived is not sent again, and a server that repeats the token is not repeated", async () => {
    const puts = () => hub.asked.filter(({ line }) => line.startsWith("PUT")).length;
    const before = puts();
    hub.refuseCommits = 1;
    const cut = pushHere(stages["teacher-sft"]!, "hub:me/teacher");
    await expect(cut).rejects.toMatchObject({
      code: "network",
      message: expect.stringMatching(
        /^hub:me\/teacher: could not be pushed to .*down, and so is Bearer \*\*\*.*Run the same command again/s,
      ),
    });
    const sent = puts();
    expect(sent).toBeGreaterThan(before);
    await pushHere(stages["teacher-sft"]!, "hub:me/teacher");
    expect(puts()).toBe(sent);
    expect(Object.keys(hub.files("models/me/teacher"))).toContain("model.safetensors");
    expect(hub.asked.filter(({ at, token }) => at === "files" && token !== undefined)).toEqual([]);
  });
});

describe("before anything is sent", () => {
  test("a dry run prints the card; a missing token, another folder, another name and offline are said", async () => {
    const asked = hub.asked.length;
    const dry = await run(["push", stages["weak-labels"]!, "hub:me/new", "--dry-run"], { HF_TOKEN: "" });
    expect(dry.code, dry.stderr).toBe(0);
    expect(dry.stdout).toMatch(
      /hub:me\/new \(dataset\) would get README\.md and[\s\S]*stays here: held-out\.jsonl[\s\S]*# new/,
    );
    await mkdir(join(folder, "empty"));
    for (const [place, to, env, message] of [
      [stages["weak-labels"]!, "hub:me/new", { HF_TOKEN: "" }, /HF_TOKEN: is not set, expected a token/],
      [stages["weak-labels"]!, "hub:me/new", { HF_HUB_OFFLINE: "1" }, /HF_HUB_OFFLINE: is set/],
      [
        join(folder, "empty"),
        "hub:me/new",
        {},
        /is neither a folder of labels \(labels\.jsonl\) nor of a model/,
      ],
      [stages["weak-labels"]!, "me/new", {}, /me\/new: expected hub:Owner\/name/],
    ] as const)
      await expect(pushHere(place, to, {}, env)).rejects.toMatchObject({
        code: "config",
        message: expect.stringMatching(message),
      });
    expect(hub.asked.length).toBe(asked);
  });

  test("a token that may not write is said", async () => {
    const refused = pushHere(stages["weak-labels"]!, "hub:me/new", {}, { HF_TOKEN: "hf_nobodynobodynobody" });
    await expect(refused).rejects.toMatchObject({
      code: "hub",
      message: expect.stringMatching(
        /^(?!.*nobody)hub:me\/new: http.* refused it: no token.*may write there/s,
      ),
    });
  });
});

/** All that a run of commands wrote: the token is in none of it. */
test("no file holds the token", async () => {
  expect(await readAll(folder)).not.toContain(FAKE_TOKEN);
});

async function readAll(place: string): Promise<string> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.sort().map((file) => readFile(file, "latin1")))).join("\n");
}
