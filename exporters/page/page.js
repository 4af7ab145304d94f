// The page: a canvas to draw on, and the translation next to it, which model.js computes.
"use strict";

const UNDO_STEPS = 40;
const TOOL_KEYS = { p: "pen", r: "rectangle", f: "fill", e: "eraser" };
const FILL_TOLERANCE = 40; // of 255 a channel: over the soft borders of drawn lines
const PAUSE = 150; // milliseconds after a stroke before it is translated

const get = (id) => document.getElementById(id);
const input = get("input");
const output = get("output");
const ink = input.getContext("2d", { willReadFrequently: true });
const result = output.getContext("2d");

let task; // page.json
let tool = "pen";
let colour;
let undone = [];
let done = [];
let stroke = null; // { x, y, before }: the stroke being drawn
let ready = false;
let busy = false;
let wanted = false; // the drawing has changed since the translation began
let timer;
let openings = 0; // pictures opened so far
let opened = null; // the array whose values the canvas shows; null for a drawing
let translation = null; // the array that is shown; null for a picture

start().catch((error) => fail(error.message));

async function start() {
  if (location.protocol === "file:") {
    throw new Error("This page must come from a web server: run `python -m http.server` in its folder and open http://localhost:8000.");
  }
  task = await (await fetch("page.json")).json();
  document.title = get("title").textContent = task.title;
  document.documentElement.style.setProperty("--aspect", task.width / task.height);
  for (const canvas of [input, output]) [canvas.width, canvas.height] = [task.width, task.height];
  result.fillStyle = "#e8e6e1";
  result.fillRect(0, 0, task.width, task.height);
  get("width").value = Math.max(1, Math.round(task.width / 64));
  if (task.drawn) addColours();
  for (const element of document.querySelectorAll("[data-drawn]")) element.hidden = (element.dataset.drawn === "yes") !== task.drawn;
  for (const element of document.querySelectorAll(".array-files")) element.textContent = model.arrays.split(",").join(", ");
  get("or-array").hidden = !task.input.array;
  get("open").accept = [...(task.drawn ? ["image/*"] : []), ...(task.input.array ? [model.arrays] : [])].join(",");
  get("save-values").hidden = !task.target.array;
  listen();
  chooseTool("pen");
  get("noises").hidden = !task.noise;
  for (const words of document.querySelectorAll("[data-model]")) words.hidden = words.dataset.model !== model.place;
  await openExample();
  done = [];
  showHistory();
  await model.load(task, showProgress);
  ready = true;
  get("progress").hidden = true;
  translate();
}

// ---- the model

function showProgress(words, share) {
  get("progress").hidden = false;
  get("progress").value = share;
  say(words);
}

function changed() {
  clearTimeout(timer);
  if (get("live").checked) timer = setTimeout(translate, PAUSE);
}

async function translate() {
  clearTimeout(timer);
  wanted = busy;
  if (!ready || busy) return;
  busy = true;
  say("Translating…");
  document.body.dataset.state = "busy";
  const start = performance.now();
  try {
    showTranslation(await model.translate({ canvas: input, opened }, noise(), say));
  } catch (error) {
    fail(error.message);
    return;
  }
  busy = false;
  // A warning that was shown in the meantime stays.
  if (!get("status").classList.contains("error")) say(`Translated in ${((performance.now() - start) / 1000).toFixed(2)} seconds`);
  if (wanted) translate();
  else document.body.dataset.state = "done";
}

// Shows an array or an ImageBitmap.
function showTranslation(made) {
  result.clearRect(0, 0, task.width, task.height);
  translation = made.values ? made : null;
  if (translation) result.putImageData(toImage(translation, task.target), 0, 0);
  else result.drawImage(made, 0, 0);
  get("save").disabled = get("save-values").disabled = false;
}

// The seed of the model's noise; null for none.
function noise() {
  return task.noise && get("noise").checked ? Number(get("seed").value) : null;
}

function drawSeed() {
  get("noise").checked = true;
  get("seed").value = Math.floor(Math.random() * 1e6);
  translate();
}

function checkSeed() {
  const { value, min, max } = get("seed");
  get("seed").value = Math.min(Math.max(Math.trunc(Number(value)), min), max);
  translate();
}

function say(text) {
  get("status").textContent = text;
  get("status").classList.remove("error");
}

function warn(text) {
  get("status").textContent = text;
  get("status").classList.add("error");
}

function fail(text) {
  busy = false;
  get("progress").hidden = true;
  warn(text);
  document.body.dataset.state = "error";
}

// ---- drawing

function begin(x, y) {
  stroke = { x, y, before: snapshot() };
  opened = null;
  if (tool === "fill") fill(Math.floor(x), Math.floor(y));
  else drawTo(x, y);
}

function drawTo(x, y) {
  ink.fillStyle = ink.strokeStyle = tool === "eraser" ? task.background : colour;
  if (tool === "rectangle") {
    ink.putImageData(stroke.before.image, 0, 0);
    ink.fillRect(Math.round(Math.min(stroke.x, x)), Math.round(Math.min(stroke.y, y)), Math.round(Math.abs(x - stroke.x)), Math.round(Math.abs(y - stroke.y)));
  } else if (tool !== "fill") {
    [ink.lineWidth, ink.lineCap] = [Number(get("width").value), "round"];
    ink.beginPath();
    ink.moveTo(stroke.x, stroke.y);
    ink.lineTo(x, y);
    ink.stroke();
    [stroke.x, stroke.y] = [x, y];
  }
}

function end() {
  if (!stroke) return;
  remember(stroke.before);
  stroke = null;
  changed();
}

function fill(x, y) {
  const { image } = snapshot();
  const pixels = image.data;
  const paint = parseColour(colour);
  const first = 4 * (y * task.width + x);
  const old = pixels.slice(first, first + 3);
  const seen = new Uint8Array(task.width * task.height);
  const waiting = [y * task.width + x];
  while (waiting.length) {
    const place = waiting.pop();
    if (seen[place] || old.some((value, k) => Math.abs(pixels[4 * place + k] - value) > FILL_TOLERANCE)) continue;
    seen[place] = 1;
    const column = place % task.width;
    if (column > 0) waiting.push(place - 1);
    if (column < task.width - 1) waiting.push(place + 1);
    if (place >= task.width) waiting.push(place - task.width);
    if (place < task.width * (task.height - 1)) waiting.push(place + task.width);
  }
  seen.forEach((inside, place) => inside && pixels.set(paint, 4 * place));
  ink.putImageData(image, 0, 0);
}

function parseColour(text) {
  return [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16));
}

function snapshot() {
  return { image: ink.getImageData(0, 0, task.width, task.height), opened };
}

function remember(before) {
  done.push(before);
  if (done.length > UNDO_STEPS) done.shift();
  undone = [];
  showHistory();
}

function travel(from, to) {
  if (!from.length || stroke) return;
  to.push(snapshot());
  const there = from.pop();
  ink.putImageData(there.image, 0, 0);
  opened = there.opened;
  showHistory();
  changed();
}

function showHistory() {
  get("undo").disabled = !done.length;
  get("redo").disabled = !undone.length;
}

function clear() {
  remember(snapshot());
  opened = null;
  ink.fillStyle = task.background;
  ink.fillRect(0, 0, task.width, task.height);
  changed();
}

// ---- opening and saving images

async function openPicture(blob) {
  const mine = ++openings;
  try {
    const picture = await model.read(blob, say);
    if (mine !== openings) return; // another has been opened since
    say("");
    show(picture);
  } catch (error) {
    if (mine === openings) warn(error.message);
  }
}

async function openExample() {
  openings++;
  if (task.input.array) show(readNpy(await (await fetch("example.npy")).arrayBuffer(), { ...task.input, axes: "YXC" }, task.height, task.width));
  else show(await createImageBitmap(await (await fetch("example.png")).blob()));
}

// Shows an array or an ImageBitmap as the input.
function show(picture) {
  remember(snapshot());
  opened = picture.values ? picture : null;
  if (opened) ink.putImageData(toImage(opened, task.input), 0, 0);
  else cover(picture);
  changed();
}

function cover(picture) {
  // Covers the canvas: the proportions are kept, and the image is cropped equally on both sides.
  const scale = Math.max(task.width / picture.width, task.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  ink.fillStyle = "#ffffff";
  ink.fillRect(0, 0, task.width, task.height);
  ink.imageSmoothingQuality = "high";
  ink.drawImage(picture, (task.width - width) / 2, (task.height - height) / 2, width, height);
}

function save() {
  output.toBlob((blob) => download(blob, ".png"), "image/png");
}

async function saveValues() {
  try {
    const { blob, suffix } = await model.save(translation, say);
    say("");
    download(blob, suffix);
  } catch (error) {
    warn(error.message);
  }
}

function download(blob, suffix) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${task.title}${suffix}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// ---- controls

function addColours() {
  task.palette.forEach((value, index) => {
    const swatch = document.createElement("button");
    Object.assign(swatch, { type: "button", className: "swatch", title: `Colour ${index + 1}: ${value}` });
    swatch.setAttribute("aria-label", swatch.title);
    swatch.dataset.colour = value;
    swatch.style.background = value;
    swatch.onclick = () => chooseColour(value);
    get("colours").append(swatch);
  });
  const own = document.createElement("input");
  Object.assign(own, { type: "color", id: "own", title: "Any other colour" });
  own.setAttribute("aria-label", own.title);
  own.oninput = () => chooseColour(own.value);
  get("colours").append(own);
  chooseColour(task.palette.find((value) => value !== task.background) ?? task.palette[0]);
}

function chooseColour(value) {
  colour = value;
  get("own").value = value;
  for (const swatch of document.querySelectorAll(".swatch")) press(swatch, swatch.dataset.colour === value);
  if (tool === "eraser") chooseTool("pen");
}

function chooseTool(name) {
  tool = name;
  for (const button of get("tools").children) press(button, button.dataset.tool === name);
}

function press(element, pressed) {
  element.setAttribute("aria-pressed", String(pressed));
}

function listen() {
  listenToPointer();
  listenToKeys();
  for (const button of get("tools").children) button.onclick = () => chooseTool(button.dataset.tool);
  get("undo").onclick = () => travel(done, undone);
  get("redo").onclick = () => travel(undone, done);
  get("clear").onclick = clear;
  get("translate").onclick = translate;
  get("save").onclick = save;
  get("save-values").onclick = saveValues;
  get("example").onclick = openExample;
  get("noise").onchange = translate;
  get("seed").onchange = checkSeed;
  get("another").onclick = drawSeed;
  get("open").onchange = ({ target }) => target.files[0] && openPicture(target.files[0]);
  get("open-label").onkeydown = (event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), get("open").click());
  addEventListener("paste", (event) => event.clipboardData.files[0] && openPicture(event.clipboardData.files[0]));
  addEventListener("dragover", (event) => (event.preventDefault(), get("drop").classList.add("dropping")));
  addEventListener("dragleave", () => get("drop").classList.remove("dropping"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    get("drop").classList.remove("dropping");
    if (event.dataTransfer.files[0]) openPicture(event.dataTransfer.files[0]);
  });
}

function listenToPointer() {
  const place = (event) => {
    const box = input.getBoundingClientRect();
    const inside = (value, size) => Math.min(Math.max(value * size, 0), size - 0.01);
    return [inside((event.clientX - box.left) / box.width, task.width), inside((event.clientY - box.top) / box.height, task.height)];
  };
  input.onpointerdown = (event) => {
    if (event.button || stroke || !task.drawn) return;
    input.setPointerCapture(event.pointerId);
    begin(...place(event));
  };
  input.onpointermove = (event) => stroke && !pen.down && drawTo(...place(event));
  input.onpointerup = input.onpointercancel = () => !pen.down && end();
}

// Pen for the keyboard: a ring on the drawing while it has the focus and arrow keys are used.
const pen = { x: 0, y: 0, down: false };

function listenToKeys() {
  [pen.x, pen.y] = [task.width / 2, task.height / 2];
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() === "z") travel(...(event.shiftKey ? [undone, done] : [done, undone]));
      else if (event.key.toLowerCase() === "y") travel(undone, done);
      return;
    }
    const key = event.key.toLowerCase();
    if (TOOL_KEYS[key]) chooseTool(TOOL_KEYS[key]);
    else if (key === "[") get("width").stepDown();
    else if (key === "]") get("width").stepUp();
    else if (task.palette[Number(key) - 1]) chooseColour(task.palette[Number(key) - 1]);
  });
  input.addEventListener("keydown", (event) => {
    if (!task.drawn) return;
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (steps[event.key]) movePen(steps[event.key], event.shiftKey ? 1 : Math.max(1, task.width / 64));
    else if (event.key === " ") togglePen();
    else return;
    event.preventDefault();
    showPen();
  });
  input.onblur = () => {
    if (pen.down) togglePen();
    get("mark").hidden = true;
  };
}

function movePen([right, down], distance) {
  pen.x = Math.min(Math.max(pen.x + right * distance, 0), task.width - 1);
  pen.y = Math.min(Math.max(pen.y + down * distance, 0), task.height - 1);
  if (pen.down) drawTo(pen.x, pen.y);
}

function togglePen() {
  if (pen.down) end();
  else begin(pen.x, pen.y);
  pen.down = !pen.down;
  if (pen.down && tool === "fill") {
    end();
    pen.down = false;
  }
}

function showPen() {
  const mark = get("mark");
  mark.hidden = false;
  mark.classList.toggle("down", pen.down);
  mark.style.left = `${(100 * pen.x) / task.width}%`;
  mark.style.top = `${(100 * pen.y) / task.height}%`;
}
