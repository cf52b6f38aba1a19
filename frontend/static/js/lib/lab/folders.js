/**
 * Folders that people drop or choose, made into one zip to send.
 */

import { MOST_BYTES, MOST_FILES, crc32, ending, entry } from "logic/zip_file";

/** @typedef {{ path: string, file: File }} Found */

/**
 * All files in what was dropped, with their paths; a single file is itself.
 * @param {DataTransfer} dropped
 * @returns {Promise<Found[]>}
 */
export async function filesOf(dropped) {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...dropped.files].map((file) => ({ path: file.name, file }));
  const found = await Promise.all(entries.map((one) => walk(/** @type {FileSystemEntry} */ (one))));
  return found.flat();
}

/** @param {FileList} files of an input that chooses folders @returns {Found[]} */
export const filesIn = (files) => [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

/** @param {FileSystemEntry} one @returns {Promise<Found[]>} */
async function walk(one) {
  if (one.isFile) {
    const file = await new Promise((done, failed) => /** @type {FileSystemFileEntry} */ (one).file(done, failed));
    return [{ path: one.fullPath.replace(/^\//, ""), file }];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (one).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return found;
    for (const below of some) found.push(...(await walk(below)));
  }
}

/**
 * One zip of these files; they are read one after another, and stay on the disk otherwise.
 * @param {Found[]} found
 * @param {string} name of the zip
 * @param {(done: number) => void} [onFile]
 * @returns {Promise<File>}
 */
export async function zipOf(found, name, onFile = () => {}) {
  const files = found.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  if (files.length > MOST_FILES || bytes > MOST_BYTES) {
    throw new RangeError(`A folder of ${files.length} files and ${bytes} bytes is too large to send at once.`);
  }
  /** @type {BlobPart[]} */
  const parts = [];
  const list = [];
  let at = 0;
  for (const [number, { path, file }] of files.entries()) {
    const told = { path, size: file.size, crc: crc32(new Uint8Array(await file.arrayBuffer())) };
    const head = entry(told);
    parts.push(/** @type {BlobPart} */ (head), file);
    list.push(entry(told, at));
    at += head.length + file.size;
    onFile(number + 1);
  }
  const size = list.reduce((sum, line) => sum + line.length, 0);
  parts.push(.../** @type {BlobPart[]} */ (list), /** @type {BlobPart} */ (ending(files.length, size, at)));
  return new File(parts, `${name}.zip`, { type: "application/zip" });
}
