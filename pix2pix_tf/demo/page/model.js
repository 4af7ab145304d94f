// The model on the server of `pix2pix-tf demo`: the drawing goes there, its translation comes back.
// The exported page has another file of this name; page.js asks the same of both.
"use strict";

const BUSY_SECONDS = 2; // where the server does not say when to come back

const model = {
  place: "server", // which of the page's words are shown

  // Resolves when images can be translated: at once.
  async load(task) {
    model.limit = task.bodyBytes;
  },

  // The translation of what is drawn, as an ImageBitmap; noise is a seed, or null for none.
  async translate(canvas, noise, say) {
    const drawing = () => new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return askServer(noise === null ? "translate?dropout=off" : `translate?seed=${noise}`, drawing, say);
  },

  // A file as an ImageBitmap of the drawing's size, read as the training reads its images.
  async read(file, say) {
    const mega = (bytes) => (bytes / 1e6).toFixed(1);
    if (file.size > model.limit) {
      throw new Error(`This file has ${mega(file.size)} MB; the server takes ${mega(model.limit)} at most: make it smaller.`);
    }
    say("Reading the picture…");
    return askServer("image", () => file, say);
  },
};

// The image that the server makes of an image. While the server is busy it tries again, with the
// drawing as it is by then.
async function askServer(address, body, say) {
  for (;;) {
    const response = await send(address, await body());
    if (response.ok) return createImageBitmap(await response.blob());
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
