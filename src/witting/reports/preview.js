"use strict";
// Everything stays in this file: the choice is kept in the page and written to a file the person saves.
const turns = JSON.parse(document.getElementById("turns").textContent);
const boxes = [...document.querySelectorAll("input[type=checkbox]")];
const out = () => new Set(boxes.filter((box) => box.checked).map((box) => box.value));

for (const part of document.querySelectorAll(".choosing")) part.hidden = false;
for (const box of boxes) {
  box.addEventListener("change", () => {
    box.closest("li").classList.toggle("out", box.checked);
    const chosen = out().size;
    document.getElementById("chosen").textContent = chosen ? `${chosen} taken out, ${turns.length - chosen} left.` : "";
  });
}

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

document.getElementById("save").addEventListener("click", () => {
  const gone = out();
  const kept = turns.filter(([id]) => !gone.has(id)).map(([, turn]) => JSON.stringify(turn));
  save("reduced-export.jsonl", kept.map((line) => `${line}\n`).join(""));
});
document.getElementById("list").addEventListener("click", () => save("taken-out.txt", [...out()].map((id) => `${id}\n`).join("")));
