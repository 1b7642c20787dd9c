import { expect, it } from "vitest";
import { WorkLog } from "./work-log.ts";

it("tells the time left of all the work at the rate so far, a line every five seconds", () => {
  let now = 0;
  const lines: string[] = [];
  const log = new WorkLog(
    (line) => lines.push(line),
    500,
    () => now,
  );
  log.skip(100);
  const first = log.begin("first", 100);
  now = 4;
  first.update(0.4);
  now = 5;
  first.update(0.5); // 50 of 400 in 5 s
  now = 10;
  first.end();
  log.begin("second", 300).update(0);
  now = 40;
  log.begin("second", 300).update(0.5); // 250 of 400 in 40 s
  expect(lines).toEqual(["first  50 %  35 s left in all", "first: done, 10 s", "second  50 %  24 s left in all"]);
});
