import { expect, test } from "vitest";
import { systemInWords } from "./system.ts";

test("what was tried is said, and elsewhere what is missed", () => {
  expect(systemInWords({ platform: "linux", arch: "x64", starts: true })).toBe(
    "linux-x64, on which everything is tested",
  );
  expect(systemInWords({ platform: "linux", arch: "arm64", starts: true })).toMatch(
    /on which nothing was tried/,
  );
  expect(systemInWords({ platform: "darwin", arch: "arm64", starts: false })).toMatch(
    /^darwin-arm64, on which nothing was tried: .*; no \/proc, so that the lock[^;]*$/,
  );
  expect(systemInWords({ platform: "win32", arch: "x64", starts: false })).toMatch(
    /nothing was tried.*no \/proc.*last checkpoint; modes of files that hold tokens are not looked at$/,
  );
});
