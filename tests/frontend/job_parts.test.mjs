import assert from "node:assert/strict";
import { test } from "node:test";

import { changed, pause } from "../../frontend/static/js/logic/job_parts.js";

const row = (id, html, focused = false) => ({ id, html, shell: html, parts: [], focused });
const table = (rows, shell = "table") => ({
  id: "jobs",
  html: shell + rows.map((one) => one.html).join(""),
  shell,
  parts: rows,
  focused: rows.some((one) => one.focused),
});

test("only the rows that changed are replaced", () => {
  const old = [table([row("job-1", "10 / 20"), row("job-2", "done")])];
  assert.deepEqual(changed(old, [table([row("job-1", "15 / 20"), row("job-2", "done")])]), ["job-1"]);
  assert.deepEqual(changed(old, old), []);
});

test("a table in which rows came or went is replaced whole", () => {
  const old = [table([row("job-1", "a")])];
  assert.deepEqual(changed(old, [table([row("job-2", "b"), row("job-1", "a")])]), ["jobs"]);
  assert.deepEqual(changed(old, [table([row("job-1", "a")], "table with more")]), ["jobs"]);
});

test("what holds the focus waits", () => {
  const old = [table([row("job-1", "a", true), row("job-2", "b")])];
  assert.deepEqual(changed(old, [table([row("job-1", "x"), row("job-2", "y")])]), ["job-2"]);
  assert.deepEqual(changed(old, [table([row("job-3", "x")])]), []);
});

test("a server in trouble is asked less and less often", () => {
  assert.deepEqual([0, 1, 2, 10].map((failures) => pause(failures)), [2000, 4000, 8000, 60000]);
});

test("where nothing is under way it is asked seldom", () => {
  assert.deepEqual([0, 1, 10].map((failures) => pause(failures, true)), [15_000, 30_000, 60_000]);
});
