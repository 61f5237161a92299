// Queries of a trace in SQL: node query.mjs TRACE-PROCESSOR.wasm TRACE 'SQL'...

import { createReadStream } from "node:fs";
import { TraceProcessor } from "./trace-processor.mjs";

const [module, trace, ...queries] = process.argv.slice(2);
const processor = await TraceProcessor.load(module);
await processor.read(createReadStream(trace, { highWaterMark: 8 << 20 }));
for (const query of queries) {
  const rows = processor.query(query);
  const columns = Object.keys(rows[0] ?? {});
  for (const cells of rows.length ? [columns, ...rows.map((row) => Object.values(row))] : []) {
    console.log(cells.join(" | "));
  }
  console.log("");
}
