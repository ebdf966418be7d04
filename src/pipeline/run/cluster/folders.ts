/** Where a run keeps what it gave to a cluster; a module of its own, since `status` asks of every run whether there is such a folder. */
import { join } from "node:path";

/** Scripts, logs and the list of a run's Slurm jobs. */
export const slurmFolder = (folder: string): string => join(folder, "slurm");

/** Logs of a run's Ray jobs and what they read. */
export const rayFolder = (folder: string): string => join(folder, "ray");
