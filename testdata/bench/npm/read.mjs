// Reads JUnit reports with the reader that is named first and prints what it counted, as JSON. The
// last argument is a file, or a pattern for several.
import { createRequire } from 'node:module';

const [reader, path] = process.argv.slice(2);
let counts;
switch (reader) {
  case 'test-results-parser': {
    // Its totals leave skipped tests out.
    const { parse } = createRequire(import.meta.url)('test-results-parser');
    const r = parse({ type: 'junit', files: [path] });
    counts = { tests: r.total + r.skipped, passed: r.passed, failed: r.failed, errored: r.errors, skipped: r.skipped };
    break;
  }
  case 'junit-to-ctrf': {
    // CTRF has no word for a test that errored. The report is made and not written.
    const { convertJUnitToCTRFReport } = await import('junit-to-ctrf');
    const s = (await convertJUnitToCTRFReport(path)).results.summary;
    counts = { tests: s.tests, passed: s.passed, failed: s.failed, errored: 0, skipped: s.skipped + s.pending };
    break;
  }
  default:
    throw new Error(`there is no reader ${reader}`);
}
console.log(JSON.stringify(counts));
