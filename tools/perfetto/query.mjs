// Shows what queries find in a timeline: node query.mjs MODULE.wasm TIMELINE SQL...
//
// Exits with 0, or with 2 where the timeline or a query is at fault.

import { createReadStream } from "node:fs";
import { TraceProcessor } from "./trace-processor.mjs";

const [module, timeline, ...queries] = process.argv.slice(2);
try {
  const processor = await TraceProcessor.load(module);
  await processor.read(createReadStream(timeline, { highWaterMark: 8 << 20 }));
  for (const sql of queries) {
    const rows = processor.query(sql);
    if (rows.length === 0) continue;
    console.log(Object.keys(rows[0]).join("\t"));
    for (const row of rows) console.log(Object.values(row).map((value) => value ?? "").join("\t"));
  }
} catch (error) {
  console.error(`perfetto-check: ${error.message}`);
  process.exitCode = 2;
}
