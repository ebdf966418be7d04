/** Where the numbers come from: data quality, recipe, environment, artefacts, times, notes. */
import { formatBytes, formatSeconds } from "../../base/core/log.ts";
import type { Block, Section } from "../blocks.ts";
import type { Cell, DataQuality, EnvironmentInfo, ReportData, ReportTable } from "../data.ts";
import { formatCount, formatNumber, shortDigest } from "../format.ts";

/** Sections in the order a sceptic asks for them. */
export function provenanceSections(data: ReportData): Section[] {
  return [dataQuality(data), notes(data), reproduction(data)].filter((section) => section !== undefined);
}

function dataQuality(data: ReportData): Section | undefined {
  const files = data.dataQuality ?? [];
  if (files.length === 0) return undefined;
  const rows = files.map((one): Cell[] => [
    one.file,
    one.format ?? null,
    one.rows,
    one.kept,
    (one.splits ?? []).map(splitText).join("; ") || null,
    one.digest === undefined ? null : shortDigest(one.digest),
  ]);
  const columns = [
    { title: "file" },
    { title: "format" },
    { title: "rows", format: "count" as const },
    { title: "kept", format: "count" as const },
    { title: "splits" },
    { title: "sha-256", format: "code" as const },
  ];
  const findings = findingTable(files);
  const blocks: Block[] = [{ type: "table", table: { columns, rows } }];
  if (findings !== undefined) blocks.push({ type: "table", table: findings });
  return { id: "data", title: "Data quality", blocks };
}

function splitText({ name, rows, prompts }: { name: string; rows: number; prompts?: number }): string {
  return `${name} ${formatCount(rows)}${prompts === undefined ? "" : ` (${formatCount(prompts)} prompts)`}`;
}

function findingTable(files: readonly DataQuality[]): ReportTable | undefined {
  const rows = files.flatMap((one) =>
    (one.findings ?? []).map((finding): Cell[] => [
      one.file,
      finding.kind,
      finding.count,
      one.rows > 0 ? formatNumber(finding.count / one.rows, { format: "percent" }) : null,
      finding.action ?? null,
      finding.examples?.slice(0, 3).join("; ") ?? null,
    ]),
  );
  if (rows.length === 0) return undefined;
  const columns = [
    { title: "file" },
    { title: "found" },
    { title: "rows", format: "count" as const },
    { title: "share" },
    { title: "what was done" },
    { title: "such as" },
  ];
  return { title: "Findings", columns, rows };
}

function notes(data: ReportData): Section | undefined {
  const items = data.notes ?? [];
  return items.length === 0
    ? undefined
    : { id: "notes", title: "Notes", blocks: items.map((text) => ({ type: "text", text })) };
}

function reproduction(data: ReportData): Section {
  const { recipe, artefacts = [], times } = data;
  const blocks: Block[] = [
    { type: "facts", items: environmentFacts(data.environment) },
    {
      type: "code",
      language: "yaml",
      summary: `Resolved recipe${recipe.preset === undefined ? "" : ` (${recipe.preset})`}, sha-256 ${shortDigest(recipe.digest)}`,
      text: recipe.yaml,
    },
  ];
  if (artefacts.length > 0) blocks.push({ type: "table", table: artefactTable(artefacts) });
  const stages = times?.stages ?? [];
  if (stages.length > 0) {
    const rows = stages.map((stage): Cell[] => [
      stage.name,
      formatSeconds(stage.seconds),
      stage.rate ?? null,
      [stage.tool, stage.reused && "reused from an earlier run"].filter(Boolean).join("; ") || null,
    ]);
    blocks.push({
      type: "table",
      table: {
        title: "Times",
        columns: [{ title: "stage" }, { title: "took" }, { title: "rate" }, { title: "note" }],
        rows,
      },
    });
  }
  return { id: "reproduce", title: "How to reproduce this", blocks };
}

function artefactTable(artefacts: NonNullable<ReportData["artefacts"]>): ReportTable {
  const rows = artefacts.map((one): Cell[] => [
    one.name,
    one.path,
    one.bytes === undefined ? null : formatBytes(one.bytes),
    one.digest,
  ]);
  const columns = [
    { title: "artefact" },
    { title: "path", format: "code" as const },
    { title: "size" },
    { title: "sha-256", format: "code" as const },
  ];
  return { title: "Artefacts", columns, rows };
}

function environmentFacts(environment: EnvironmentInfo): { term: string; text: string }[] {
  const facts: [string, string | undefined][] = [
    ["weak-teacher", environment.version],
    ["commit", environment.commit],
    ["seed", String(environment.seed)],
    ["Node", environment.node],
    ["runtime", environment.runtime],
    ["device", environment.device],
    ["threads", environment.threads?.toString()],
    ...Object.entries(environment.more ?? {}),
  ];
  return facts.flatMap(([term, text]) => (text === undefined ? [] : [{ term, text }]));
}
