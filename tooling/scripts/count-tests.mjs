/** Prints `N passed, 0 failed` from the JSON that vitest wrote; exits 1 when a test failed, was skipped, or none ran. */
import { readFileSync } from "node:fs";

const results = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { numPassedTests: passed, numFailedTests: failed, numTotalTests: total } = results;
const skipped = total - passed - failed;
if (skipped > 0) console.error(`${skipped} tests did not run.`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = results.success && failed === 0 && skipped === 0 && passed > 0 ? 0 : 1;
