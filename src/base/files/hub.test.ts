import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigError } from "../core/errors.ts";
import { fetchHubFile, parseHubSource } from "./hub.ts";

test("a hub source names owner, name, revision and path", () => {
  expect(parseHubSource("hub:Anthropic/hh-rlhf/harmless-base/test.jsonl.gz")).toEqual({
    repo: "Anthropic/hh-rlhf",
    revision: "main",
    path: "harmless-base/test.jsonl.gz",
  });
  expect(parseHubSource("hub:a/b@refs%2Fconvert%2Fparquet/x.parquet")).toEqual({
    repo: "a/b",
    revision: "refs/convert/parquet",
    path: "x.parquet",
  });
  for (const wrong of [
    "hub:a/b",
    "hub:a/b/",
    "hub:/b/c",
    "hub:a/b@v1",
    "hub:../../etc/passwd",
    "hub:a/../x.jsonl",
    "hub:a/b/../../x.jsonl",
    "hub:a/b/x//y.jsonl",
    "hub:a/b/x\\..\\y.jsonl",
    "hub:a/b/x\0.jsonl",
    "hub:a/b@..%2F..%2Fx/y.jsonl",
    "hub:a/b@%/y.jsonl",
    "hub:a/b@%2Fetc/y.jsonl",
  ])
    expect(() => parseHubSource(wrong)).toThrow(ConfigError);
});

test("without a network the error says what to do", async () => {
  const cacheFolder = await mkdtemp(join(tmpdir(), "weak-teacher-hub-"));
  const offline = () => Promise.reject(new TypeError("fetch failed"));
  await expect(fetchHubFile("hub:a/b/x.jsonl", { cacheFolder, fetch: offline })).rejects.toMatchObject({
    code: "network",
    message: expect.stringMatching(/hub:a\/b\/x\.jsonl: cannot be downloaded: fetch failed.*give its path/),
  });
  await rm(cacheFolder, { recursive: true });
});

test("a file the hub does not have is the source's fault, not the network's", async () => {
  const cacheFolder = await mkdtemp(join(tmpdir(), "weak-teacher-hub-"));
  const missing = () =>
    Promise.resolve(
      new Response('{"error":"Repository not found"}', {
        status: 404,
        headers: { "content-type": "application/json" },
      }),
    );
  await expect(fetchHubFile("hub:a/b/x.jsonl", { cacheFolder, fetch: missing })).rejects.toMatchObject({
    code: "data",
    message: expect.stringContaining("the hub does not give this file"),
  });
  await rm(cacheFolder, { recursive: true });
});
