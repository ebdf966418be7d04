/** Programs whose constants lie in a file: both are written into a folder of their own for as long as they are compiled. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkFree } from "../../base/core/disk.ts";
import type { ConstantsFile } from "../graph/onnx/constants-file.ts";

/**
 * Writes a program and its constants, and takes both away when `compile` is done: what it maps stays mapped.
 * @param compile - is given the program's path
 * @throws AlignError "io" when the system's folder for temporary files (TMPDIR) has no room; what `compile` throws
 */
export async function withProgramFolder<T>(
  bytes: Uint8Array,
  file: ConstantsFile,
  compile: (path: string) => Promise<T>,
): Promise<T> {
  await checkFree(
    tmpdir(),
    file.bytes.byteLength + bytes.byteLength,
    "the program with its weights, for a moment,",
  );
  const folder = await mkdtemp(join(tmpdir(), "weak-teacher-program-"));
  try {
    const program = join(folder, "program.onnx");
    await writeFile(program, bytes);
    await writeFile(join(folder, file.name), file.bytes);
    return await compile(program);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
