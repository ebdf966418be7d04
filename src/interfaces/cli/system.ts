/** What differs where this does not run on Linux: `doctor` says it, docs/systems.md explains it. */

/** A system as far as it matters here. */
export type System = {
  /** As `process.platform` and `process.arch` name them. */
  readonly platform: string;
  readonly arch: string;
  /** When a process began can be looked up (Linux' /proc). */
  readonly starts: boolean;
};

/** One line: whether this was tried there, and what is missed. */
export function systemInWords({ platform, arch, starts }: System): string {
  const tried = platform === "linux" && arch === "x64";
  return [
    tried
      ? "linux-x64, on which everything is tested"
      : `${platform}-${arch}, on which nothing was tried: docs/systems.md says what may differ`,
    ...(starts ? [] : ["no /proc, so that the lock of a dead process is told by its number alone"]),
    ...(platform === "win32"
      ? [
          "a process that is ended hears nothing of it and goes on later from its last checkpoint",
          "modes of files that hold tokens are not looked at",
        ]
      : []),
  ].join("; ");
}
