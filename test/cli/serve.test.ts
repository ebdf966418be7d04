/** The server as a command: it starts, answers, stops at a signal. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRuntime, type Runtime } from "../../src/engine/runtime/runtime.ts";
import { post, type TinyFolders, writeTinyFolders } from "../helpers/tiny-server.ts";
import { nodeArguments, weakTeacher } from "./spawn.ts";

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

test("serves a base with its adapter behind a token, and stops with 0 at a signal", async () => {
  const tokenFile = join(folders.root, "token");
  await writeFile(tokenFile, "a-token-of-some-length\n", { mode: 0o600 });
  const args = [
    "serve",
    folders.base,
    "--lora",
    `teacher=${folders.adapter}`,
    "--port",
    "0",
    "--token-file",
    tokenFile,
  ];
  const child = spawn(process.execPath, [...nodeArguments, ...args, "--threads", "1", "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part));
  const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  const { url, models } = JSON.parse(line) as { url: string; models: string[] };
  expect(models).toEqual(["base", "teacher"]);
  const ask = (headers: Record<string, string>) =>
    post(`${url}/v1/score`, { model: "teacher", pairs: [{ prompt: "x", a: "y", b: "z" }] }, headers);
  expect((await ask({})).status).toBe(401);
  const reply = await ask({ authorization: "Bearer a-token-of-some-length" });
  expect(reply).toMatchObject({ status: 200, json: { kind: "implicit-reward" } });
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(stderr).toContain("stopping");
  expect(stderr).not.toContain("a-token");
});

test("what cannot be served is told, with its exit code", async () => {
  const open = await weakTeacher(["serve", folders.base, "--host", "0.0.0.0"]);
  expect(open).toMatchObject({ code: 2, stdout: "" });
  expect(open.stderr).toContain("expected a bearer token. Name one with --token-env or --token-file.");
  const absent = await weakTeacher(["serve", join(folders.root, "nowhere"), "--port", "0"]);
  expect(absent).toMatchObject({ code: 1, stdout: "" });
  const lora = await weakTeacher(["serve", folders.base, "--lora", "adapter"]);
  expect(lora.code).toBe(2);
  expect(lora.stderr).toContain("--lora: expected name=folder");
});
