/** The studio as a command: opened, answered, killed, opened again. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { studioKills } from "../../scripts/studio-kills.mjs";
import { tinyPairs, writeTinyQuestions } from "../helpers/tiny-questions.ts";
import { nodeArguments, weakTeacher } from "./spawn.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wt-studio-"));
  await writeTinyQuestions(folder, tinyPairs(40));
});
afterAll(() => rm(folder, { recursive: true }));

test("prints an address that lets in once, opens the browser with it, and stops with 0 at a signal", async () => {
  const opened = join(folder, "opened");
  await writeFile(
    join(folder, "xdg-open"),
    `#!/bin/sh\nprintf %s "$1" > ${opened}.part && mv ${opened}.part ${opened}\n`,
  );
  await chmod(join(folder, "xdg-open"), 0o755);
  const args = ["studio", folder, "--port", "0", "--annotator", "anna", "--json"];
  const open = process.platform === "linux" ? ["--open"] : [];
  const child = spawn(process.execPath, [...nodeArguments, ...args, ...open], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
  });
  const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  const { url } = JSON.parse(line) as { url: string };
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?ticket=[\w-]{32}$/);
  if (open.length > 0)
    await expect.poll(() => readFile(opened, "utf8").catch(() => ""), { timeout: 60_000 }).toBe(url);
  const reply = await fetch(url, { redirect: "manual" });
  expect(reply.headers.get("set-cookie")).toContain("HttpOnly");
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("killed at random while answers come in: none that was acknowledged is lost or doubled", async () => {
  // The script does it two hundred times.
  const { kills, acknowledged, lost, doubled } = await studioKills({
    folder: join(folder, "questions"),
    kills: 4,
    command: [process.execPath, ...nodeArguments],
    seed: 1,
  });
  expect({ kills, lost, doubled }).toEqual({ kills: 4, lost: 0, doubled: 0 });
  expect(acknowledged).toBeGreaterThanOrEqual(4);
});

test("what cannot be opened is told, with exit code 2", async () => {
  const absent = await weakTeacher(["studio", join(folder, "nowhere")]);
  expect(absent).toMatchObject({ code: 2, stdout: "" });
  expect(absent.stderr).toContain("is no folder that can be read");
  const name = await weakTeacher(["studio", folder, "--annotator", "../x"]);
  expect(name).toMatchObject({ code: 2 });
  expect(name.stderr).toContain("--annotator: cannot be the name of a file");
  const host = await weakTeacher(["studio", folder, "--host", "0.0.0.0"]);
  expect(host).toMatchObject({ code: 2 });
  expect(host.stderr).toContain("expected a loopback address");
});
