/** As much of WebAssembly's binary format (core specification 2.0, chapter 5) as one function with one memory needs. */

export const I32 = 0x7f;
export const V128 = 0x7b;

/** Instructions as bytes; those of SIMD behind the prefix 0xfd. */
export const code = {
  end: [0x0b],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  branchIf: (depth: number) => [0x0d, ...unsigned(depth)],
  return: [0x0f],
  localGet: (index: number) => [0x20, ...unsigned(index)],
  localSet: (index: number) => [0x21, ...unsigned(index)],
  localTee: (index: number) => [0x22, ...unsigned(index)],
  i32Const: (value: number) => [0x41, ...signed(value)],
  i32LtU: [0x49],
  i32Add: [0x6a],
  loadSplat: (offset: number) => [0xfd, 0x09, 0x02, ...unsigned(offset)],
  v128Const: (bytes: readonly number[]) => [0xfd, 0x0c, ...bytes],
  shuffle: (lanes: readonly number[]) => [0xfd, 0x0d, ...lanes],
  splat: [0xfd, 0x11],
  leU: [0xfd, 0x3e],
  and: [0xfd, 0x4e],
  or: [0xfd, 0x50],
  xor: [0xfd, 0x51],
  anyTrue: [0xfd, 0x53],
  shl: [0xfd, 0xab, 0x01],
  shrU: [0xfd, 0xad, 0x01],
  add: [0xfd, 0xae, 0x01],
} as const;

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** A module that exports the function as `run` and one page of memory as `memory`. */
export function wasmModule(parts: {
  readonly params: readonly number[];
  readonly results: readonly number[];
  /** Types of the locals after the parameters. */
  readonly locals: readonly number[];
  /** With its `end`. */
  readonly body: readonly number[];
}): Uint8Array<ArrayBuffer> {
  const { params, results, locals, body } = parts;
  const type = [0x60, ...vector(params.map((kind) => [kind])), ...vector(results.map((kind) => [kind]))];
  const memory = [0x00, 0x01];
  const exports = [
    [...text('run'), 0x00, 0x00],
    [...text('memory'), 0x02, 0x00],
  ];
  const declared = vector(locals.map((kind) => [0x01, kind]));
  const size = unsigned(declared.length + body.length);
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(1, vector([type])),
    ...section(3, vector([[0x00]])),
    ...section(5, vector([memory])),
    ...section(7, vector(exports)),
    ...section(10, [...unsigned(1), ...size, ...declared].concat(body)),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length)].concat(content);
}

function vector(items: readonly (readonly number[])[]): number[] {
  return unsigned(items.length).concat(items.flat());
}

function text(name: string): number[] {
  return [...unsigned(name.length), ...Buffer.from(name)];
}

/** LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  while (rest < -0x40 || rest >= 0x40) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  return [...bytes, rest & 0x7f];
}
