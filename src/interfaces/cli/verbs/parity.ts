/** `weak-teacher parity`: the engine's numbers against reference numbers. */
import type { Command } from "commander";
import { AlignError } from "../../../base/core/errors.ts";
import type { Runtime } from "../../../engine/runtime/runtime.ts";
import type { Finding } from "../../../method/parity/compare.ts";
import { type ComputeOptions, examples, withCompute } from "../options.ts";
import { act, type Session } from "../session.ts";

/** Adds the verb `parity`. */
export function addParity(program: Command): void {
  withCompute(
    program
      .command("parity")
      .description("compare the engine with reference numbers, one line per fixture and quantity")
      .argument("<folder>", "a fixture (a model folder with expected.json), or a folder of fixtures"),
  )
    .addHelpText(
      "after",
      examples(["parity fixtures/parity", "parity fixtures/parity/llama --device webgpu --json"]),
    )
    .action(act(runParity));
}

type Row = { fixture: string } & Finding;

async function runParity(session: Session, folder: string, options: ComputeOptions): Promise<void> {
  const { openRuntime } = await import("../../../engine/runtime/runtime.ts");
  const runtime = openRuntime(options);
  try {
    const rows = await checkAll(session, runtime, folder);
    const off = rows.filter((row) => !(row.shareOfLimit <= 1));
    const summary = `${rows.length} quantities, ${off.length} off`;
    session.result(
      { device: options.device, findings: rows, off: off.length },
      `${rows.map(line).join("\n")}\n${summary}`,
    );
    if (off.length > 0)
      throw new AlignError(
        "parity",
        `parity: ${off.length} of ${rows.length} quantities are off: ${off.map((row) => `${row.fixture} ${row.quantity}`).join(", ")}.`,
      );
  } finally {
    await runtime.close();
  }
}

async function checkAll(session: Session, runtime: Runtime, folder: string): Promise<Row[]> {
  const { openFixtures } = await import("../../../method/parity/fixture.ts");
  const { checkFixture } = await import("../../../method/parity/check.ts");
  const fixtures = await openFixtures(folder);
  const progress = session.log.progress("parity", fixtures.length, "fixtures");
  const rows: Row[] = [];
  for (const [i, fixture] of fixtures.entries()) {
    const { name } = fixture.expected;
    progress.update(i, name);
    rows.push(...(await checkFixture(runtime, fixture)).map((finding) => ({ fixture: name, ...finding })));
  }
  progress.update(fixtures.length);
  progress.end();
  return rows;
}

function line({ fixture, quantity, numbers, largestError, shareOfLimit }: Row): string {
  const verdict = shareOfLimit <= 1 ? "ok " : "OFF";
  return `${verdict} ${fixture.padEnd(20)} ${quantity.padEnd(22)} ${String(numbers).padStart(6)} numbers, largest error ${largestError.toExponential(1)}, ${(100 * shareOfLimit).toFixed(0)} % of its limit`;
}
