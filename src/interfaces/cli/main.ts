#!/usr/bin/env node
/** The command `weak-teacher`. Everything it can do is a verb of `program.ts`. */
import { exitWith } from "./failure.ts";
import { buildProgram } from "./program.ts";
import { watchPipes } from "./streams.ts";

watchPipes();
const program = buildProgram();
try {
  await program.parseAsync();
} catch (error) {
  exitWith(error, process.argv.slice(2), program);
}
