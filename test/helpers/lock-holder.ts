/** Takes a lock and a claim, works, and gives them back: `lock-holder.ts FOLDER`. A program for tests that kill it. */
import { join } from "node:path";
import { openClaims } from "../../src/base/core/claims.ts";
import { takeLock } from "../../src/base/core/lock.ts";

const folder = process.argv[2]!;
const lock = await takeLock(join(folder, "lock"), { pollMs: 1 });
const claim = await (await openClaims(folder)).take("x");
await claim?.release();
await lock.release();
