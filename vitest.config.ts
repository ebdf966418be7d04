import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: ["test/temporary.ts"],
    setupFiles: ["test/setup.ts"],
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // Only there to end a hang: tests that start several processes take long on a busy machine.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    // Each test file may hold an ONNX Runtime session with its own threads; two files at once fill two cores.
    maxWorkers: 2,
    pool: "forks",
  },
});
