// Shows a lesson as it happens, and sends what is pressed.
"use strict";

const $ = (id) => document.getElementById(id);
const WIDTH = 20; // [m] of the world in sight, as in view.py
const SECONDS = 20, PER_SECOND = 30; // of the charts
const KEPT = SECONDS * PER_SECOND;
const SIGNS = { ArrowUp: 1, ArrowDown: -1, reward: 1, punish: -1 }; // of keys and buttons

let socket = null;
let about = null;
let pictures = []; // the last of them, oldest first
let paused = false;
const held = new Set(); // what is pressed: keys and buttons

function say(text, problem = false) {
  $("status").textContent = text;
  $("status").classList.toggle("problem", problem);
}

function ask(key, value) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ [key]: value }));
}

// Connection

function connect() {
  socket = new WebSocket(`ws://${location.host}/lesson${location.search}`);
  socket.onmessage = (message) => {
    const news = JSON.parse(message.data);
    if (news.synapses) begin(news);
    else show(news);
  };
  socket.onclose = (event) => {
    letGo();
    if (event.reason === "taken") say("This walker is being taught in another page. Close that one, then load this one again.", true);
    else if (event.reason === "over") say("The lesson is over. What was learned is saved.");
    else if (event.reason === "failed") say("The lesson has ended with an error: see the terminal. The last part may not be saved.", true);
    else if (event.reason === "again" || event.reason === "saving") setTimeout(connect, 200);
    else if (event.code === 1006) {
      say("The server does not answer. If it has ended, see the terminal; is this the address that it printed?", true);
      setTimeout(connect, 1000);
    } else say(`The lesson has ended: ${event.reason || "the server closed it"}. Load this page again.`, true);
  };
}

function begin(news) {
  about = news;
  pictures = [];
  say(`Learning in ${about.folder}`);
  for (const id of ["speed", "task"]) tell(id);
  ask("paused", paused);
}

// Controls

function tell(id) {
  if (id === "speed") ask("speed", Number($("speed").value));
  if (id === "task") ask("with_task", $("task").checked);
}

function give() {
  const sign = Math.sign([...held].reduce((sum, name) => sum + SIGNS[name], 0));
  for (const name of ["reward", "punish"]) {
    $(name).classList.toggle("held", sign === SIGNS[name]);
    $(name).setAttribute("aria-pressed", sign === SIGNS[name]);
  }
  ask("give", sign * Number($("strength").value));
}

function press(name) {
  if (held.has(name)) return;
  held.add(name);
  give();
}

function release(name) {
  if (held.delete(name)) give();
}

function letGo() {
  held.clear();
  give();
}

function pause() {
  paused = !paused;
  $("pause").querySelector("span").textContent = paused ? "Go on" : "Pause";
  ask("paused", paused);
}

const ACTIONS = {
  p: pause,
  s: () => ask("save", true),
  b: () => { ask("paused", true); $("sure").showModal(); }, // nothing is learned while this asks
  t: () => { $("task").checked = !$("task").checked; tell("task"); },
};

for (const name of ["reward", "punish"]) {
  const button = $(name);
  button.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    button.setPointerCapture(event.pointerId);
    press(name);
  });
  // A click that no pointer made is a screen reader's, or by voice: a tap.
  button.addEventListener("click", (event) => { if (event.detail === 0) { press(name); release(name); } });
  for (const kind of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(kind, () => release(name));
  // Enter and Space hold it too, for whoever has reached it with Tab.
  button.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(name); }
  });
  button.addEventListener("keyup", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); release(name); }
  });
}
addEventListener("keydown", (event) => {
  if ($("sure").open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in SIGNS) {
    if (event.target.tagName === "SELECT") return; // there the arrows choose
    event.preventDefault();
    press(event.key);
  } else if (!event.repeat && event.key.toLowerCase() in ACTIONS && event.target.tagName !== "SELECT")
    ACTIONS[event.key.toLowerCase()]();
});
addEventListener("keyup", (event) => release(event.key));
addEventListener("blur", letGo);
document.addEventListener("visibilitychange", letGo);
$("pause").addEventListener("click", pause);
$("save").addEventListener("click", ACTIONS.s);
$("again").addEventListener("click", ACTIONS.b);
$("sure").addEventListener("close", () => {
  if ($("sure").returnValue === "yes") ask("again", true);
  else ask("paused", paused);
  $("sure").returnValue = "no";
});
// The arrows choose in a list that has the focus: whoever has chosen means to reward with them again.
for (const list of document.querySelectorAll("select")) {
  let pointed = false;
  list.addEventListener("pointerdown", () => { pointed = true; });
  list.addEventListener("change", () => { if (pointed) list.blur(); pointed = false; });
  list.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === "Escape") list.blur(); });
}
$("speed").addEventListener("change", () => tell("speed"));
$("task").addEventListener("change", () => tell("task"));
$("strength").addEventListener("change", give);

// Pictures

function show(picture) {
  const last = pictures[pictures.length - 1];
  if (last && last.round !== picture.round) say(`Saved. Learning in ${about.folder}`);
  pictures.push(picture);
  if (pictures.length > KEPT) pictures.shift();
  if (pictures.waiting) return;
  pictures.waiting = true;
  requestAnimationFrame(draw);
}

function draw() {
  pictures.waiting = false;
  const now = pictures[pictures.length - 1];
  if (!now) return;
  drawWalker(now);
  drawWeights(now);
  const minutes = now.unsaved / 50 / 60;
  const unsaved = minutes < 1 ? `${Math.round(minutes * 60)} s` : `${minutes.toFixed(1)} min`;
  $("numbers").textContent =
    `Step ${now.length} of this episode · the task's return ${now.return.toFixed(1)} · saved but for the last ${unsaved}`;
}

function colors() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name}`);
}

function polygon(context, shape, outline) {
  context.beginPath();
  for (const [x, y] of shape.points) context.lineTo(x, y);
  context.closePath();
  context.fillStyle = context.strokeStyle = shape.color;
  context.fill();
  if (outline) context.strokeStyle = "rgb(0 0 0 / 0.4)";
  context.stroke(); // also closes the hairlines between pieces of ground
}

function fit(canvas) {
  const ratio = devicePixelRatio, box = canvas.getBoundingClientRect();
  const wide = Math.round(box.width * ratio), high = Math.round(box.height * ratio);
  if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
  return ratio;
}

function drawWalker(now) {
  const canvas = $("walker");
  fit(canvas);
  const context = canvas.getContext("2d"), scale = canvas.width / WIDTH;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "rgb(215 215 255)";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.setTransform(scale, 0, 0, -scale, -now.left * scale, canvas.height);
  context.lineWidth = 1 / scale;
  for (const piece of now.ground) polygon(context, piece, false);
  context.lineWidth = 2 / scale;
  for (const body of now.bodies) polygon(context, body, true);
  if (now.given) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = now.given > 0 ? "#00664f" : "#9c3a06"; // on a light sky in both modes
    context.font = `600 ${canvas.width / 22}px system-ui, sans-serif`;
    context.textAlign = "right";
    context.fillText(now.given > 0 ? `+${now.given}` : `−${-now.given}`, canvas.width * 0.97, canvas.height * 0.1);
  }
}

function path(context, values, place) {
  context.beginPath();
  values.forEach((value, index) => { if (value !== null) context.lineTo(...place(index, value)); });
  context.stroke();
}

function drawWeights(now) {
  const canvas = $("weights"), ratio = fit(canvas), context = canvas.getContext("2d"), color = colors();
  const width = canvas.width, height = canvas.height, left = 13.5 * 12 * ratio, rows = about.synapses.length;
  const high = height / (rows + 2.5), first = KEPT - pictures.length;
  const across = (index) => left + ((index + first) / KEPT) * (width - left);
  context.clearRect(0, 0, width, height);
  context.font = `${12 * ratio}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.textAlign = "left";
  // One scale for all, so that the wider swings can be told apart.
  const spans = about.synapses.map((_, row) => {
    const seen = pictures.flatMap((each) => [each.weights[row], each.centers[row]]).filter((value) => value !== null);
    return [Math.min(...seen), Math.max(...seen)];
  });
  const span = Math.max(0.1, ...spans.map(([low, top]) => top - low)) * 1.15;
  about.synapses.forEach((name, row) => {
    const middle = (spans[row][0] + spans[row][1]) / 2, base = (row + 0.5) * high;
    const place = (index, value) => [across(index), base - ((value - middle) / span) * high];
    context.fillStyle = color("ink");
    context.fillText(name.replace(/ \(.*/, ""), 8 * ratio, base);
    context.lineWidth = ratio;
    context.strokeStyle = color("line");
    context.strokeRect(-1, row * high, width + 2, high);
    context.strokeStyle = color("weight");
    path(context, pictures.map((each) => each.weights[row]), place);
    context.lineWidth = 2.5 * ratio;
    context.strokeStyle = color("center");
    path(context, pictures.map((each) => each.centers[row]), place);
  });
  drawRewards(context, color, ratio, across, rows * high, height - rows * high);
}

function drawRewards(context, color, ratio, across, top, high) {
  const most = Math.max(0.5, ...pictures.map((each) => Math.max(Math.abs(each.modulator), Math.abs(each.expected))));
  const level = (value) => top + high / 2 - (value / most) * high * 0.42;
  context.fillStyle = color("ink");
  context.fillText("reward", 8 * ratio, level(0));
  context.fillStyle = color("faint");
  context.fillText(`±${most.toPrecision(2)}`, 70 * ratio, level(0));
  context.lineWidth = ratio;
  context.strokeStyle = color("line");
  path(context, [0, pictures.length - 1], (end, index) => [across(index), level(0)]);
  pictures.forEach((each, index) => {
    context.fillStyle = color(each.modulator < 0 ? "bad" : "good");
    const y = Math.min(level(0), level(each.modulator));
    context.fillRect(across(index), y, Math.max(1.5 * ratio, 1), Math.abs(level(each.modulator) - level(0)));
  });
  context.setLineDash([6 * ratio, 4 * ratio]);
  context.lineWidth = 1.5 * ratio;
  context.strokeStyle = color("expected");
  path(context, pictures.map((each) => each.expected), (index, value) => [across(index), level(value)]);
  context.setLineDash([]);
}

addEventListener("resize", draw);
connect();
