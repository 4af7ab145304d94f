// The model on the server of `pix2pix-tf demo`: the input goes there, its translation comes back.
// The exported page has another file of this name; page.js asks the same of both.
"use strict";

const BUSY_SECONDS = 2; // where the server does not say when to come back

const model = {
  place: "server", // which of the page's words are shown
  arrays: ".npy,.tif,.tiff", // files of arrays that can be opened

  // Resolves when images can be translated: at once.
  async load(task) {
    model.task = task;
  },

  // Returns the translation of an input as an array or an ImageBitmap: of the array that was opened,
  // or else of what the canvas shows. The noise is a seed, or null for none.
  async translate({ canvas, opened }, noise, say) {
    const { input, target, height, width } = model.task;
    const words = { ...(noise === null ? { dropout: "off" } : { seed: noise }), ...(opened ? { axes: "YXC" } : {}) };
    const body = async () => {
      const sent = opened ? writeNpy(opened, openSide(input)) : await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
      model.asked = { body: sent, words }; // for save
      return sent;
    };
    const answer = await askServer("translate", { ...words, ...(target.array ? { as: "npy" } : {}) }, body, say);
    return target.array ? readNpy(await answer.arrayBuffer(), { ...target, axes: "YXC" }, height, width) : createImageBitmap(answer);
  },

  // Returns a file as an ImageBitmap or an array of the page's size, read as the training reads its
  // images.
  async read(file, say) {
    const { bodyBytes, input, height, width } = model.task;
    const mega = (bytes) => (bytes / 1e6).toFixed(1);
    if (file.size > bodyBytes) {
      throw new Error(`This file has ${mega(file.size)} MB; the server takes ${mega(bodyBytes)} at most: make it smaller.`);
    }
    say("Reading the picture…");
    const answer = await askServer("image", {}, () => file, say);
    return input.array ? readNpy(await answer.arrayBuffer(), { ...input, axes: "YXC" }, height, width) : createImageBitmap(answer);
  },

  // Returns the translation that is shown as a file of the kind of the targets, and its suffix.
  async save(translation, say) {
    const suffix = model.task.target.suffix;
    const words = { ...model.asked.words, as: suffix === ".npy" ? "npy" : "tiff" };
    return { blob: await askServer("translate", words, () => model.asked.body, say), suffix };
  },
};

// An array that was opened is sent with all its values, also those beyond the range.
function openSide(side) {
  return { ...side, low: side.low.map(() => -Infinity), high: side.high.map(() => Infinity) };
}

// Returns the file that the server makes of an image. While the server is busy it tries again, with
// the drawing as it is by then.
async function askServer(path, words, body, say) {
  const query = new URLSearchParams(words).toString();
  for (;;) {
    const response = await send(query ? `${path}?${query}` : path, await body());
    if (response.ok) return response.blob();
    if (response.status !== 503) throw new Error(await reason(response));
    const seconds = Number(response.headers.get("retry-after")) || BUSY_SECONDS;
    say("The server is busy: trying again…");
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds * (0.5 + Math.random()))); // not all at once
  }
}

async function send(address, body) {
  try {
    // This type, which no other site's page can send unasked.
    return await fetch(address, { method: "POST", body, headers: { "content-type": "application/octet-stream" } });
  } catch {
    throw new Error("The server cannot be reached: is it still running?");
  }
}

async function reason(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `The server could not do this (${response.status}).`;
  }
}
