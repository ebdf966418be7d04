/** `weak-teacher doctor`: is this machine fit for the work, and how fast is it? */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { availableParallelism, freemem, totalmem } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { freeBytes, nearestFolder } from "../../../base/core/disk.ts";
import { AlignError, messageOf } from "../../../base/core/errors.ts";
import { fetchPackages } from "../../../base/core/fetch-packages.ts";
import { writeFileAtomic } from "../../../base/core/files.ts";
import { startOf } from "../../../base/core/holders.ts";
import { formatBytes } from "../../../base/core/log.ts";
import { DEMO_PACKAGES, findPackage, howToGet, loadPackage } from "../../../base/core/packages.ts";
import { type ComputeOptions, examples, withCompute } from "../options.ts";
import { packageVersion } from "../package.ts";
import { act, type Session } from "../session.ts";
import { systemInWords } from "../system.ts";

/** One line of the doctor's report. */
type Check = {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly advice?: string;
};

type DoctorOptions = ComputeOptions & { readonly out: string; readonly fetch?: boolean };

/** Adds the verb `doctor`. */
export function addDoctor(program: Command): void {
  withCompute(
    program
      .command("doctor")
      .description(
        "check this machine: node, system, ONNX Runtime, the device, threads, memory, disk, write permission",
      )
      .option("--out <folder>", "the folder that runs would be written to", "runs")
      .option("--fetch", "first fetch the npm packages that are missing, from the registry that npm uses"),
  )
    .addHelpText(
      "after",
      examples(["doctor", "doctor --fetch", "doctor --device webgpu", "doctor --out /data/runs --json"]),
    )
    .action(act(runDoctor));
}

async function runDoctor(session: Session, options: DoctorOptions): Promise<void> {
  if (options.fetch === true) await fetchPackages(["onnxruntime-node", ...DEMO_PACKAGES], session.log);
  const checks = [
    nodeCheck(),
    await systemCheck(),
    packageCheck(),
    await deviceCheck(options),
    demoCheck(),
    threadCheck(options.threads),
    memoryCheck(),
    await diskCheck(options.out),
    await writeCheck(options.out),
  ];
  const { paint } = session;
  const text = checks.map(({ ok, name, found, advice }) => {
    const mark = ok ? paint("green", "ok ") : paint("red", "BAD");
    return `${mark} ${name.padEnd(12)} ${found}${ok || advice === undefined ? "" : `\n    ${advice}`}`;
  });
  session.result({ version: packageVersion(), checks }, text.join("\n"));
  const bad = checks.filter(({ ok }) => !ok);
  if (bad.length > 0)
    throw new AlignError(
      "doctor",
      `doctor: ${bad.length} of ${checks.length} checks failed: ${bad.map(({ name }) => name).join(", ")}.`,
    );
}

function nodeCheck(): Check {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return {
    name: "node",
    ok: major > 20 || (major === 20 && minor >= 19),
    found: `${process.version} on ${process.platform}-${process.arch}`,
    advice: "Node 20.19 or newer is needed.",
  };
}

/** Another system than was tried is no fault; it is said. */
async function systemCheck(): Promise<Check> {
  const { platform, arch, pid } = process;
  const found = systemInWords({ platform, arch, starts: (await startOf(pid)) !== "" });
  return { name: "system", ok: true, found };
}

function packageCheck(): Check {
  const name = "onnxruntime";
  if (findPackage("onnxruntime-node") === undefined)
    return {
      name,
      ok: false,
      found: "onnxruntime-node is not installed",
      advice: `${INSTALLER} ${howToGet("onnxruntime-node")}`,
    };
  try {
    const { exports, version } = loadPackage("onnxruntime-node");
    const backends = (exports as { listSupportedBackends(): { name: string; bundled: boolean }[] })
      .listSupportedBackends()
      .map(({ name, bundled }) => `${name}${bundled ? "" : " (libraries apart)"}`);
    return { name, ok: true, found: `${version}, built for ${backends.join(", ")}` };
  } catch (error) {
    const found = `cannot be loaded: ${messageOf(error).split("\n")[0]}`;
    return {
      name,
      ok: false,
      found,
      advice: "It has binaries for Linux (glibc), macOS and Windows, on x64 and arm64.",
    };
  }
}

const INSTALLER =
  "Its installer asks for CUDA libraries at another address than the npm registry; where that fails, npm 11 and older leave the package out.";

/** What the demo is made of, beside the kernels. Not having it is no fault: `demo` fetches it. */
function demoCheck(): Check {
  const missing = DEMO_PACKAGES.filter((name) => findPackage(name) === undefined);
  const found =
    missing.length === 0
      ? `${DEMO_PACKAGES.join(" and ")} are installed`
      : `${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} not installed; \`demo\` fetches what is missing once, as --fetch does`;
  return { name: "demo", ok: true, found };
}

/** Side of the square product that is computed; its sum, 2^27, is exact in float32. */
const SIDE = 512;
const PRODUCTS = 16;

/** Computes a product whose value is known, so that a device that computes wrongly is found too. */
async function deviceCheck({ device, threads }: ComputeOptions): Promise<Check> {
  if (findPackage("onnxruntime-node") === undefined)
    return { name: "device", ok: false, found: `${device}: not tried, for want of onnxruntime-node` };
  const { openRuntime } = await import("../../../engine/runtime/runtime.ts");
  const { floats } = await import("../../../engine/runtime/values.ts");
  const runtime = openRuntime({ device, threads });
  try {
    const executable = await runtime.compile(await probeProgram(runtime.dialect));
    await runtime.store.set("w", [SIDE, SIDE], new Float32Array(SIDE * SIDE).fill(1));
    let fastestMs = Number.POSITIVE_INFINITY;
    let total = Number.NaN;
    for (let i = 0; i < 4; i++) {
      const x = floats(new Float32Array(SIDE * SIDE).fill(1), [SIDE, SIDE]);
      const startMs = performance.now();
      total = (await executable.run({ x })).total!.data[0] as number;
      fastestMs = Math.min(fastestMs, performance.now() - startMs);
    }
    const gflops = (2 * PRODUCTS * SIDE ** 3) / fastestMs / 1e6;
    return total === PRODUCTS * SIDE ** 3
      ? {
          name: "device",
          ok: true,
          found: `${device} computes rightly, ${gflops.toFixed(0)} GFLOP/s in float32 products`,
        }
      : {
          name: "device",
          ok: false,
          found: `${device}: a product summed to ${total}, expected ${PRODUCTS * SIDE ** 3}`,
          advice: "Use another --device, and report this.",
        };
  } catch (error) {
    if (!(error instanceof AlignError)) throw error;
    return { name: "device", ok: false, found: error.message };
  } finally {
    await runtime.close();
  }
}

/** Sum of x·w over several x that differ in nothing but a factor of their own, so that none is left out as a repeat. */
async function probeProgram(dialect: import("../../../engine/graph/tensor.ts").Dialect) {
  const { input, parameter } = await import("../../../engine/graph/tensor.ts");
  const { add, mul } = await import("../../../engine/graph/ops/elementwise.ts");
  const { sum } = await import("../../../engine/graph/ops/layout.ts");
  const { linear } = await import("../../../engine/graph/ops/matmul.ts");
  const { writeProgram } = await import("../../../engine/graph/onnx/write.ts");
  const x = input("x", "float", [SIDE, SIDE]);
  const w = parameter("w", [SIDE, SIDE]);
  // Powers of two scale exactly: Σ x·2^k / 2^k.
  const part = (k: number) => mul(sum(linear(mul(x, 2 ** k), w)), 2 ** -k);
  const total = Array.from({ length: PRODUCTS }, (_, k) => part(k)).reduce((a, b) => add(a, b));
  return writeProgram({ total }, dialect);
}

function threadCheck(threads: number): Check {
  const cores = availableParallelism();
  return {
    name: "threads",
    ok: threads <= cores,
    found: `${threads} of ${cores} cores`,
    advice: "More threads than cores are slower: lower --threads.",
  };
}

/** Less than this and not even a 15 M model trains. */
const LEAST_MEMORY = 1e9;

function memoryCheck(): Check {
  // A container's limit counts, where there is one.
  const limit = process.constrainedMemory?.() ?? 0;
  const total = limit > 0 && limit < totalmem() ? limit : totalmem();
  const rough = "training takes about 16 bytes per trained weight, scoring 4";
  return {
    name: "memory",
    ok: total >= LEAST_MEMORY,
    found: `${formatBytes(Math.min(freemem(), total))} free of ${formatBytes(total)} (${rough})`,
    advice: "At least 1 GB is needed for the smallest models.",
  };
}

const LEAST_DISK = 2e9;

async function diskCheck(out: string): Promise<Check> {
  const free = await freeBytes(out);
  return {
    name: "disk",
    ok: free === undefined || free >= LEAST_DISK,
    found:
      free === undefined
        ? `the system does not say what is free for ${out}`
        : `${formatBytes(free)} free for ${out}`,
    advice: "A run keeps its models and checkpoints: 2 GB is the least. Choose another folder with --out.",
  };
}

async function writeCheck(out: string): Promise<Check> {
  const folder = await nearestFolder(out);
  const file = join(folder, `.weak-teacher-doctor-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    await writeFileAtomic(file, "x");
    return { name: "write", ok: true, found: `${folder} can be written` };
  } catch (error) {
    return { name: "write", ok: false, found: messageOf(error), advice: "Choose another folder with --out." };
  } finally {
    await rm(file, { force: true }).catch(() => {});
  }
}
