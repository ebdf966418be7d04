import { execFile } from "node:child_process";
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FAKE_TOKEN, type FakeHub, startFakeHub } from "../../../test/helpers/fake-hub.ts";
import { python } from "../../../test/interop/python.ts";
import { sha256 } from "../core/digest.ts";
import type { Log } from "../core/log.ts";
import { fetchFromHub, listHub, repoFolder } from "./hub-cache.ts";
import type { HubRepo } from "./hub-request.ts";
import { type HubSettings, hubSettings } from "./hub-settings.ts";

let hub: FakeHub;
let folder: string;
let settings: HubSettings;
const said: string[] = [];
const log = {
  info: (text: string) => said.push(text),
  warn: (text: string) => said.push(text),
} as unknown as Log;
const repo: HubRepo = { type: "model", name: "Owner/name", revision: "main" };
const large = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251));

beforeEach(async () => {
  said.length = 0;
  hub = await startFakeHub();
  folder = await mkdtemp(join(tmpdir(), "hub-cache-"));
  settings = { endpoint: hub.endpoint, token: FAKE_TOKEN, offline: false, cache: join(folder, "hub") };
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});

describe("settings", () => {
  test("are those of huggingface_hub's variables", async () => {
    const token = join(folder, "token");
    await writeFile(token, "hf_of_a_file\n");
    expect(await hubSettings({ HF_HOME: folder })).toEqual({
      endpoint: "https://huggingface.co",
      token: "hf_of_a_file",
      offline: false,
      cache: join(folder, "hub"),
    });
    const named = {
      HF_HOME: folder,
      HF_TOKEN: " hf_x\n",
      HF_ENDPOINT: "http://mirror:8/hub/",
      HF_HUB_CACHE: "/c",
    };
    expect(await hubSettings({ ...named, HF_HUB_OFFLINE: "yes" })).toEqual({
      endpoint: "http://mirror:8/hub",
      token: "hf_x",
      offline: true,
      cache: "/c",
    });
    const silent = { HF_TOKEN: "hf_x", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1", HF_HUB_OFFLINE: "0" };
    expect(await hubSettings(silent)).toMatchObject({ token: undefined, offline: false });
    expect((await hubSettings({ HF_TOKEN_PATH: token, HF_HOME: "/nowhere" })).token).toBe("hf_of_a_file");
  });

  test("an endpoint with a password is refused, and not repeated", async () => {
    const wrong = hubSettings({ HF_ENDPOINT: "https://me:secret@hub" });
    await expect(wrong).rejects.toMatchObject({
      code: "config",
      message: expect.not.stringContaining("secret"),
    });
  });
});

describe("a file", () => {
  test("lies as huggingface_hub lays it, and is asked for once", async () => {
    const commit = hub.commit("models/Owner/name", { "config.json": "{}", "model.safetensors": large });
    const [small, big] = [
      await fetchFromHub(settings, repo, "config.json"),
      await fetchFromHub(settings, repo, "model.safetensors"),
    ];
    const home = repoFolder(settings, repo);
    expect(home).toBe(join(folder, "hub", "models--Owner--name"));
    expect(small).toBe(join(home, "snapshots", commit, "config.json"));
    expect(await readFile(big)).toEqual(large);
    expect(await readlink(big)).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/);
    expect(await readFile(join(home, "refs/main"), "utf8")).toBe(commit);
    const count = () => hub.asked.filter(({ line }) => line.startsWith("GET")).length;
    const before = count();
    expect(await fetchFromHub(settings, repo, "model.safetensors")).toBe(big);
    expect(count()).toBe(before);
  });

  test("the token goes to the hub, and not to where it sends us", async () => {
    hub.commit("models/Owner/name", { "model.safetensors": large }, true);
    await fetchFromHub(settings, repo, "model.safetensors");
    expect(hub.asked.filter(({ at }) => at === "hub").map(({ token }) => token)).toEqual([
      FAKE_TOKEN,
      FAKE_TOKEN,
    ]);
    expect(hub.asked.filter(({ at }) => at === "files").map(({ token }) => token)).toEqual([undefined]);
  });

  test("that was cut off goes on where it was", async () => {
    hub.commit("models/Owner/name", { "model.safetensors": large });
    hub.cuts.push(30_000, 20_000);
    expect(await readFile(await fetchFromHub(settings, repo, "model.safetensors"))).toEqual(large);
    // Cut before its first byte: this process gives up; the next goes on.
    hub.commit("models/Owner/name", { "model.safetensors": large.subarray(1) });
    hub.cuts.push(50_000, 0);
    const cut = fetchFromHub(settings, repo, "model.safetensors");
    await expect(cut).rejects.toMatchObject({
      code: "network",
      message: expect.stringContaining("to go on"),
    });
    const blobs = join(repoFolder(settings, repo), "blobs");
    const left = (await readdir(blobs)).find((name) => name.endsWith(".incomplete"))!;
    expect((await lstat(join(blobs, left))).size).toBe(50_000);
    expect(await readFile(await fetchFromHub(settings, repo, "model.safetensors"))).toEqual(
      large.subarray(1),
    );
    expect((await readdir(blobs)).filter((name) => name.includes("."))).toEqual([]);
  });

  test("that arrives damaged is no file", async () => {
    hub.commit("models/Owner/name", { "config.json": "{}", "model.safetensors": large });
    hub.damaged = true;
    for (const path of ["config.json", "model.safetensors"])
      await expect(fetchFromHub(settings, repo, path)).rejects.toMatchObject({
        code: "hub",
        message: expect.stringMatching(
          /what arrived is damaged, expected the digest [0-9a-f]{40}.*It was removed/,
        ),
      });
    hub.damaged = false;
    expect(await readFile(await fetchFromHub(settings, repo, "config.json"), "utf8")).toBe("{}");
    // What another program left there, longer than the file.
    const blobs = join(repoFolder(settings, repo), "blobs");
    await writeFile(join(blobs, `${sha256(large)}.incomplete`), Buffer.concat([large, large]));
    expect(await readFile(await fetchFromHub(settings, repo, "model.safetensors"))).toEqual(large);
  });

  test("is fetched by one process of several", async () => {
    hub.commit("models/Owner/name", { "model.safetensors": large });
    const all = await Promise.all([1, 2, 3].map(() => fetchFromHub(settings, repo, "model.safetensors")));
    expect(new Set(all).size).toBe(1);
    expect(hub.asked.filter(({ at }) => at === "files")).toHaveLength(1);
  });
});

describe("a revision", () => {
  test("that moved is fetched anew; a commit stays what it is", async () => {
    const first = hub.commit("models/Owner/name", { "config.json": "1" });
    await fetchFromHub(settings, repo, "config.json");
    const second = hub.commit("models/Owner/name", { "config.json": "2" });
    expect(await readFile(await fetchFromHub(settings, repo, "config.json"), "utf8")).toBe("2");
    const pinned = { ...repo, revision: first };
    const asked = hub.asked.length;
    expect(await readFile(await fetchFromHub(settings, pinned, "config.json"), "utf8")).toBe("1");
    expect(hub.asked.length).toBe(asked);
    expect((await listHub(settings, repo)).commit).toBe(second);
  });

  test("offline is what the cache has, and said where it has nothing", async () => {
    hub.commit("models/Owner/name", { "config.json": "1" });
    const offline = { ...settings, offline: true };
    const missing = /HF_HUB_OFFLINE is set, and the cache .* does not have config\.json at this revision/;
    await expect(fetchFromHub(offline, repo, "config.json")).rejects.toThrow(missing);
    expect(hub.asked).toEqual([]);
    await fetchFromHub(settings, repo, "config.json");
    const asked = hub.asked.length;
    expect(await readFile(await fetchFromHub(offline, repo, "config.json"), "utf8")).toBe("1");
    expect((await listHub(offline, repo)).files).toEqual(["config.json"]);
    expect(hub.asked.length).toBe(asked);
  });

  test("of a hub that is down is what the cache has, and that is said", async () => {
    hub.commit("models/Owner/name", { "config.json": "1" });
    await fetchFromHub(settings, repo, "config.json");
    const down = { ...settings, endpoint: "http://127.0.0.1:9" };
    await fetchFromHub(down, repo, "config.json", log);
    expect(said.join()).toMatch(
      /cannot be downloaded from http:\/\/127\.0\.0\.1:9.*The cache's copy of [0-9a-f]{40} is used/,
    );
    await expect(fetchFromHub(down, repo, "other.json")).rejects.toMatchObject({ code: "network" });
  });
});

test("a refusal says what may be done, and never the token", async () => {
  hub.commit("models/Owner/name", { "config.json": "1" }, true);
  const stranger = { ...settings, token: undefined };
  await expect(fetchFromHub(stranger, repo, "config.json")).rejects.toThrow(
    /401 RepoNotFound\..*set HF_TOKEN/,
  );
  const other = { ...settings, token: "hf_anothertoken12345678" };
  await expect(listHub(other, repo)).rejects.toThrow(/^(?!.*anothertoken).*whether the token may do this/);
  await expect(fetchFromHub(settings, repo, "none.json")).rejects.toThrow(
    /404 EntryNotFound\. Check revision and path/,
  );
});

describe.skipIf(python === undefined)("beside huggingface_hub itself (scripts/python-env.sh)", () => {
  const ask = (program: string, extra: Record<string, string>): Promise<string> =>
    new Promise((done, fail) => {
      const { HF_HUB_OFFLINE: _, ...inherited } = process.env;
      const env = { ...inherited, HF_HUB_CACHE: settings.cache, HF_HUB_DISABLE_XET: "1", ...extra };
      execFile(python!, ["-c", program], { env }, (error, stdout, stderr) =>
        error === null ? done(stdout.trim()) : fail(new Error(stderr)),
      );
    });
  const program = "import huggingface_hub as h; print(h.snapshot_download('Owner/name'))";

  test("it finds offline what we fetched, and we what it fetched; it takes the fake for a hub", async () => {
    const commit = hub.commit("models/Owner/name", { "config.json": "{}", "model.safetensors": large }, true);
    for (const path of ["config.json", "model.safetensors"]) await fetchFromHub(settings, repo, path);
    const place = join(repoFolder(settings, repo), "snapshots", commit);
    expect(await ask(program, { HF_HUB_OFFLINE: "1" })).toBe(place);
    await rm(settings.cache, { recursive: true });
    await mkdir(settings.cache);
    expect(await ask(program, { HF_ENDPOINT: hub.endpoint, HF_TOKEN: FAKE_TOKEN })).toBe(place);
    const offline = { ...settings, offline: true };
    expect(await readFile(await fetchFromHub(offline, repo, "model.safetensors"))).toEqual(large);
  });
});
