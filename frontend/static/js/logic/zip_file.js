/**
 * A zip made of files as they are, nothing packed: pictures are packed already. No page is touched here.
 */

const CRC = Uint32Array.from({ length: 256 }, (_, start) => {
  let value = start;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export const MOST_FILES = 65_534;
export const MOST_BYTES = 0xffff_0000;

/**
 * @param {Uint8Array} bytes
 * @param {number} [before] of the bytes before these
 * @returns {number} the checksum that zips bear
 */
export function crc32(bytes, before = 0) {
  let value = ~before;
  for (let at = 0; at < bytes.length; at += 1) value = CRC[(value ^ bytes[at]) & 0xff] ^ (value >>> 8);
  return ~value >>> 0;
}

/**
 * The head that stands before a file, or, with an offset, its line in the list at the end.
 * @param {{ path: string, size: number, crc: number }} file
 * @param {number} [offset] where the head began
 * @returns {Uint8Array}
 */
export function entry({ path, size, crc }, offset) {
  const name = new TextEncoder().encode(path);
  const listed = offset !== undefined;
  const head = new DataView(new ArrayBuffer(listed ? 46 : 30));
  let at = 0;
  const two = (/** @type {number} */ value) => (head.setUint16(at, value, true), (at += 2));
  const four = (/** @type {number} */ value) => (head.setUint32(at, value, true), (at += 4));
  four(listed ? 0x02014b50 : 0x04034b50);
  if (listed) two(20);
  two(20);
  two(0x0800); // names are UTF-8
  two(0); // stored as it is
  two(0);
  two(0x21); // the first of January 1980: the same files make the same zip
  four(crc);
  four(size);
  four(size);
  two(name.length);
  two(0);
  if (listed) {
    for (const value of [0, 0, 0]) two(value);
    four(0);
    four(offset);
  }
  return joined([new Uint8Array(head.buffer), name]);
}

/**
 * What ends a zip.
 * @param {number} count of files
 * @param {number} size of the list
 * @param {number} offset where the list begins
 * @returns {Uint8Array}
 */
export function ending(count, size, offset) {
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, 0x06054b50, true);
  end.setUint16(8, count, true);
  end.setUint16(10, count, true);
  end.setUint32(12, size, true);
  end.setUint32(16, offset, true);
  return new Uint8Array(end.buffer);
}

/** @param {Uint8Array[]} parts @returns {Uint8Array} */
function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
