// Images as arrays, with the numbers of the data: .npy files, and what a canvas shows of them. An
// array is { values, height, width, channels }, channels last; a side is task.input or task.target.
"use strict";

const NPY_MAGIC = [0x93, 78, 85, 77, 80, 89]; // \x93NUMPY
const READERS = {
  b1: (view, at) => 255 * view.getUint8(at),
  u1: (view, at) => view.getUint8(at),
  i1: (view, at) => view.getInt8(at),
  u2: (view, at, little) => view.getUint16(at, little),
  i2: (view, at, little) => view.getInt16(at, little),
  u4: (view, at, little) => view.getUint32(at, little),
  i4: (view, at, little) => view.getInt32(at, little),
  u8: (view, at, little) => Number(view.getBigUint64(at, little)),
  i8: (view, at, little) => Number(view.getBigInt64(at, little)),
  f2: (view, at, little) => fromHalf(view.getUint16(at, little)),
  f4: (view, at, little) => view.getFloat32(at, little),
  f8: (view, at, little) => view.getFloat64(at, little),
};
// Types that are written; others become float64, which holds them.
const WRITTEN = { uint8: ["|u1", Uint8Array], int8: ["|i1", Int8Array], uint16: ["<u2", Uint16Array], int16: ["<i2", Int16Array], uint32: ["<u4", Uint32Array], int32: ["<i4", Int32Array], float16: ["<f4", Float32Array], float32: ["<f4", Float32Array] };

function isNpy(bytes) {
  return NPY_MAGIC.every((byte, place) => bytes[place] === byte);
}

// Returns the middle, of the page's size, of the array in a .npy file, given as an ArrayBuffer.
function readNpy(buffer, side, height, width) {
  const { descr, fortran, shape, start } = readHeader(buffer);
  const reader = READERS[descr.slice(1)];
  if (!reader) throw new Error(`This array has values of type ${descr}; integers and floats are read.`);
  const bytes = Number(descr.slice(2));
  const view = new DataView(buffer, start);
  if (view.byteLength < bytes * product(shape)) throw new Error("This array is cut short: save it again.");
  const strides = fortran ? shape.map((_, axis) => product(shape.slice(0, axis))) : shape.map((_, axis) => product(shape.slice(axis + 1)));
  const [rows, columns, bands] = axesOf(shape, side);
  const [tall, wide, channels] = [shape[rows], shape[columns], bands === null ? 1 : shape[bands]];
  if (tall < height || wide < width) throw new Error(`This array has ${tall}×${wide} pixels (height×width), and this page translates ${height}×${width}: give one at least as large.`);
  const [top, left] = [Math.floor((tall - height) / 2), Math.floor((wide - width) / 2)];
  const values = new Float64Array(height * width * channels);
  const little = descr[0] !== ">";
  let to = 0;
  for (let y = top; y < top + height; y++) {
    for (let x = left; x < left + width; x++) {
      for (let k = 0; k < channels; k++) {
        const from = y * strides[rows] + x * strides[columns] + (bands === null ? 0 : k * strides[bands]);
        values[to++] = reader(view, bytes * from, little);
      }
    }
  }
  if (!values.every(Number.isFinite)) throw new Error("This array has values of NaN or infinity: replace them by a number.");
  return { values, height, width, channels };
}

function readHeader(buffer) {
  const head = new DataView(buffer);
  const long = buffer.byteLength > 12 && head.getUint8(6) > 1;
  const size = buffer.byteLength > 12 ? (long ? head.getUint32(8, true) : head.getUint16(8, true)) : 0;
  const start = (long ? 12 : 10) + size;
  const text = start <= buffer.byteLength ? new TextDecoder("latin1").decode(buffer.slice(10, start)) : "";
  const descr = /'descr':\s*'([<>|=]\w+)'/.exec(text);
  const fortran = /'fortran_order':\s*(True|False)/.exec(text);
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text);
  if (!descr || !fortran || !shape) throw new Error("That is not an array of numbers that this page can read.");
  return { descr: descr[1], fortran: fortran[1] === "True", shape: shape[1].split(",").filter((part) => part.trim()).map(Number), start };
}

// Returns which axes are rows, columns and channels (null for one channel), by the rules of training.
function axesOf(shape, side) {
  const found = `This array has the shape ${shape.join("×")}`;
  if (shape.length === 2 && side.channels === 1) return [0, 1, null];
  if (shape.length !== 3) throw new Error(`${found}, and the model takes ${side.channels} channels of rows and columns.`);
  const [first, last] = [shape[0] === side.channels, shape[2] === side.channels];
  if (side.axes ? !(side.axes === "CYX" ? first : last) : !first && !last) throw new Error(`${found}, and the model takes ${side.channels} channels.`);
  if (!side.axes && first && last) throw new Error(`${found}, whose channels may be the first axis or the last; the model does not know which (data.input_axes).`);
  return (side.axes ?? (first ? "CYX" : "YXC")) === "CYX" ? [1, 2, 0] : [0, 1, 2];
}

// Returns a .npy file, channels last, in the type of the side; integers are rounded.
function writeNpy({ values, height, width, channels }, side) {
  const [descr, Kind] = WRITTEN[side.dtype] ?? ["<f8", Float64Array];
  const inRange = (value, k) => Math.min(Math.max(value, side.low[k]), side.high[k]);
  const whole = !side.dtype.startsWith("float");
  const written = Kind.from(values, (value, place) => {
    const kept = inRange(value, place % channels);
    return whole ? Math.round(kept) : kept;
  });
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${height}, ${width}, ${channels}), }`;
  const header = text.padEnd(64 * Math.ceil((text.length + 11) / 64) - 11) + "\n";
  const size = new Uint8Array(Uint16Array.of(header.length).buffer);
  return new Blob([Uint8Array.of(...NPY_MAGIC, 1, 0), size, new TextEncoder().encode(header), written.buffer]);
}

// Returns what a canvas shows of an array, as ImageData.
function toImage({ values, height, width, channels }, side) {
  const image = new ImageData(width, height);
  const shown = side.display ?? plainDisplay(side);
  const alpha = !side.display && channels % 2 === 0;
  for (let from = 0, to = 0; from < values.length; from += channels, to += 4) {
    for (let k = 0; k < 3; k++) {
      const number = shown.channels.length === 3 ? k : 0;
      const share = (values[from + shown.channels[number]] - shown.black[number]) / (shown.white[number] - shown.black[number]);
      image.data[to + k] = 255 * share; // clamps and rounds
    }
    image.data[to + 3] = alpha ? (255 * values[from + channels - 1]) / side.high[channels - 1] : 255;
  }
  return image;
}

// Colours are shown over their full range.
function plainDisplay(side) {
  const channels = side.channels >= 3 ? [0, 1, 2] : [0];
  return { channels, black: channels.map((k) => side.low[k]), white: channels.map((k) => side.high[k]) };
}

// Returns the array that a canvas shows, given as its opaque RGBA bytes; shades span the range.
function fromCanvas(pixels, side, height, width) {
  const { channels, low, high } = side;
  const values = new Float64Array(height * width * channels);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += channels) {
    const [red, green, blue] = pixels.subarray(from, from + 3);
    const grey = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16; // ITU-R 601 luma
    const shades = channels >= 3 ? [red, green, blue, 255] : [grey, 255];
    for (let k = 0; k < channels; k++) values[to + k] = low[k] + (shades[k] * (high[k] - low[k])) / 255;
  }
  return { values, height, width, channels };
}

function fromHalf(bits) {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

function product(lengths) {
  return lengths.reduce((all, length) => all * length, 1);
}
