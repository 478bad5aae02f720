"use strict";
// Everything stays in this file: the choice is kept in the page and written to a file the person saves.
const turns = JSON.parse(document.getElementById("turns").textContent);
const boxes = [...document.querySelectorAll("input.one")];
const wholes = [...document.querySelectorAll("input.whole")];
const talkOf = (box) => box.closest("details");
const inTalk = (whole) => [...talkOf(whole).querySelectorAll("input.one")];
const out = () => new Set(boxes.filter((box) => box.checked).map((box) => box.value));

for (const part of document.querySelectorAll(".choosing")) part.hidden = false;

function tell() {
  const chosen = out().size;
  document.getElementById("chosen").textContent = chosen ? `${chosen} taken out, ${boxes.length - chosen} left here.` : "";
}

function mark(box) {
  const row = box.closest("li");
  row.classList.toggle("out", box.checked);
  const why = row.querySelector(".why");
  if (why) why.hidden = !box.checked;
}

for (const box of boxes) {
  mark(box);
  box.addEventListener("change", () => {
    mark(box);
    const whole = talkOf(box).querySelector("input.whole");
    if (whole && !box.checked) whole.checked = false;
    tell();
  });
}
for (const whole of wholes) {
  whole.addEventListener("change", () => {
    for (const box of inTalk(whole)) {
      box.checked = whole.checked;
      mark(box);
    }
    tell();
  });
}
tell();

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const reduced = document.getElementById("save");
if (reduced) reduced.addEventListener("click", () => {
  const gone = out();
  const kept = turns.filter(([id]) => !gone.has(id)).map(([, turn]) => JSON.stringify(turn));
  save("reduced-export.jsonl", kept.map((line) => `${line}\n`).join(""));
});

// A whole conversation is one line of the list, so that what stands of it on other pages goes, too.
const list = document.getElementById("list");
list.addEventListener("click", () => {
  const talks = wholes.filter((whole) => whole.checked);
  const covered = new Set(talks.flatMap((whole) => inTalk(whole).map((box) => box.value)));
  const lines = [...talks.map((whole) => whole.value), ...[...out()].filter((id) => !covered.has(id))];
  save(list.dataset.name, lines.map((line) => `${line}\n`).join(""));
});
