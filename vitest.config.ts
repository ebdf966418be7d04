import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Each test file may hold an ONNX Runtime session with its own threads; two files at once fill two cores.
    maxWorkers: 2,
    pool: "forks",
  },
});
