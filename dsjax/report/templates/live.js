// Renews the parts of the page that have changed, and leaves alone what the reader looks at, plays or has opened.
"use strict";

const line = document.getElementById("status");
const main = document.querySelector("main");
let version = null; // of the content in sight
let sources = written(main); // each part as the server wrote it

// The page's own correction below would be made twice.
document.documentElement.style.overflowAnchor = "none";

function parts(root) {
  return new Map([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
}

function written(root) {
  return new Map([...parts(root)].map(([name, part]) => [name, part.outerHTML]));
}

// The first part in sight, and where it stands.
function anchor() {
  const edge = line.getBoundingClientRect().bottom;
  for (const [name, part] of parts(main)) {
    const box = part.getBoundingClientRect();
    if (box.bottom > edge && box.height > 0) return { name, top: box.top, y: scrollY };
  }
  return { name: null, top: 0, y: scrollY };
}

// Makes a change, and scrolls so that the first part in sight stays where it is.
function steadily(change) {
  const there = anchor();
  change();
  const part = parts(main).get(there.name);
  // At the very top a reader wants to see the top.
  if (there.y === 0 || !part) scrollTo({ top: there.y, behavior: "instant" });
  else scrollBy({ top: part.getBoundingClientRect().top - there.top, behavior: "instant" });
}

function renew(html) {
  const fresh = new DOMParser().parseFromString(`<main>${html}</main>`, "text/html").querySelector("main");
  const open = new Map([...main.querySelectorAll("details[id]")].map((box) => [box.id, box.open]));
  const aside = new Map([...main.querySelectorAll(".wide[id]")].map((box) => [box.id, box.scrollLeft]));
  const focused = document.activeElement && document.activeElement.id;
  const old = parts(main), found = parts(fresh), now = written(fresh);
  if ([...old.keys()].join() === [...found.keys()].join()) {
    for (const [name, part] of found)
      if (now.get(name) !== sources.get(name)) old.get(name).replaceWith(document.adoptNode(part));
  } else {
    for (const [name, part] of found)
      if (now.get(name) === sources.get(name)) part.replaceWith(old.get(name));
    main.replaceChildren(...fresh.childNodes);
  }
  sources = now;
  for (const [id, value] of open) if (document.getElementById(id)) document.getElementById(id).open = value;
  for (const [id, value] of aside) if (document.getElementById(id)) document.getElementById(id).scrollLeft = value;
  if (focused && document.activeElement.id !== focused && document.getElementById(focused))
    document.getElementById(focused).focus({ preventScroll: true });
}

function say(text, problem) {
  steadily(() => {
    if (line.textContent !== text) line.textContent = text;
    line.classList.toggle("problem", problem);
  });
}

async function ask(what) {
  const answer = await fetch(what, { cache: "no-store" });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

let updated = "";

async function look() {
  try {
    const status = await ask("status");
    if (status.version !== version) {
      const next = await ask("content");
      steadily(() => renew(next.content));
      version = next.version;
    }
    document.title = status.title;
    updated = new Date(status.updated).toLocaleString();
    say(`${status.state}. Last updated ${updated}.${status.problem ? " " + status.problem : ""}`, status.problem !== "");
  } catch (error) {
    say(`The server does not answer any more.${updated ? ` This page is as of ${updated}.` : ""}`, true);
  }
  setTimeout(look, 1000);
}

look();
