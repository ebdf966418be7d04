/** What a run says, kept in its folder too: whoever looks later, or from elsewhere, reads the same lines. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { createLog, type Log } from "../../base/core/log.ts";

/** Name of the file; several processes at one run add to it. */
export const RUN_LOG = "run.log";

/** A log that says everything twice: to `log`, and as lines with their time to the run's folder. A disk that takes no line stops nothing. */
export function withRunLog(folder: string, log: Log): Log {
  const write = (text: string) => {
    try {
      appendFileSync(join(folder, RUN_LOG), `${new Date().toISOString()} ${text}`);
    } catch {
      // The run itself will say what is wrong with the disk.
    }
  };
  const file = createLog({ write });
  return {
    info(message) {
      log.info(message);
      file.info(message);
    },
    warn(message) {
      log.warn(message);
      file.warn(message);
    },
    progress(label, total, unit) {
      const both = [log, file].map((one) => one.progress(label, total, unit));
      return {
        update: (...args) => both.forEach((one) => void one.update(...args)),
        end: (note) => both.forEach((one) => void one.end(note)),
      };
    },
  };
}
