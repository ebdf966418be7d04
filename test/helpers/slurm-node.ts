/** A real Slurm of one node for tests, by `scripts/slurm-one-node.sh`; or the reason why there cannot be one. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../../scripts/slurm-one-node.sh", import.meta.url));

/** Why this machine cannot start a Slurm; undefined when it can. */
export function slurmMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "slurmd needs root";
  const missing = ["munged", "slurmctld", "slurmd", "sbatch"].filter(
    (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0,
  );
  return missing.length === 0 ? undefined : `${missing.join(", ")}: not installed (slurm-wlm, munge)`;
}

/** A running Slurm. */
export type SlurmNode = {
  /** What Slurm's commands need in their environment. */
  readonly env: { readonly SLURM_CONF: string };
  /** Runs one of Slurm's commands and gives what it says. */
  command(name: string, ...args: string[]): string;
  stop(): void;
};

/** Starts a Slurm whose node says it has `cpus` cores. It is stopped with the process at the latest. */
export function startSlurm(cpus: number): SlurmNode {
  const folder = mkdtempSync(join(tmpdir(), "wt-slurm-"));
  let running = true;
  const stop = () => {
    if (!running) return;
    running = false;
    spawnSync(SCRIPT, ["stop", folder], { stdio: "ignore" });
    rmSync(folder, { recursive: true, force: true });
  };
  process.on("exit", stop);
  const started = spawnSync(SCRIPT, ["start", folder], {
    encoding: "utf8",
    env: { ...process.env, CPUS: String(cpus) },
    // Daemons must not hold our pipes open: what they say is in their logs.
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (started.status !== 0) {
    stop();
    throw new Error(`slurm-one-node.sh: ${started.stderr}`);
  }
  const env = { SLURM_CONF: join(folder, "slurm.conf") };
  return {
    env,
    command: (name, ...args) =>
      execFileSync(name, args, { encoding: "utf8", env: { ...process.env, ...env } }),
    stop: () => {
      stop();
      process.off("exit", stop);
    },
  };
}
