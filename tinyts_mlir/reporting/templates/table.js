// The layers as a table, sorted by any column.
const COLUMNS = [
  { title: "#", of: (layer, number) => number, number: true },
  { title: "Layer", of: (layer) => layer.name },
  { title: "Kernel", of: (layer) => layer.kernel },
  { title: "Rows", of: (layer) => layer.rows, number: true },
  { title: "Band rows", of: (layer) => layer.bandRows, number: true },
  { title: "Bytes", of: (layer) => layer.bytes, number: true },
  { title: "MACs", of: (layer) => layer.macs, number: true },
  { title: "Predicted instructions", of: (layer) => layer.instructions, number: true },
];
const layerTable = document.getElementById("layers");
const sorting = { column: 0, down: false };

function drawTable() {
  const layers = state.plan.layers, head = make("tr", "");
  COLUMNS.forEach((column, number) => {
    const sorted = sorting.column === number, arrow = sorted ? (sorting.down ? " \u2193" : " \u2191") : "";
    const button = make("button", "", column.title, arrow);
    button.type = "button";
    const cell = make("th", column.number ? "number" : "", button);
    cell.scope = "col";
    if (sorted) cell.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
    button.addEventListener("click", () => sortBy(number));
    head.append(cell);
  });
  const { of } = COLUMNS[sorting.column], sign = sorting.down ? -1 : 1;
  const order = layers.map((_, number) => number).sort((one, other) => {
    const [a, b] = [of(layers[one], one), of(layers[other], other)];
    return sign * (a < b ? -1 : a > b ? 1 : 0) || one - other;
  });
  const body = make("tbody", "", ...order.map((number) => layerRow(layers[number], number)));
  layerTable.replaceChildren(make("caption", "hidden", `Layers of ${state.plan.title}`), make("thead", "", head), body);
  markRows();
}

function layerRow(layer, number) {
  const row = make("tr", "");
  row.dataset.layer = number;
  for (const column of COLUMNS) {
    const value = column.of(layer, number);
    const cell = make("td", column.number ? "number" : "", column.number ? commas(value) : value);
    if (column.title === "Layer") {
      cell.className = "name";
      cell.title = value;
      cell.prepend(swatch(number));
    }
    row.append(cell);
  }
  row.addEventListener("click", () => keepLayer(number));
  return row;
}

function sortBy(number) {
  // Figures are looked at for the greatest.
  sorting.down = sorting.column === number ? !sorting.down : number > 2;
  sorting.column = number;
  drawTable();
  layerTable.querySelectorAll("th button")[number].focus();
}

function markRows() {
  for (const row of layerTable.tBodies[0].rows) row.classList.toggle("kept", Number(row.dataset.layer) === state.layer);
}

listeners.push((what) => {
  if (what === "plan") drawTable();
  else if (what === "layer") markRows();
});
