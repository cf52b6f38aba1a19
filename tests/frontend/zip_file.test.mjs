/** A zip that is made in the browser is one that Python's `zipfile` reads; here its bytes are compared by hand. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { crc32, ending, entry } from "../../frontend/static/js/logic/zip_file.js";

test("checksums are those of the standard", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
  const bytes = new Uint8Array(1000).map((_, at) => at * 7);
  assert.equal(crc32(bytes.subarray(500), crc32(bytes.subarray(0, 500))), crc32(bytes));
});

test("a head names its file in UTF-8 and tells its size twice", () => {
  const head = entry({ path: "été/1.jpg", size: 5, crc: 0x01020304 });
  const view = new DataView(head.buffer);
  assert.equal(view.getUint32(0, true), 0x04034b50);
  assert.equal(view.getUint16(6, true), 0x0800);
  assert.equal(view.getUint32(14, true), 0x01020304);
  assert.deepEqual([view.getUint32(18, true), view.getUint32(22, true)], [5, 5]);
  assert.equal(new TextDecoder().decode(head.subarray(30)), "été/1.jpg");
});

test("the list at the end says where each file begins", () => {
  const line = new DataView(entry({ path: "a", size: 1, crc: 2 }, 77).buffer);
  assert.equal(line.getUint32(0, true), 0x02014b50);
  assert.equal(line.getUint32(42, true), 77);
  const end = new DataView(ending(3, 141, 999).buffer);
  assert.deepEqual(
    [end.getUint32(0, true), end.getUint16(10, true), end.getUint32(12, true), end.getUint32(16, true)],
    [0x06054b50, 3, 141, 999],
  );
});
