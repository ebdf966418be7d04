/** DeBERTa's relative positions: near distances each have a bucket, far ones share buckets on a logarithmic scale. */

/** Bucket settings of a config. */
export type RelativePositions = {
  /** Half the rows of the relative embedding table; distances are clamped to it. */
  readonly span: number;
  /** `position_buckets`; 0 or less: every distance has its own row. */
  readonly buckets: number;
  /** Distance at which the last bucket ends. */
  readonly maxDistance: number;
};

/** Signed bucket of a distance (query position - key position). */
export function logBucket(distance: number, buckets: number, maxDistance: number): number {
  const middle = Math.floor(buckets / 2);
  const size = Math.abs(distance) < middle ? middle - 1 : Math.abs(distance);
  if (size <= middle) return distance;
  const position =
    Math.ceil((Math.log(size / middle) / Math.log((maxDistance - 1) / middle)) * (middle - 1)) + middle;
  return position * Math.sign(distance);
}

/**
 * Rows of the relative table for every query and key of a sequence of `length`, row-major `[length, length]`.
 * `contentToPosition[i, j]` is for query i and key j; `positionToContent[j, i]` the same pair seen from key j.
 */
export function relativeIndices(
  length: number,
  { span, buckets, maxDistance }: RelativePositions,
): { contentToPosition: Int32Array; positionToContent: Int32Array } {
  const contentToPosition = new Int32Array(length * length);
  const positionToContent = new Int32Array(length * length);
  const clamp = (row: number) => Math.min(Math.max(row, 0), 2 * span - 1);
  for (let i = 0; i < length; i++) {
    for (let j = 0; j < length; j++) {
      const bucket = buckets > 0 && maxDistance > 0 ? logBucket(i - j, buckets, maxDistance) : i - j;
      contentToPosition[i * length + j] = clamp(bucket + span);
      positionToContent[i * length + j] = clamp(-bucket + span);
    }
  }
  return { contentToPosition, positionToContent };
}
