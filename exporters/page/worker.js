// The model in a thread of its own, so that the page's thread is free for drawing. This is a classic
// worker, because LiteRT.js loads its WebAssembly with importScripts.
"use strict";

let task; // of page.json: height, width, channels
let runtime;
let model;

onmessage = async ({ data }) => {
  try {
    if (data.kind === "load") await load(data.task);
    else postMessage({ kind: "translated", ...(await translate(data.pixels)) });
  } catch (error) {
    postMessage({ kind: "error", text: error?.message ?? String(error) });
  }
};

async function load(wanted) {
  task = wanted;
  const place = new URL("litert/wasm/", location.href).href;
  self.Module = { locateFile: (name) => place + name }; // or it looks beside this script
  runtime = await import("./litert/index.js");
  await runtime.loadLiteRt(place);
  model = await runtime.loadAndCompile(await fetchBytes("model.tflite"), { accelerator: "wasm" });
  postMessage({ kind: "ready" });
}

async function fetchBytes(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} could not be fetched (${response.status})`);
  const bytes = new Uint8Array(task.modelBytes);
  const reader = response.body.getReader();
  let received = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (received + value.length > bytes.length) throw new Error(`${name} is not the file of this page`);
    bytes.set(value, received);
    received += value.length;
    postMessage({ kind: "loading", received, total: bytes.length });
  }
  if (received < bytes.length) throw new Error(`${name} was cut short: reload the page`);
  return bytes;
}

// Returns the RGBA bytes of the translation of a drawing, given as opaque RGBA bytes.
async function translate(pixels) {
  const start = performance.now();
  const input = new runtime.Tensor(toModel(pixels), [1, task.height, task.width, task.inputChannels]);
  const [output] = await model.run(input);
  const values = (await output.data()).slice();
  input.delete();
  output.delete();
  return { pixels: fromModel(values), seconds: (performance.now() - start) / 1000 };
}

function toModel(pixels) {
  const channels = task.inputChannels;
  const values = new Float32Array((pixels.length / 4) * channels);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += channels) {
    const [red, green, blue] = pixels.subarray(from, from + 3);
    if (channels >= 3) values.set([red, green, blue], to);
    else values[to] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16; // ITU-R 601 luma
    if (channels % 2 === 0) values[to + channels - 1] = 255;
  }
  return values;
}

function fromModel(values) {
  const channels = task.targetChannels;
  const pixels = new Uint8ClampedArray((values.length / channels) * 4); // clamps and rounds
  for (let from = 0, to = 0; from < values.length; from += channels, to += 4) {
    for (let k = 0; k < 3; k++) pixels[to + k] = values[from + (channels >= 3 ? k : 0)];
    pixels[to + 3] = channels % 2 === 0 ? values[from + channels - 1] : 255;
  }
  return pixels;
}
