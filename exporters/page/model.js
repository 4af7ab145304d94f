// The model in this browser: worker.js runs it with LiteRT.js, and no data is sent to a server. The
// page of `pix2pix-tf demo` has another file of this name with the same interface for page.js.
"use strict";

const model = {
  place: "browser", // which of the page's words are shown
  arrays: ".npy", // files of arrays that can be opened

  // Resolves when images can be translated; showProgress is called with a text and a fraction of 1.
  async load(task, showProgress) {
    refuseOldBrowser();
    model.task = task;
    model.worker = new Worker("worker.js");
    await askWorker({ kind: "load", task }, ({ received, total }) => {
      const mega = (bytes) => (bytes / 1e6).toFixed(1);
      const words = received < total ? `Loading the model: ${mega(received)} of ${mega(total)} MB` : "Preparing the model…";
      showProgress(words, received / total);
    });
  },

  // Returns the translation of an input as an array: of the array that was opened, or else of what
  // the canvas shows. Exported models have no noise.
  async translate({ canvas, opened }) {
    const { height, width, input, target } = model.task;
    const drawn = () => fromCanvas(canvas.getContext("2d").getImageData(0, 0, width, height).data, input, height, width);
    const values = Float32Array.from((opened ?? drawn()).values);
    const made = await askWorker({ kind: "translate", values });
    return { values: made.values, height, width, channels: target.channels };
  },

  // Returns a file as an ImageBitmap of any size, or an array of the page's size.
  async read(file) {
    const { height, width, input, drawn } = model.task;
    if (input.array && isNpy(new Uint8Array(await file.slice(0, 6).arrayBuffer()))) return readNpy(await file.arrayBuffer(), input, height, width);
    if (!drawn) throw new Error(`This page opens arrays (.npy) of ${input.channels} channels.`);
    try {
      return await createImageBitmap(file);
    } catch {
      throw new Error("That is not a picture this browser can read.");
    }
  },

  // Returns a translation as a file, and its suffix.
  async save(translation) {
    return { blob: writeNpy(translation, model.task.target), suffix: ".npy" };
  },
};

function refuseOldBrowser() {
  const simd = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
  if (typeof WebAssembly !== "object" || typeof Worker !== "function" || !WebAssembly.validate(new Uint8Array(simd))) {
    throw new Error("This browser lacks WebAssembly with SIMD, which the model needs. Use a current Chrome, Edge, Firefox, or Safari 16.4 or newer.");
  }
}

// Sends one message at a time.
function askWorker(message, loading) {
  return new Promise((resolve, reject) => {
    model.worker.onerror = (event) => reject(new Error(event.message || "worker.js could not be loaded"));
    model.worker.onmessage = ({ data }) => {
      if (data.kind === "loading") loading(data);
      else if (data.kind === "error") reject(new Error(data.text));
      else resolve(data);
    };
    model.worker.postMessage(message);
  });
}
