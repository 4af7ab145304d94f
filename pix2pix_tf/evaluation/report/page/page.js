// The report's page: sliders over images, the ranking that chooses them, the table of all images.
"use strict";

const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

document.documentElement.classList.add("scripts");
startView();
startRanking();
all(".comparison").forEach(startSlider);
if (find("table.images")) startTable(find("table.images"));

// ---- images

function startView() {
  const choose = () => { document.body.dataset.view = find('[name="view"]:checked').value; };
  all('[name="view"]').forEach((choice) => choice.addEventListener("change", choose));
  choose();
}

function startRanking() {
  const rankings = JSON.parse(find("#rankings").textContent);
  const select = find("#ranking");
  const show = () => {
    find("#others").append(...all(".card"));
    for (const [group, members] of Object.entries(rankings[select.value])) {
      const cards = members.map((index) => find(`.card[data-image="${index}"]`));
      find(`[data-group="${group}"]`).append(...cards);
    }
    for (const value of all(".values span")) {
      value.classList.toggle("ranking", value.dataset.score === select.value);
    }
  };
  select.addEventListener("change", show);
  show();
}

function startSlider(comparison) {
  const range = find("input", comparison);
  const put = (percent) => {
    comparison.style.setProperty("--at", percent);
    range.setAttribute("aria-valuetext", `${Math.round(percent)} % output`);
  };
  const follow = (event) => {
    const box = comparison.getBoundingClientRect();
    range.value = Math.min(100, Math.max(0, 100 * (event.clientX - box.left) / box.width));
    put(range.value);
  };
  range.addEventListener("input", () => put(range.value));
  comparison.addEventListener("pointerdown", (event) => {
    if (document.body.dataset.view !== "slider" || event.button !== 0) return;
    comparison.setPointerCapture(event.pointerId);
    range.focus({ preventScroll: true });
    follow(event);
  });
  comparison.addEventListener("pointermove", (event) => {
    if (comparison.hasPointerCapture(event.pointerId)) follow(event);
  });
  put(range.value);
}

// ---- the table of all images

function startTable(table) {
  const body = find("tbody", table);
  const rows = [...body.rows];
  const headings = all("thead th", table);
  const value = (row, column) => {
    const cell = row.cells[column];
    return column === 0 ? cell.textContent : Number(cell.dataset.value.replace("inf", "Infinity"));
  };
  const compare = (a, b, direction) => {
    if (typeof a === "string") return direction * a.localeCompare(b, "en", { numeric: true });
    const undefinedLast = Number.isNaN(a) - Number.isNaN(b);
    return undefinedLast || direction * ((a > b) - (a < b));
  };
  headings.forEach((heading, column) => find("button", heading).addEventListener("click", () => {
    const direction = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    rows.sort((first, second) => compare(value(first, column), value(second, column), direction));
    body.append(...rows);
  }));

  const filter = find("#filter");
  filter.addEventListener("input", () => {
    const words = filter.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(words);
    const matching = rows.filter((row) => !row.hidden).length;
    find("#matching").textContent = words ? `${matching} of ${rows.length}` : "";
  });
}
