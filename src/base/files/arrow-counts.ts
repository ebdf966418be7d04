/**
 * Bounds what an Arrow file's own tables say of themselves. Their reader takes a count of parts as it stands there and goes through so many,
 * past the end of the file: a kilobyte of file filled the memory and ended the process. No part takes less than a byte.
 */
import { ByteBuffer } from "flatbuffers";

const read = ByteBuffer.prototype.__vector_len;

/** Counts beyond the bytes that there are become an error, which the readers of Arrow files word. Done once, for the whole process. */
ByteBuffer.prototype.__vector_len = function (this: ByteBuffer, offset: number): number {
  const count = read.call(this, offset);
  if (count <= this.capacity()) return count;
  throw new Error(`it says it has ${count} parts in ${this.capacity()} bytes`);
};
