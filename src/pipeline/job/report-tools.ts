/** Which trainings a program of others did: its versions and device as a table of the report, its time and memory for the times. */
import { formatBytes, formatSeconds } from "../../base/core/log.ts";
import type { ReportTable } from "../../report/data.ts";
import { trlWords } from "../elsewhere/trl-versions.ts";
import { readStageRecord } from "../stages/cache.ts";
import type { Artefact } from "../stages/stage.ts";
import type { StageTool } from "../stages/tool.ts";

/** Stages whose work a program of others did. @param stages - whatever trained, each once */
export async function toolsOf(stages: readonly Artefact[]): Promise<ReadonlyMap<string, StageTool>> {
  const found = new Map<string, StageTool>();
  for (const { stage, folder } of stages) {
    const tool = (await readStageRecord(folder))?.tool;
    if (tool !== undefined) found.set(stage, tool);
  }
  return found;
}

/** One row for each such training; nothing where there is none. */
export function toolTables(tools: ReadonlyMap<string, StageTool>): ReportTable[] {
  if (tools.size === 0) return [];
  return [
    {
      title: "Trained elsewhere",
      columns: [
        { title: "training", format: "text" },
        { title: "by", format: "text" },
        { title: "on", format: "text" },
        { title: "processes", format: "count" },
        { title: "rows it left out", format: "count" },
      ],
      rows: [...tools].map(([stage, { versions, device, processes, dropped }]) => [
        stage,
        trlWords(versions),
        device,
        processes,
        dropped,
      ]),
      notes: [
        "Rows are left out there where the prompt alone fills max_length. What else is meant otherwise than in our own trainer: docs/interop.md.",
      ],
    },
  ];
}

/** What a program of others took, in words: "TRL: 35 s, 523 MB at most". */
export const toolTime = ({ name, seconds, peakBytes }: StageTool): string =>
  `${name}: ${formatSeconds(seconds)}, ${formatBytes(peakBytes)} at most`;
