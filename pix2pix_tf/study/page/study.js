// A session of the real-or-fake study: pairs of images, each shown for an exact time.
// document.body.dataset.state is the current state: start, loading, showing, answering, feedback,
// pause, done, error.
"use strict";

const BEFORE_FIRST = 900; // milliseconds of empty places before the first image
const BETWEEN = 600; // milliseconds between the two images
const LATE = 16; // milliseconds into a frame after which drawing counts for a later one
const KEYS = { 1: "first", ArrowLeft: "first", ArrowUp: "first", 2: "second", ArrowRight: "second", ArrowDown: "second" };
const OTHER = { first: "second", second: "first" };

const get = (id) => document.getElementById(id);
const places = { first: get("first"), second: get("second") };

let study; // the response of /state

main().catch(stop);

async function main() {
  study = await ask("state");
  document.documentElement.style.setProperty("--width", study.width);
  document.documentElement.style.setProperty("--height", study.height);
  addEventListener("hashchange", () => location.reload()); // the next participant's invitation
  const invited = study.invite === "single" && location.hash; // possibly another participant than before
  if (study.next === null || invited) await start();
  else if (study.next > 0 && study.next < length()) await pause("Welcome back", "You go on where you stopped.");
  history.replaceState(null, "", location.pathname); // a reload need not ask for the code again
  await run(study.next);
  show("message", "done");
  get("headline").textContent = "Thank you!";
  get("text").textContent = "That was all, and your answers are stored. You can close this page.";
  get("go-on").hidden = true;
}

const length = () => study.practice + study.trials;

// ---- the first page

async function start() {
  describe();
  const form = get("begin");
  for (;;) {
    show("start", "start");
    await happens(form, "submit");
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await ask("session", { invite: get("invite").value });
      sessionStorage.clear();
      study = await ask("state");
      if (study.next !== null) return;
      get("refusal").textContent = "This page needs a cookie to keep your place: allow cookies for it, then press Start again.";
    } catch (error) {
      get("refusal").textContent = error.message;
    } finally {
      button.disabled = false;
    }
  }
}

function describe() {
  const several = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;
  get("seconds").textContent = several(study.seconds, "second");
  get("practice").textContent = `${several(study.practice, "pair")} to practise: you are told whether you were right.`;
  get("practice").hidden = study.practice === 0;
  get("trials").textContent = `${several(study.trials, "pair")} that count: you are not told.`;
  const each = 2 * study.seconds + (BEFORE_FIRST + BETWEEN) / 1000 + 1.5; // plus time to answer
  get("minutes").textContent = several(Math.max(1, Math.round((length() * each) / 60)), "minute");
  get("about").textContent = study.about ?? "";
  get("about").hidden = !study.about;
  get("invite-label").hidden = study.invite === "none";
  get("invite").required = study.invite !== "none";
  get("invite").value = codeOfAddress();
}

// ADDRESS#CODE: what follows # is never sent to a server, so that it appears in no log.
function codeOfAddress() {
  const code = location.hash.slice(1);
  try {
    return decodeURIComponent(code);
  } catch {
    return code;
  }
}

// ---- the trials

async function run(trial) {
  let images = loadTrial(trial);
  let afterFeedback = false;
  while (trial < length()) {
    if (trial === study.practice && afterFeedback) {
      await pause("Practice is over", `${study.trials} pairs follow in the same way, but you are no longer told whether you were right.`);
    }
    const pair = await images.catch(reloaded);
    const shown = await present(trial, pair);
    images = loadTrial(trial + 1); // while the participant thinks
    const { choice, response_ms } = await question();
    const reply = await send(trial, { fake: choice, ...shown, response_ms });
    afterFeedback = Boolean(reply.fake);
    if (reply.fake) await feedback(choice, reply.fake);
    clear();
    if (reply.next !== trial + 1) images = loadTrial(reply.next); // another tab went on
    trial = reply.next;
  }
}

// The two images of a trial, decoded; none after the last trial.
function loadTrial(trial) {
  const wanted = trial < length() ? Object.keys(places) : [];
  const loading = Promise.all(wanted.map((place) => loadImage(`trials/${trial}/${place}`)));
  loading.catch(() => {}); // an error of loading ahead is raised when the images are awaited, not before
  return loading;
}

async function loadImage(address) {
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  image.src = address;
  try {
    await image.decode();
  } catch {
    throw new Error("A picture could not be loaded.");
  }
  return image;
}

// Shows both images and returns how long they were on the screen. Leaving the page interrupts the
// presentation: it then starts again from the beginning, and the number of starts is reported.
async function present(trial, [first, second]) {
  show("trial", "loading");
  const practice = trial < study.practice;
  const [number, of] = practice ? [trial + 1, study.practice] : [trial - study.practice + 1, study.trials];
  get("count").textContent = practice ? `Practice ${number} of ${of}` : `Pair ${number} of ${of}`;
  get("progress").value = trial / length();
  get("question").textContent = "";
  get("next").hidden = true;
  places.first.append(first);
  places.second.append(second);
  for (;;) {
    await visible();
    state("showing");
    const showings = begun(trial);
    const left = new AbortController();
    document.addEventListener("visibilitychange", () => left.abort(), { once: true, signal: left.signal });
    left.signal.addEventListener("abort", hide);
    try {
      await wait(BEFORE_FIRST, left.signal);
      const first_ms = await expose(places.first, left.signal);
      await wait(BETWEEN, left.signal);
      const second_ms = await expose(places.second, left.signal);
      return { first_ms, second_ms, showings };
    } catch (error) {
      if (!left.signal.aborted) throw error;
      await visible();
      await pause("You left the page", "This pair is shown once more from the beginning.");
      show("trial", "showing");
    } finally {
      left.abort();
    }
  }
}

// Shows a place's image from one frame of the screen to the frame nearest to the requested time, and
// returns the milliseconds between the two frames. A slow device shows it longer, not shorter.
async function expose(place, left) {
  const wanted = 1000 * study.seconds;
  const on = await frame();
  if (left.aborted) throw new Error("left");
  place.classList.add("shown");
  let [before, now] = [on, on];
  do {
    [before, now] = [now, await frame()];
    if (left.aborted) throw new Error("left");
  } while (now - on + Math.min(now - before, LATE) / 2 < wanted);
  place.classList.remove("shown");
  return now - on;
}

async function question() {
  state("answering");
  const from = performance.now();
  get("question").textContent = "Which one was fake?";
  for (const place of Object.values(places)) place.disabled = false;
  const done = new AbortController();
  const choice = await new Promise((resolve) => {
    for (const [name, place] of Object.entries(places)) place.addEventListener("click", () => resolve(name), { signal: done.signal });
    const key = (event) => {
      if (!KEYS[event.key] || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      resolve(KEYS[event.key]);
    };
    document.addEventListener("keydown", key, { signal: done.signal });
  });
  done.abort();
  for (const place of Object.values(places)) place.disabled = true;
  get("question").textContent = "";
  return { choice, response_ms: performance.now() - from };
}

async function feedback(choice, fake) {
  state("feedback");
  get("question").textContent = choice === fake ? `Right: the ${fake} was fake.` : `No: the ${fake} was fake.`;
  for (const [place, kind, word] of [[places[fake], "fake", "Fake"], [places[OTHER[fake]], "real", "Real"]]) {
    place.classList.add("shown", kind);
    place.querySelector(".verdict").textContent = word;
  }
  get("next").hidden = false;
  get("next").focus({ preventScroll: true });
  await happens(get("next"), "click");
  get("next").hidden = true;
}

function hide() {
  for (const place of Object.values(places)) place.classList.remove("shown");
}

function clear() {
  for (const place of Object.values(places)) {
    place.classList.remove("shown", "real", "fake");
    place.querySelector("img")?.remove();
  }
}

// How often this trial's presentation was started in this tab, including now and before a reload.
function begun(trial) {
  const key = `begun-${trial}`;
  const count = Number(sessionStorage.getItem(key)) + 1;
  sessionStorage.setItem(key, count);
  return count;
}

// ---- the server

async function ask(path, body) {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, body === undefined ? {} : post);
  } catch {
    throw new Error("The server cannot be reached.");
  }
  const reply = await response.json().catch(() => ({}));
  if (response.ok || reply.next !== undefined) return reply; // an error that says where the session is
  throw Object.assign(new Error(reply.error ?? `The server answered ${response.status}.`), { status: response.status });
}

// Sending the same answer twice is harmless: the server keeps the first.
const send = (trial, answer) => insist(() => ask(`trials/${trial}`, answer));

// Tries until it works: once immediately, then whenever the participant asks for it.
async function insist(action) {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (error.status === 401) return startAnew();
      await pause("That did not work", `${error.message} Nothing is lost.`, "Try again");
      show("trial", "loading");
    }
  }
}

async function reloaded(error) {
  await pause("That did not work", `${error.message} Nothing is lost.`, "Try again");
  return startAnew();
}

// Starts from the server's current state: the session may have continued in another browser.
function startAnew() {
  location.reload();
  return new Promise(() => {});
}

// ---- what is on the page

function show(section, name) {
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== section;
  state(name);
}

function state(name) {
  document.body.dataset.state = name;
}

async function pause(headline, text, button = "Go on") {
  show("message", "pause");
  get("headline").textContent = headline;
  get("text").textContent = text;
  get("go-on").textContent = button;
  get("go-on").focus({ preventScroll: true });
  await happens(get("go-on"), "click");
}

function stop(error) {
  show("message", "error");
  get("headline").textContent = "That did not work";
  get("text").textContent = `${error.message} Please reload the page.`;
  get("go-on").hidden = true;
}

// ---- time

// The time of the next frame of the screen: the browser's, which follows the screen's refresh rate;
// on a busy device the callback can come too late for that frame, and then the clock's time counts.
function frame() {
  const time = (stamp) => (performance.now() - stamp < LATE ? stamp : performance.now());
  return new Promise((resolve) => requestAnimationFrame((stamp) => resolve(time(stamp))));
}

function happens(element, type) {
  return new Promise((resolve) => element.addEventListener(type, (event) => (event.preventDefault(), resolve()), { once: true }));
}

function wait(milliseconds, left) {
  return new Promise((resolve, reject) => {
    if (left.aborted) throw new Error("left");
    const timer = setTimeout(resolve, milliseconds);
    left.addEventListener("abort", () => (clearTimeout(timer), reject(new Error("left"))), { once: true });
  });
}

async function visible() {
  while (document.hidden) await happens(document, "visibilitychange");
}
