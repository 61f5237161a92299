// Perfetto's own trace processor, compiled to WebAssembly, as a library for Node: no browser and none of
// its JavaScript is needed.
//
// Protocol: protos/perfetto/trace_processor/trace_processor.proto in Perfetto's sources. What goes in and
// comes out is a stream of messages TraceProcessorRpc.

import { readFile } from "node:fs/promises";

// Methods of TraceProcessorRpc.
const APPEND_TRACE_DATA = 1;
const FINALIZE_TRACE_DATA = 2;
const QUERY = 3;
const REQUEST_SIZE = 32 << 20;
// Errors of system calls, as the module's C library returns them.
const ENOENT = 44;
const ENOSYS = 52;
const EBADF = 8;

/** A trace that could not be read, or a query that failed. */
export class TraceProcessorError extends Error {}

export class TraceProcessor {
  /** Loads the module in the file `path`. */
  static async load(path) {
    const processor = new TraceProcessor();
    const module = await WebAssembly.compile(await readFile(path));
    await processor.#start(module);
    return processor;
  }

  #exports;
  #request;
  #replies = [];
  #sequence = 0;
  /** What the module has written. It writes as it likes, and of errors it tells otherwise too. */
  #log = [];

  /** Reads a trace: pieces of bytes, in their order. */
  async read(pieces) {
    for await (const piece of pieces) {
      for (let start = 0; start < piece.length; start += REQUEST_SIZE - 1024) {
        const part = piece.subarray(start, start + REQUEST_SIZE - 1024);
        const [reply] = this.#call(APPEND_TRACE_DATA, bytesField(101, part));
        checkResult(reply?.get(201), 2);
      }
    }
    // A document that is cut short fails only here.
    const [reply] = this.#call(FINALIZE_TRACE_DATA, []);
    checkResult(reply?.get(212), 1);
  }

  /** The rows of a query's result, as objects with a value for each column. Integers are BigInt. */
  query(sql) {
    const replies = this.#call(QUERY, bytesField(103, bytesField(1, Buffer.from(sql))));
    let columns = [];
    const values = [];
    for (const reply of replies) {
      for (const result of reply.get(203) ?? []) {
        const fields = parse(result);
        const error = fields.get(2)?.[0];
        if (error?.length) throw new TraceProcessorError(`${text(error)}\nin: ${sql}`);
        if (fields.has(1)) columns = fields.get(1).map(text);
        for (const batch of fields.get(3) ?? []) addCells(parse(batch), values);
      }
    }
    const rows = [];
    for (let start = 0; start < values.length; start += columns.length) {
      rows.push(Object.fromEntries(columns.map((name, place) => [name, values[start + place]])));
    }
    return rows;
  }

  /** Sends one request and returns the fields of the replies. */
  #call(method, fields) {
    this.#replies = [];
    this.#sequence += 1;
    const request = [...varintField(1, this.#sequence), ...varintField(2, method)];
    const message = bytesField(1, concatenate([Uint8Array.from(request), ...fields]));
    const bytes = concatenate(message);
    for (let start = 0; start < bytes.length; start += REQUEST_SIZE) {
      const part = bytes.subarray(start, start + REQUEST_SIZE);
      // Memory that grows gets another buffer.
      new Uint8Array(this.#exports.memory.buffer).set(part, this.#request);
      this.#exports.trace_processor_on_rpc_request(part.length);
    }
    const replies = (parse(concatenate(this.#replies)).get(1) ?? []).map(parse);
    for (const reply of replies) {
      const fatal = reply.get(5)?.[0];
      if (fatal) throw new TraceProcessorError(text(fatal));
    }
    return replies;
  }

  async #start(module) {
    const imports = {};
    for (const { module: name, name: symbol, kind } of WebAssembly.Module.imports(module)) {
      if (kind === "function") (imports[name] ??= {})[symbol] = this.#stub(symbol);
    }
    Object.assign(imports.env, this.#environment());
    Object.assign(imports.wasi_snapshot_preview1, this.#wasi());
    const instance = await WebAssembly.instantiate(module, imports);
    this.#exports = instance.exports;
    this.#exports.emscripten_stack_init?.();
    this.#exports.__wasm_call_ctors();
    const table = this.#exports.__indirect_function_table;
    const slot = table.grow(1);
    table.set(slot, await functionOfTwo((start, length) => this.#replies.push(this.#copy(start, length))));
    this.#request = this.#exports.trace_processor_rpc_init(slot, REQUEST_SIZE) >>> 0;
  }

  #copy(start, length) {
    return new Uint8Array(this.#exports.memory.buffer).slice(start >>> 0, (start >>> 0) + length);
  }

  /** What the module may ask for and does without: files. */
  #stub(symbol) {
    if (symbol.startsWith("fd_")) return () => EBADF;
    return () => (/open|stat|access|readlink|unlink/.test(symbol) ? -ENOENT : -ENOSYS);
  }

  #environment() {
    const view = () => new DataView(this.#exports.memory.buffer);
    const splitTime = (time, start) => {
      const date = new Date(Number(time) * 1000);
      const first = Date.UTC(date.getUTCFullYear(), 0, 1);
      const fields = [
        date.getUTCSeconds(), date.getUTCMinutes(), date.getUTCHours(), date.getUTCDate(),
        date.getUTCMonth(), date.getUTCFullYear() - 1900, date.getUTCDay(),
        Math.floor((date.getTime() - first) / 86_400_000), 0, 0,
      ];
      fields.forEach((value, place) => view().setInt32(start + 4 * place, value, true));
    };
    return {
      emscripten_get_now: () => performance.now(),
      emscripten_date_now: () => Date.now(),
      emscripten_get_heap_max: () => 0xffff0000,
      emscripten_resize_heap: (size) => {
        const memory = this.#exports.memory;
        try {
          memory.grow(Math.ceil(((size >>> 0) - memory.buffer.byteLength) / 65536));
          return 1;
        } catch {
          return 0;
        }
      },
      emscripten_err: (start) => this.#log.push(`${this.#string(start)}\n`),
      _abort_js: () => {
        throw new TraceProcessorError(`the trace processor gave up: ${this.#log.slice(-20).join("")}`);
      },
      __assert_fail: (condition, file, line) => {
        throw new TraceProcessorError(`${this.#string(file)}:${line}: ${this.#string(condition)}`);
      },
      _tzset_js: () => {},
      _gmtime_js: splitTime,
      _localtime_js: splitTime,
      _timegm_js: () => 0n,
      __syscall_getcwd: (start) => {
        view().setUint16(start, 0x2f, true);
        return 2;
      },
    };
  }

  #wasi() {
    const view = () => new DataView(this.#exports.memory.buffer);
    return {
      clock_time_get: (clock, precision, result) => {
        view().setBigUint64(result, BigInt(Date.now()) * 1_000_000n, true);
        return 0;
      },
      environ_sizes_get: (count, size) => {
        view().setUint32(count, 0, true);
        view().setUint32(size, 0, true);
        return 0;
      },
      environ_get: () => 0,
      fd_write: (descriptor, vectors, count, result) => {
        let written = 0;
        for (let place = vectors; place < vectors + 8 * count; place += 8) {
          const bytes = this.#copy(view().getUint32(place, true), view().getUint32(place + 4, true));
          this.#log.push(text(bytes));
          written += bytes.length;
        }
        view().setUint32(result, written, true);
        return 0;
      },
    };
  }

  #string(start) {
    const memory = new Uint8Array(this.#exports.memory.buffer);
    return text(memory.slice(start >>> 0, memory.indexOf(0, start >>> 0)));
  }
}

/**
 * A function of two integers that a table of the module takes: Node cannot make one of a JavaScript function
 * but by a module that imports it and exports it again.
 */
async function functionOfTwo(body) {
  const bytes = Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // the magic number and the version
    1, 6, 1, 0x60, 2, 0x7f, 0x7f, 0, // the type (i32, i32) -> ()
    2, 7, 1, 1, 0x65, 1, 0x66, 0, 0, // imports e.f
    7, 5, 1, 1, 0x66, 0, 0, // exports it as f
  ]);
  const { instance } = await WebAssembly.instantiate(bytes, { e: { f: body } });
  return instance.exports.f;
}

// Protocol buffers: varints and what has a length.

function varint(value) {
  const bytes = [];
  let rest = BigInt(value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

function varintField(number, value) {
  return [...varint(number << 3), ...varint(value)];
}

function bytesField(number, content) {
  const bytes = Array.isArray(content) ? concatenate(content) : content;
  return [Uint8Array.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes];
}

function concatenate(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** Reads a varint at a place; returns it as a BigInt, with the place after it. */
function readVarint(bytes, place) {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n, place += 1) {
    value |= BigInt(bytes[place] & 0x7f) << shift;
    if (bytes[place] < 0x80) return [BigInt.asIntN(64, value), place + 1];
  }
}

/** The fields of a message by their numbers, each a list of what the message has: numbers or bytes. */
function parse(bytes) {
  const fields = new Map();
  let place = 0;
  while (place < bytes.length) {
    let key;
    let value;
    [key, place] = readVarint(bytes, place);
    switch (Number(key & 7n)) {
      case 0:
        [value, place] = readVarint(bytes, place);
        break;
      case 1:
        value = bytes.subarray(place, (place += 8));
        break;
      case 2: {
        let length;
        [length, place] = readVarint(bytes, place);
        value = bytes.subarray(place, (place += Number(length)));
        break;
      }
      default:
        throw new TraceProcessorError(`an unknown type of field: ${key & 7n}`);
    }
    const number = Number(key >> 3n);
    if (!fields.has(number)) fields.set(number, []);
    fields.get(number).push(value);
  }
  return fields;
}

function text(bytes) {
  return Buffer.from(bytes).toString();
}

/** The values of a repeated field of varints, packed or not. */
function* varints(parts = []) {
  for (const part of parts) {
    if (typeof part === "bigint") {
      yield part;
      continue;
    }
    for (let place = 0, value; place < part.length; ) {
      [value, place] = readVarint(part, place);
      yield value;
    }
  }
}

function* doubles(parts = []) {
  for (const part of parts) {
    const view = new DataView(part.buffer, part.byteOffset, part.length);
    for (let place = 0; place < part.length; place += 8) yield view.getFloat64(place, true);
  }
}

/** Adds the values of a CellsBatch to `values`. */
function addCells(batch, values) {
  const strings = (batch.get(5) ?? []).flatMap((part) => text(part).split("\0").slice(0, -1)).values();
  const integers = varints(batch.get(2));
  const reals = doubles(batch.get(3));
  const blobs = (batch.get(4) ?? []).values();
  for (const cell of varints(batch.get(1))) {
    if (cell === 1n) values.push(null);
    if (cell === 2n) values.push(integers.next().value);
    if (cell === 3n) values.push(reals.next().value);
    if (cell === 4n) values.push(strings.next().value);
    if (cell === 5n) values.push(blobs.next().value);
  }
}

function checkResult(result, field) {
  const error = result?.length ? parse(result[0]).get(field)?.[0] : undefined;
  if (error?.length) throw new TraceProcessorError(text(error));
}
