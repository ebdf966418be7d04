#!/usr/bin/env node
/** The command `weak-teacher`. Everything it can do is a verb of `program.ts`. */
import { exitWith } from "./failure.ts";
import { buildProgram } from "./program.ts";
import { watchPipes } from "./streams.ts";

watchPipes();
try {
  await buildProgram().parseAsync();
} catch (error) {
  exitWith(error, process.argv);
}
