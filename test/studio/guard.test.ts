/** Who is heard: requests as browsers and others send them, and a hostile page in a real browser. */

import { mkdtemp, rm, symlink } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAnswerBook } from "../../src/pipeline/label/answer-book.ts";
import { chromiumPath, openBrowser, PATIENCE_MS } from "../helpers/browser.ts";
import { enter, type TestStudio, testStudio } from "../helpers/studio.ts";
import { tinyPairs, writeTinyQuestions } from "../helpers/tiny-questions.ts";

let folder: string;
let studio: TestStudio;
let client: Awaited<ReturnType<typeof enter>>;
let id: string;
const book = () => readAnswerBook(join(folder, "opened", "questions", "answers", "anna.jsonl"));
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const events = (n: number) => ({
  events: [{ kind: "answer", uuid: uuid(n), place: 0, choice: "left", ms: 1000 }],
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-guard-"));
  await writeTinyQuestions(join(folder, "opened"), tinyPairs(5));
  await writeTinyQuestions(join(folder, "secret"), tinyPairs(5));
  await symlink(join(folder, "secret"), join(folder, "opened", "way-out"));
  studio = await testStudio({ folders: [join(folder, "opened")] });
  client = await enter(studio);
  const { json } = await client.call("/api/studio");
  const opened = json["opened"] as unknown as { readonly id: string; readonly kind: string }[];
  expect(opened.map(({ kind }) => kind).sort()).toEqual(["labels", "questions"]);
  id = opened.find(({ kind }) => kind === "questions")!.id;
});
afterAll(async () => {
  await studio.close();
  await rm(folder, { recursive: true });
});

/** A request with headers that `fetch` would not let one choose. */
function raw(path: string, headers: Record<string, string>, method = "GET", body?: string): Promise<number> {
  const { hostname, port } = new URL(studio.origin);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, (reply) => {
      reply.resume();
      resolve(reply.statusCode ?? 0);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

test("a ticket is good once, and becomes a cookie that no script reads and no other site sends", async () => {
  expect(client.setCookie).toMatch(/^weak-teacher-studio-\d+=[\w-]{32}; HttpOnly; SameSite=Strict; Path=\/$/);
  const again = await fetch(studio.url, { redirect: "manual" });
  expect(again.headers.get("set-cookie")).toBeNull();
  expect(studio.logged.join("")).toContain("that address was opened before. Another: http://127.0.0.1:");
  await fetch(studio.url, { redirect: "manual" });
  // Told once as long as the other is good: nobody can fill a terminal with addresses.
  expect(studio.logged.join("").match(/Another/g)).toHaveLength(1);
  const other = /Another: (\S+)/.exec(studio.logged.join(""))![1]!;
  expect((await fetch(other, { redirect: "manual" })).headers.get("set-cookie")).not.toBeNull();
});

test("without a cookie, or with a made-up one, nothing is read or written", async () => {
  for (const cookie of ["", `${client.cookie.split("=")[0]}=x`, client.cookie.replace(/.$/, "")]) {
    expect(await raw("/api/studio", { cookie })).toBe(401);
    const write = { cookie, "content-type": "application/json", "x-weak-teacher": "studio" };
    expect(await raw(`/api/ask/${id}/events`, write, "POST", JSON.stringify(events(1)))).toBe(401);
  }
  expect(await book()).toEqual([]);
});

test("a foreign name in Host, another's Origin, another site: every read and write is refused", async () => {
  const { cookie } = client;
  const host = new URL(studio.origin).host;
  const port = host.split(":")[1];
  const forged: Record<string, string>[] = [
    { host: "evil.example" },
    { host: `evil.example:${port}` },
    { host: `127.0.0.1.evil.example:${port}` },
    { host: "127.0.0.1:1" },
    { host: "127.0.0.1" },
    { host, origin: "http://evil.example" },
    { host, origin: "null" },
    { host, origin: `http://localhost:${port}` },
    { host, origin: `https://${host}` },
    { host, "sec-fetch-site": "cross-site" },
    { host, "sec-fetch-site": "same-site" },
  ];
  for (const headers of forged) {
    for (const path of ["/", "/api/studio", `/api/ask/${id}`, `/ask/${id}`])
      expect(await raw(path, { cookie, ...headers }), `${path} ${JSON.stringify(headers)}`).toBe(403);
    const write = { cookie, "content-type": "application/json", "x-weak-teacher": "studio", ...headers };
    expect(await raw(`/api/ask/${id}/events`, write, "POST", JSON.stringify(events(2)))).toBe(403);
  }
  // As a person opens it, and by its other name.
  expect(await raw("/", { cookie, host, "sec-fetch-site": "none" })).toBe(200);
  expect(await raw("/api/studio", { cookie, host: `localhost:${port}` })).toBe(200);
  expect(await book()).toEqual([]);
});

test("a write wants the page's header and JSON, and is of no site but ours", async () => {
  const { cookie } = client;
  const body = JSON.stringify(events(3));
  const path = `/api/ask/${id}/events`;
  const json = { "content-type": "application/json" };
  expect(await raw(path, { cookie, ...json }, "POST", body)).toBe(403);
  expect(
    await raw(path, { cookie, ...json, "x-weak-teacher": "studio", "sec-fetch-site": "none" }, "POST", body),
  ).toBe(403);
  expect(
    await raw(path, { cookie, "content-type": "text/plain", "x-weak-teacher": "studio" }, "POST", body),
  ).toBe(415);
  expect(await raw(path, { cookie }, "OPTIONS")).toBe(403);
  expect(await raw(path, { cookie, "x-weak-teacher": "studio" }, "OPTIONS")).toBe(404);
  expect(await book()).toEqual([]);
});

test("ids lead to the opened folders and nowhere else", async () => {
  const secret = id.replace(/-\w{10}$/, "-0000000000");
  const hostile = [
    "..",
    "../secret",
    "..%2f..%2fsecret",
    "%2e%2e",
    "way-out",
    "__proto__",
    "constructor",
    "%00",
    secret,
    "a".repeat(5000),
  ];
  for (const name of hostile)
    for (const path of [`/api/ask/${name}`, `/api/ask/${name}/pairs?from=0`]) {
      const status = await raw(path, { cookie: client.cookie });
      expect([400, 404], path).toContain(status);
    }
  for (const path of ["/assets/../build.json", "/assets/%2e%2e/build.json", "/assets/..%2f..%2fpackage.json"])
    expect([200, 404], path).toContain(await raw(path, { cookie: client.cookie }));
  expect(await (await fetch(`${studio.origin}/assets/..%2f..%2f..%2fpackage.json`)).text()).not.toContain(
    'weak-teacher"',
  );
});

test("what no page sends is told and written nowhere", async () => {
  const path = `/api/ask/${id}/events`;
  const [event] = events(4).events;
  const cases: readonly [body: object, says: string][] = [
    [{ events: [{ ...event, place: 99 }] }, "place: expected 0 to 4, got 99."],
    [{ events: [{ ...event, uuid: "x" }] }, "uuid"],
    [{ events: [{ ...event, choice: "a" }] }, "choice"],
    [{ events: [{ ...event, strength: 3 }] }, "strength"],
    [{ events: [{ ...event, choice: "tie", strength: 2 }] }, "strength is of left or right only"],
    [{ events: [{ ...event, both_bad: true }] }, "both_bad is of a tie only"],
    [{ events: [{ ...event, answer: "a" }] }, "answer"],
    [{ events: [] }, "events"],
    [{}, "events"],
  ];
  for (const [body, says] of cases) {
    const { status, json } = await client.call(path, body);
    expect(status).toBe(400);
    expect(JSON.stringify(json["error"])).toContain(says);
  }
  expect(await book()).toEqual([]);
  expect(await client.call(path, events(5))).toMatchObject({
    status: 200,
    json: { acknowledged: [uuid(5)] },
  });
  expect(await client.call(path, events(5))).toMatchObject({
    status: 200,
    json: { acknowledged: [uuid(5)] },
  });
  expect(await book()).toHaveLength(1);
});

test("every reply forbids what is not ours", async () => {
  for (const path of ["/", "/api/studio", "/nothing", "/assets/none.js"]) {
    const { headers } = await fetch(`${studio.origin}${path}`, { headers: { cookie: client.cookie } });
    const policy = headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toMatch(/unsafe|\*|data:|https?:/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect(headers.get("x-studio-build")).toMatch(/^[0-9a-f]{16}$/);
  }
});

describe.skipIf(chromiumPath === undefined)("a hostile page (skipped without Chromium)", () => {
  let hostile: Server;
  beforeAll(async () => {
    hostile = createServer((_, reply) => {
      reply.setHeader("content-type", "text/html");
      reply.end("<!doctype html><title>evil</title><body></body>");
    });
    await new Promise<void>((resolve) => hostile.listen(0, "127.0.0.1", () => resolve()));
  });
  afterAll(() => {
    hostile.close();
  });

  test("on other origins it reads nothing, writes nothing and frames nothing of a person who is let in", async () => {
    const before = await book();
    const mine = await testStudio({ folders: [join(folder, "secret")] });
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      await page.goto(mine.url);
      await page.locator(".things a").first().waitFor();
      const { port } = hostile.address() as AddressInfo;
      // The same site on another port, and another site altogether.
      for (const name of ["127.0.0.1", "localhost"]) {
        await page.goto(`http://${name}:${port}/`);
        const script = `(async () => {
          const out = [];
          const at = ${JSON.stringify(mine.origin)};
          for (const path of ["/", "/api/studio"])
            for (const mode of ["cors", "no-cors"])
              out.push(await fetch(at + path, { mode, credentials: "include" }).then((r) => r.type === "opaque" ? "opaque" : r.text(), () => "refused"));
          out.push(await fetch(at + "/api/studio", { method: "POST", mode: "no-cors", credentials: "include", body: "{}" }).then((r) => r.type, () => "refused"));
          const frame = document.createElement("iframe");
          frame.src = at + "/";
          document.body.append(frame);
          await new Promise((done) => { frame.onload = done; setTimeout(done, 3000); });
          try { out.push(frame.contentDocument?.body?.innerText ?? "closed"); } catch { out.push("closed"); }
          return out;
        })()`;
        const out = (await page.evaluate(script)) as string[];
        expect(
          out.every((text) => ["refused", "opaque", "closed", ""].includes(text)),
          out.join(" | "),
        ).toBe(true);
      }
      // Opened by a link of that page it is refused, too: only a person opens it.
      await page.evaluate(`location.href = ${JSON.stringify(`${mine.origin}/api/studio`)}`);
      await page.getByText("sec-fetch-site").waitFor();
    } finally {
      await browser.close();
      await mine.close();
    }
    expect(await book()).toEqual(before);
  });
});
