/** Whether a process of this machine still runs: what locks and claims tell the dead by. */

/** True for a process that runs, whoever owns it. Ids are used again: a caller that must be sure looks at more than the id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
