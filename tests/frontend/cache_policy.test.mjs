import assert from "node:assert/strict";
import { test } from "node:test";
import { handlingOf, overflow } from "../../frontend/static/js/logic/cache_policy.js";

const ORIGIN = "https://swipe.example";
const handling = (path, mode = "no-cors") => handlingOf(`${ORIGIN}${path}`, ORIGIN, mode);

test("pictures and what pages are made of come from the cache, pages from the network first", () => {
  assert.equal(handling("/pictures/abc.webp"), "picture");
  assert.equal(handling("/static/css/base.0123456789ab.css"), "file");
  assert.equal(handling("/static/js/pages/play.0123456789ab.js"), "file");
  assert.equal(handling("/play/shoes/?embed=1", "navigate"), "page");
  assert.equal(handling("/", "navigate"), "page");
});

test("the API, the lab, the admin and other origins are none of its business", () => {
  for (const path of ["/api/v1/votes/", "/healthz", "/static/admin/css/base.css", "/service-worker.js"]) {
    assert.equal(handling(path), null, path);
  }
  for (const path of ["/lab/", "/admin/", "/leaderboard/shoes/"]) assert.equal(handling(path, "navigate"), null, path);
  assert.equal(handlingOf("https://elsewhere.example/pictures/a.webp", ORIGIN, "no-cors"), null);
});

test("what is kept is bounded, the oldest goes first", () => {
  assert.deepEqual(overflow([1, 2, 3, 4], 3), [1]);
  assert.deepEqual(overflow([1, 2], 3), []);
});
