/** A real Ray of one node for tests, from the Python environment of the interop tests; or the reason why there cannot be one. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "../../src/base/core/server-process.ts";
import { python } from "../interop/python.ts";

const program = python === undefined ? undefined : join(dirname(python), "ray");

/** Why this machine cannot start a Ray; undefined when it can. */
export const rayMissing: string | undefined =
  program === undefined
    ? "no Python environment (scripts/python-env.sh makes it)"
    : existsSync(program)
      ? undefined
      : `${program}: not there`;

/** A running Ray. */
export type RayHead = {
  /** Of its dashboard. */
  readonly address: string;
  stop(): Promise<void>;
};

/** Starts a Ray whose node says it has `cpus` cores; it is up when this returns. It ends with the process at the latest. */
export async function startRay(cpus: number): Promise<RayHead> {
  // Sockets below it have paths of at most 107 characters.
  const folder = mkdtempSync(join(tmpdir(), "ray-"));
  const [port, client, dashboard, agent, metrics] = await Promise.all(Array.from({ length: 5 }, freePort));
  const child = spawn(
    program!,
    [
      ...["start", "--head", "--block", "--disable-usage-stats", "--num-cpus", String(cpus)],
      ...[
        "--node-ip-address",
        "127.0.0.1",
        "--port",
        String(port),
        "--ray-client-server-port",
        String(client),
      ],
      ...["--dashboard-host", "127.0.0.1", "--dashboard-port", String(dashboard)],
      ...["--dashboard-agent-listen-port", String(agent), "--metrics-export-port", String(metrics)],
      ...["--object-store-memory", String(80 * 2 ** 20), "--temp-dir", folder],
    ],
    // A group of its own, so that all of it ends together.
    { stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => (said += part));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const kill = (signal: NodeJS.Signals) => {
    try {
      process.kill(-child.pid!, signal);
    } catch {
      // It has ended already.
    }
  };
  const atExit = () => kill("SIGKILL");
  process.on("exit", atExit);
  const stop = async () => {
    kill("SIGTERM");
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5000))]);
    kill("SIGKILL");
    process.off("exit", atExit);
    rmSync(folder, { recursive: true, force: true });
  };
  const address = `http://127.0.0.1:${dashboard}`;
  for (let looks = 0; looks < 600; looks++) {
    if (child.exitCode !== null) break;
    // The list of jobs answers later than the version: with the first agent.
    const answer = await fetch(`${address}/api/jobs/`).catch(() => undefined);
    if (answer?.ok) return { address, stop };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await stop();
  throw new Error(`ray start: ${said}`);
}
