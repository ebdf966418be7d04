/** Responses sampled by a server: this project's own and the real `transformers serve`, held against this engine; and servers that are not what they should be. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer } from "../../src/base/core/server-process.ts";
import { loadModel } from "../../src/engine/checkpoint/load-model.ts";
import type { Model } from "../../src/engine/model/model.ts";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { loadTokenizer, type Tokenizer } from "../../src/engine/text/tokenizer.ts";
import type { TeacherServer } from "../../src/interfaces/serve/server.ts";
import { sampleFromServer } from "../../src/method/evaluate/served-sampler.ts";
import { type SamplingSettings, sampleResponses } from "../../src/method/evaluate/simulate.ts";
import { nodeArguments, weakTeacher } from "../cli/spawn.ts";
import { writeTinyJob } from "../helpers/tiny-job.ts";
import { type TinyFolders, tinyServer, writeTinyFolders } from "../helpers/tiny-server.ts";
import { python } from "../interop/python.ts";

let runtime: Runtime;
let folders: TinyFolders;
let server: TeacherServer;
let model: Model;
let tokenizer: Tokenizer;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "generate-served-"));
  runtime = openRuntime({ threads: 1 });
  folders = await writeTinyFolders(runtime);
  server = await tinyServer(runtime, { model: folders.base });
  model = await loadModel(runtime, folders.base, { id: "student" });
  tokenizer = await loadTokenizer(folders.base);
});
afterAll(async () => {
  await server.close();
  await runtime.close();
  await folders.remove();
  await rm(root, { recursive: true });
});

const PROMPTS = ["Once there was", "He said", "x", "The cat and the dog went"];
const greedy: SamplingSettings = { temperature: 0, maxNewTokens: 8, seed: 1, maxPromptLength: 64 };
const warm: SamplingSettings = { ...greedy, temperature: 1, perPrompt: 3 };

const there = (
  url: string,
  settings = greedy,
  name = "base",
  prompts: readonly string[] = PROMPTS,
  concurrency = 4,
) => sampleFromServer({ runtime }, { url, name, concurrency }, { model, tokenizer }, prompts, settings);
const here = (settings = greedy) => sampleResponses({ runtime }, model, tokenizer, PROMPTS, settings);

describe("this project's own server", () => {
  test("writes greedily what this engine writes, ids and all", async () => {
    expect(await there(server.url)).toEqual(await here());
    expect(await there(`${server.url}/v1/`)).toEqual(await here());
  });

  test("samples each response with a seed of its own, the same again for the same seed", async () => {
    const first = await there(server.url, warm);
    expect(first.map(({ index, sample }) => [index, sample])).toEqual(
      PROMPTS.flatMap((_, index) => [0, 1, 2].map((sample) => [index, sample])),
    );
    expect(await there(server.url, warm)).toEqual(first);
    expect(await there(server.url, { ...warm, seed: 2 })).not.toEqual(first);
    expect(new Set(first.map(({ text }) => text)).size).toBeGreaterThan(PROMPTS.length * 2);
  });

  test("ends at a stop text, which is not part of the response", async () => {
    const [free] = await here();
    const stop = [free!.text.slice(2, 4)];
    const [cut] = await there(server.url, { ...greedy, stop });
    expect(cut).toMatchObject({ text: free!.text.slice(0, free!.text.indexOf(stop[0]!)), finish: "stop" });
  });

  test("with another model is refused before anything is sampled", async () => {
    const other = await tinyServer(runtime, { model: folders.reference, name: "base" });
    try {
      await expect(there(other.url)).rejects.toThrow(
        /the server does not serve the student: .*Does it load \{model\}\?/,
      );
    } finally {
      await other.close();
    }
    await expect(there(server.url, greedy, "else")).rejects.toThrow(
      /takes no completion of else: asked with token ids: 404/,
    );
  });
});

test("a server that reads another prompt than was sent, or answers twice, is told", async () => {
  const answers = [
    { choices: [{ text: "a", finish_reason: "length" }], usage: { prompt_tokens: 1 } },
    { choices: [{ text: "a" }, { text: "b" }], usage: { prompt_tokens: 15 } },
  ];
  for (const [i, problem] of [
    "read a prompt of 1 tokens, expected the 15",
    "one completion with usage",
  ].entries()) {
    const http = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answers[i]));
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    try {
      await expect(there(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)).rejects.toThrow(
        problem,
      );
    } finally {
      http.close();
    }
  }
});

describe("a server that is started for the work", () => {
  const words = { model: "m" };
  const script = (text: string) => [process.execPath, "-e", text];
  const SERVES = `require("node:http").createServer((q, r) => { console.log("asked", q.url); r.end("ok"); }).listen(process.argv[1])`;
  const begin = (argv: readonly string[], more: object = {}) =>
    startServer({ argv, words, logFile: join(root, "server.log"), timeoutMs: 60_000, ...more });

  test("answers at a port of its own, is logged, and is gone when it is stopped", async () => {
    const { url, stop } = await begin([...script(SERVES), "{port}"]);
    expect((await fetch(url)).status).toBe(200);
    await stop();
    await expect(fetch(url)).rejects.toThrow();
    expect(await readFile(join(root, "server.log"), "utf8")).toContain("asked /health");
  });

  test("that ends, stays silent, is not there or asks for an unknown word is told with what it said", async () => {
    await expect(begin(script(`console.error("no GPU \\u001b[2J here"); process.exit(3)`))).rejects.toThrow(
      /ended with code 3 before it answered\. .*\nno GPU ⟨U\+001B⟩\[2J here/,
    );
    await expect(begin(script("setInterval(() => {}, 1000)"), { timeoutMs: 300 })).rejects.toThrow(
      /did not answer at .* within 0 s/,
    );
    await expect(begin(["no-such-program-here"])).rejects.toThrow(/ended with code 127 .*\n.*ENOENT/);
    await expect(begin(["x", "{gpu}"])).rejects.toThrow('{gpu} in "{gpu}": expected {model} or {port}.');
    const stop = new AbortController();
    const waiting = begin(script("setInterval(() => {}, 1000)"), { signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toThrow("interrupted");
  });

  test("ends with the process that started it, however that ends", async () => {
    const code = `
      import { startServer } from ${JSON.stringify(join(import.meta.dirname, "../../src/base/core/server-process.ts"))};
      const { url } = await startServer(${JSON.stringify({ argv: [...script(SERVES), "{port}"], words, logFile: join(root, "k.log"), timeoutMs: 60_000 })});
      console.log(url);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
      cwd: join(import.meta.dirname, "../.."),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let url = "";
    for await (const part of child.stdout) {
      url += part;
      if (url.includes("\n")) break;
    }
    expect((await fetch(url.trim())).status).toBe(200);
    child.kill("SIGKILL");
    for (;;) {
      const answered = await fetch(url.trim()).catch(() => undefined);
      if (answered === undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
});

test("a run whose students are served for their stage reports what they wrote; the command is part of its settings", async () => {
  const folder = join(root, "job");
  const evaluation =
    "{ n_bootstrap: 100, max_new_tokens: 6, temperature: 0, per_prompt: 1, gold: [{ type: reward-model, model: RM, max_length: 128 }] }";
  const recipe = await writeTinyJob(folder, evaluation.replace("RM", join(folder, "rm")));
  const run = async (out: string, ...more: string[]) => {
    const { code, stderr } = await weakTeacher(["run", recipe, "--out", join(folder, out), ...more]);
    expect(code, stderr).toBe(0);
    return JSON.parse(await readFile(join(folder, out, "report.json"), "utf8")) as { arms: unknown[] };
  };
  const local = await run("local");
  const start = JSON.stringify([
    process.execPath,
    ...nodeArguments,
    "serve",
    "{model}",
    "--name",
    "student",
    "--port",
    "{port}",
  ]);
  const served = await run("served", "--set", `eval.generate={start: ${start}, model: student}`);
  expect(served.arms).toEqual(local.arms);
  const logs = (await readdir(join(folder, "served"), { recursive: true })).filter((name) =>
    name.endsWith("server.log"),
  );
  expect(logs.length).toBeGreaterThan(2);
});

const serving =
  python !== undefined &&
  spawnSync(python, ["-c", "import fastapi, uvicorn, openai"], { stdio: "ignore" }).status === 0;
if (!serving)
  console.warn(
    "test/remote: transformers serve skipped, no Python environment with fastapi, uvicorn and openai",
  );

describe.skipIf(!serving)("the real transformers serve", () => {
  test("writes greedily what this engine writes, and samples where it is asked to", async () => {
    const start = ["-m", "transformers.cli.transformers", "serve", "{model}"];
    const argv = [
      python!,
      ...start,
      "--host",
      "127.0.0.1",
      "--port",
      "{port}",
      "--device",
      "cpu",
      "--dtype",
      "float32",
    ];
    const logFile = join(root, "transformers.log");
    process.env["HF_HUB_OFFLINE"] = "1";
    // Folders that were saved by transformers, or trained here from one, say it; the tiny one does not.
    const config = join(folders.base, "tokenizer_config.json");
    const said = JSON.parse(await readFile(config, "utf8")) as object;
    await writeFile(config, JSON.stringify({ ...said, tokenizer_class: "PreTrainedTokenizerFast" }));
    const file = join(folders.base, "tokenizer.json");
    const { added_tokens: added, ...rest } = JSON.parse(await readFile(file, "utf8")) as {
      added_tokens: object[];
    };
    const whole = added.map((token) => ({ single_word: false, lstrip: false, rstrip: false, ...token }));
    await writeFile(file, JSON.stringify({ ...rest, added_tokens: whole }));
    const { url, stop } = await startServer({
      argv,
      words: { model: folders.base },
      logFile,
      timeoutMs: 300_000,
    });
    try {
      const local = await here();
      const served = await there(url, greedy, folders.base);
      expect(served.map(({ text, finish }) => ({ text, finish }))).toEqual(
        local.map(({ text, finish }) => ({ text, finish })),
      );
      // One at a time: its generator of random numbers is one for all requests.
      const warmly = await there(url, warm, folders.base, PROMPTS, 1);
      const texts = warmly.map(({ text }) => text);
      // Greedy texts would be equal for each prompt.
      expect(new Set(texts).size).toBeGreaterThan(PROMPTS.length * 2);
      expect(await there(url, warm, folders.base, PROMPTS, 1)).toEqual(warmly);
    } finally {
      await stop();
    }
  });
});
