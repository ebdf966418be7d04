import { chmod, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { metricsOf, slowBody, until } from "../../../test/helpers/serve-clients.ts";
import { post, type TinyFolders, tinyServer, writeTinyFolders } from "../../../test/helpers/tiny-server.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
import { isLoopback, readToken } from "./access.ts";
import type { TeacherServer } from "./server.ts";

let runtime: Runtime;
let folders: TinyFolders;
beforeAll(async () => {
  runtime = openRuntime({ threads: 1 });
  folders = await writeTinyFolders(runtime);
});
afterAll(async () => {
  await runtime.close();
  await folders.remove();
});

/** A server for one test. */
async function serving(
  options: Parameters<typeof tinyServer>[1] | Record<string, unknown>,
  run: (server: TeacherServer) => Promise<void>,
): Promise<void> {
  const server = await tinyServer(runtime, { model: folders.base, ...options });
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

const short = { prompt: "Once", max_tokens: 1, temperature: 0 };
/** Hundreds of tokens one after another: long enough to be in hand while a test does something. */
const long = {
  prompt: Array.from({ length: 8 }, () => "Once"),
  max_tokens: 500,
  temperature: 0,
  ignore_eos: true,
};

describe("limits", () => {
  test("bodies: size, type, encoding, depth", () =>
    serving({ limits: { maxBodyBytes: 2000 } }, async ({ url }) => {
      const at = `${url}/v1/completions`;
      const large = await post(at, { prompt: "x".repeat(3000) });
      expect(large).toMatchObject({ status: 413, json: { error: { code: "request_too_large" } } });
      // In pieces, so that no length is stated beforehand.
      const pieces = new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(1000).fill(32)),
      });
      const init = {
        method: "POST",
        body: pieces,
        duplex: "half",
        headers: { "content-type": "application/json" },
      };
      expect((await fetch(at, init as RequestInit)).status).toBe(413);
      expect((await post(at, short, { "content-type": "text/plain" })).status).toBe(415);
      for (const [body, problem] of [
        ["{", "body: is not valid JSON"],
        ["", "body: is not valid JSON"],
        ["[]", "body: expected a JSON object, got an empty list"],
        ["3", "body: expected a JSON object, got 3"],
        [
          `{"prompt":${"[".repeat(40)}${"]".repeat(40)}}`,
          "body: is nested too deeply, expected at most 32 levels",
        ],
        [new Uint8Array([0x7b, 0xff, 0x7d]), "body: is not UTF-8 text"],
      ] as const) {
        const { status, json } = await post(at, body);
        expect(status).toBe(400);
        expect((json.error as unknown as { message: string }).message).toContain(problem);
      }
      // The bracket is inside a string, after an escaped quote: no depth.
      expect((await post(at, { ...short, prompt: `"\\"${"[".repeat(50)}` })).status).toBe(200);
    }));

  test("one request more than allowed gets 429 and is told when to come back", () =>
    serving({ limits: { maxRequests: 2 } }, async ({ url }) => {
      const at = `${url}/v1/completions`;
      const held = [post(at, long), post(at, long)];
      await until(async () => (await metricsOf(url)).includes("weak_teacher_requests_in_flight 2"));
      const refused = await post(at, short);
      expect(refused).toMatchObject({ status: 429, json: { error: { type: "rate_limit_error" } } });
      expect(refused.headers.get("retry-after")).toBe("1");
      expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
      expect((await post(at, short)).status).toBe(200);
    }));

  test("a request that takes too long gets 504, and its place is free again", () =>
    serving({ limits: { timeoutMs: 150, maxRequests: 1 } }, async ({ url }) => {
      const at = `${url}/v1/completions`;
      expect(await post(at, long)).toMatchObject({ status: 504, json: { error: { type: "timeout_error" } } });
      await until(async () => (await post(at, short)).status === 200);
      expect(await metricsOf(url)).toContain('weak_teacher_problems_total{type="timeout_error"}');
    }));

  test("a client that sends no end of its body, or goes away, holds nothing", () =>
    serving({ limits: { timeoutMs: 200, maxRequests: 1 } }, async ({ url }) => {
      const { end } = slowBody(url);
      await until(async () => (await post(`${url}/v1/completions`, short)).status === 200);
      end();
      const controller = new AbortController();
      const gone = fetch(`${url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(long),
        signal: controller.signal,
      });
      setTimeout(() => controller.abort(), 30);
      await expect(gone).rejects.toThrow();
      await until(async () => (await post(`${url}/v1/completions`, short)).status === 200);
    }));
});

test("requests of many pairs or prompts, and many on one connection, leave no warning behind", () =>
  serving({}, async ({ url }) => {
    const warnings: string[] = [];
    const hear = (warning: Error) => void warnings.push(warning.message);
    process.on("warning", hear);
    const pairs = Array.from({ length: 40 }, (_, i) => ({ prompt: "x", a: `y${i}`, b: "z" }));
    expect((await post(`${url}/v1/score`, { pairs })).status).toBe(200);
    const prompt = pairs.map(({ a }) => a);
    expect((await post(`${url}/v1/completions`, { ...short, prompt })).status).toBe(200);
    for (let i = 0; i < 20; i++) await post(`${url}/v1/completions`, short);
    process.off("warning", hear);
    expect(warnings).toEqual([]);
  }));

describe("access", () => {
  test("a token is asked for everywhere but at /health, and never told", () =>
    serving({ token: "correct-horse-battery" }, async ({ url }) => {
      const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
      expect((await fetch(`${url}/health`)).status).toBe(200);
      for (const path of ["/v1/models", "/metrics", "/version"])
        expect((await fetch(`${url}${path}`)).status).toBe(401);
      const none = await post(`${url}/v1/completions`, short);
      expect(none).toMatchObject({ status: 401, json: { error: { code: "missing_token" } } });
      expect(none.headers.get("www-authenticate")).toBe("Bearer");
      const wrong = await post(`${url}/v1/completions`, short, bearer("correct-horse-batterz"));
      expect(wrong).toMatchObject({ status: 401, json: { error: { code: "invalid_token" } } });
      expect(JSON.stringify(wrong.json)).not.toContain("horse");
      expect((await post(`${url}/v1/completions`, short, bearer("correct-horse-battery"))).status).toBe(200);
      const metrics = await fetch(`${url}/metrics`, { headers: bearer("correct-horse-battery") });
      expect(await metrics.text()).not.toContain("horse");
    }));

  test("without a token only requests to this machine by name are answered", () =>
    serving({}, async ({ url }) => {
      const statusFor = (host: string) =>
        new Promise((resolve) => {
          request(`${url}/v1/models`, { headers: { host } }, (response) => {
            response.resume();
            resolve(response.statusCode);
          }).end();
        });
      expect(await statusFor("localhost:1")).toBe(200);
      expect(await statusFor("127.0.0.1")).toBe(200);
      expect(await statusFor("evil.example")).toBe(403);
    }));

  test("other addresses need a token that is long enough", async () => {
    expect(["127.0.0.1", "127.9.9.9", "localhost", "::1"].every(isLoopback)).toBe(true);
    expect(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com"].some(isLoopback)).toBe(false);
    await expect(tinyServer(runtime, { model: folders.base, host: "0.0.0.0" })).rejects.toThrow(
      "expected a token",
    );
    await expect(readToken({}, "0.0.0.0")).rejects.toThrow("expected a bearer token");
    process.env.TEST_SERVE_TOKEN = "short-secret";
    const read = readToken({ env: "TEST_SERVE_TOKEN" }, "::1");
    await expect(read).rejects.toThrow("expected at least 16 characters without spaces, got 12.");
    await expect(read).rejects.not.toThrow("secret");
    process.env.TEST_SERVE_TOKEN = "long-enough-secret";
    expect(await readToken({ env: "TEST_SERVE_TOKEN" }, "0.0.0.0")).toBe("long-enough-secret");
    delete process.env.TEST_SERVE_TOKEN;
    await expect(readToken({ env: "TEST_SERVE_TOKEN" }, "::1")).rejects.toThrow("got 0");
  });
});

test.runIf(process.platform !== "win32")("a token in a file that everybody can read is refused", async () => {
  const file = join(folders.root, "token");
  await writeFile(file, "correct-horse-battery\n", { mode: 0o644 });
  await chmod(file, 0o644);
  const read = () => readToken({ file }, "0.0.0.0");
  const problem = `serve: --token-file ${file}: every user of this machine can read or change it (mode 644), expected 600 or 640. Run: chmod 600 ${file}.`;
  await expect(read()).rejects.toThrow(problem);
  await chmod(file, 0o602);
  await expect(read()).rejects.toThrow("(mode 602)");
  await chmod(file, 0o640);
  expect(await read()).toBe("correct-horse-battery");
});

describe("what a server says of itself", () => {
  test("models, version, health, metrics, and where there is nothing", () =>
    serving({ adapters: [{ name: "teacher", folder: folders.adapter }] }, async ({ url }) => {
      const get = async (path: string) =>
        (await (await fetch(`${url}${path}`)).json()) as Record<string, never>;
      const { data } = (await get("/v1/models")) as unknown as { data: object[] };
      expect(data).toMatchObject([
        { id: "base", parent: null, root: "base", max_model_len: 512, reference: null },
        { id: "teacher", parent: "base", root: "base", reference: "base" },
      ]);
      expect(JSON.stringify(data)).not.toContain(folders.root);
      expect(await get("/version")).toEqual({ version: "1.2.3", server: "weak-teacher" });
      expect(await get("/health")).toEqual({ status: "ok" });
      await post(`${url}/v1/completions`, {
        prompt: "secret text",
        max_tokens: 2,
        temperature: 0,
        ignore_eos: true,
      });
      await get("/nothing/here?secret");
      const metrics = await metricsOf(url);
      expect(metrics).toContain('weak_teacher_requests_total{route="/v1/completions",status="200"} 1');
      expect(metrics).toContain('weak_teacher_requests_total{route="other",status="404"} 1');
      expect(metrics).toContain('weak_teacher_tokens_total{kind="completion"} 2');
      expect(metrics).toContain('weak_teacher_request_seconds_count{route="/v1/completions"} 1');
      expect(metrics).not.toContain("secret");
      const wrongMethod = await fetch(`${url}/v1/completions`);
      expect(wrongMethod.status).toBe(405);
      expect(wrongMethod.headers.get("allow")).toBe("POST");
    }));

  test("names, addresses and models that do not go together are refused", async () => {
    const model = folders.base;
    const open = (options: object) => tinyServer(runtime, { model, ...options });
    await expect(open({ adapters: [{ name: "base", folder: folders.adapter }] })).rejects.toThrow(
      "two models are called base",
    );
    await expect(open({ reference: model })).rejects.toThrow("are the same model");
    await expect(open({ reference: folders.reward })).rejects.toThrow("cannot be a reference here");
    await expect(open({ pairLimits: { maxLength: 600, maxPromptLength: 10 } })).rejects.toThrow(
      "at most 512 positions",
    );
    await serving({}, async ({ url }) => {
      await expect(open({ port: Number(new URL(url).port) })).rejects.toThrow("Choose another with --port");
    });
  });
});

describe("stopping", () => {
  test("finishes what is in hand, takes nothing new, and ends what takes too long", async () => {
    const server = await tinyServer(runtime, { model: folders.base });
    const at = `${server.url}/v1/completions`;
    const held = post(at, { ...long, max_tokens: 200 });
    await until(async () => (await metricsOf(server.url)).includes("weak_teacher_requests_in_flight 1"));
    const closing = server.close();
    expect((await held).status).toBe(200);
    await closing;
    await expect(fetch(at)).rejects.toThrow();
    const hasty = await tinyServer(runtime, { model: folders.base, limits: { graceMs: 50 } });
    const cut = post(`${hasty.url}/v1/completions`, long);
    await until(async () => (await metricsOf(hasty.url)).includes("weak_teacher_requests_in_flight 1"));
    // Left alone it would be answered with 200, as above.
    await Promise.all([hasty.close(), cut.then(({ status }) => expect(status).toBe(503))]);
  });
});
