// The model in a thread of its own, so that the page's thread is free for drawing. This is a classic
// worker, because LiteRT.js loads its WebAssembly with importScripts.
"use strict";

let task; // page.json
let runtime;
let model;

onmessage = async ({ data }) => {
  try {
    if (data.kind === "load") await load(data.task);
    else {
      const values = await translate(data.values);
      postMessage({ kind: "translated", values }, [values.buffer]);
    }
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

// Returns the values of the translation of an image, both Float32Array with the numbers of the data.
async function translate(values) {
  const input = new runtime.Tensor(values, [1, task.height, task.width, task.input.channels]);
  const [output] = await model.run(input);
  const made = (await output.data()).slice();
  input.delete();
  output.delete();
  return made;
}
