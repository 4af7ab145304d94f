// Runs an ONNX model of `pix2pix-tf export` by onnxruntime-web (WebAssembly), in Node.
//
//     node translate.mjs NODE_MODULES MODEL.onnx INPUTS.json OUTPUT.json
//
// INPUTS.json has for each input its type, shape and values, and OUTPUT.json then has those of
// `translation`.

import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const ARRAYS = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array };

const [modules, model, inputs, output] = process.argv.slice(2);
const runtime = `${modules}/onnxruntime-web/dist/ort.wasm.bundle.min.mjs`;
const ort = await import(pathToFileURL(runtime).href);
ort.env.wasm.numThreads = 1; // otherwise its threads keep Node running

const session = await ort.InferenceSession.create(await readFile(model));
const feeds = {};
for (const [name, { type, shape, values }] of Object.entries(JSON.parse(await readFile(inputs)))) {
  feeds[name] = new ort.Tensor(type, ARRAYS[type].from(values), shape);
}
const { translation } = await session.run(feeds);
const { type, dims, data } = translation;
await writeFile(output, JSON.stringify({ type, shape: dims, values: Array.from(data) }));
