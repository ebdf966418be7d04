import { afterAll, beforeAll, expect, test } from "vitest";
import { metricsOf, slowBody, until } from "../../../test/helpers/serve-clients.ts";
import { post, type TinyFolders, tinyServer, writeTinyFolders } from "../../../test/helpers/tiny-server.ts";
import { openRuntime, type Runtime } from "../../engine/runtime/runtime.ts";
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

test("clients that send slowly hold up each other and nobody else", () =>
  serving({ limits: { maxRequests: 1, maxBodies: 4, bodyMs: 600_000 } }, async ({ url }) => {
    const at = `${url}/v1/completions`;
    const slow = Array.from({ length: 12 }, () => slowBody(url));
    // Of those that arrive together the first come are ended, until four are left.
    await until(async () => slow.filter(({ said }) => said().includes(" 408 ")).length === 8);
    expect(slow.find(({ said }) => said() !== "")!.said()).toContain(
      "body: too many bodies arrive at once, and this one has taken longest",
    );
    for (let i = 0; i < 3; i++) expect((await post(at, short)).status).toBe(200);
    expect(await metricsOf(url)).toContain("weak_teacher_requests_in_flight 0");
    for (const { end } of slow) end();
  }));

test("bodies together hold no more than so many of the largest", () =>
  serving({ limits: { maxBodyBytes: 1000, maxBodies: 200, bodyMs: 600_000 } }, async ({ url }) => {
    // 900 bytes each, of 32,000 that may be held.
    const slow = Array.from({ length: 40 }, () => slowBody(url, 950, " ".repeat(900)));
    await until(async () => slow.filter(({ said }) => said().includes(" 408 ")).length >= 5);
    expect(slow.filter(({ said }) => said() === "").length).toBeGreaterThanOrEqual(30);
    expect((await post(`${url}/v1/completions`, short)).status).toBe(200);
    for (const { end } of slow) end();
  }));

test("a body that does not arrive in time is answered with 408, and its connection closed", () =>
  serving({ limits: { bodyMs: 100 } }, async ({ url }) => {
    const slow = slowBody(url);
    await slow.closed;
    expect(slow.said()).toMatch(/^HTTP\/1\.1 408 /);
    expect(slow.said()).toContain('"body: did not arrive within 100 ms, expected it whole sooner."');
  }));
