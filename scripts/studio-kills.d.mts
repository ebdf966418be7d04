/** What came of kills while people answer. */
export function studioKills(options: {
  readonly folder: string;
  readonly kills: number;
  readonly command: readonly string[];
  readonly seed: number;
}): Promise<{
  readonly kills: number;
  readonly acknowledged: number;
  readonly events: number;
  readonly lost: number;
  readonly doubled: number;
  readonly torn: number;
}>;
