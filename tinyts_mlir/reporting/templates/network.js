// The network: a bar for each layer in its order, arcs where maps are read further on, segments behind.
const COLUMN = 22;
const networkBox = document.getElementById("network");

function drawNetwork() {
  const layers = state.plan.layers, left = 14, tallest = 92, labels = 30;
  const reach = Math.max(0, ...layers.flatMap((layer, number) => layer.reads.map((read) => number - read)));
  const arcs = reach > 1 ? Math.min(20 + 5 * Math.sqrt(reach) * 3, 90) : 14;
  const base = arcs + tallest + 8, height = base + labels, width = left * 2 + layers.length * COLUMN;
  const middle = (layer) => left + layer * COLUMN + COLUMN / 2;
  const most = Math.max(1, ...layers.map((layer) => layer.bytes));
  const top = (layer) => base - Math.max(2, (layers[layer].bytes / most) * tallest);
  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `Network of ${count(layers.length, "layer")}` });
  for (const [start, stop] of state.plan.segments) {
    if (stop - start < 2) continue;
    const box = { x: left + start * COLUMN + 1, y: 6, width: (stop - start) * COLUMN - 2, height: base - 2, rx: 5, class: "segment" };
    svg.append(drawn("rect", box, drawn("title", {}, `Segment: layers ${start} to ${stop - 1} interleave`)));
  }
  svg.append(drawn("line", { class: "chain", x1: left, x2: width - left, y1: base + 0.5, y2: base + 0.5 }));
  layers.forEach((layer, number) => {
    for (const read of layer.reads.filter((one) => number - one > 1)) {
      const from = middle(read), to = middle(number), rise = Math.min(16 + 5 * Math.sqrt(number - read) * 3, arcs + 30);
      const foot = Math.min(top(read), top(number)) - 3, crown = Math.max(foot - rise, 10);
      svg.append(drawn("path", { class: "arc", d: `M${from} ${top(read) - 3} C${from} ${crown} ${to} ${crown} ${to} ${top(number) - 3}` }));
    }
  });
  const focusable = state.layer >= 0 ? state.layer : 0;
  layers.forEach((layer, number) => {
    const text = `${layerTitle(number)}: ${layer.kernel}, ${layer.rows} rows in ${count(layer.bands, "band")}, ${commas(layer.bytes)} bytes`;
    const node = drawn("g", { class: "node", tabindex: number === focusable ? "0" : "-1", role: "button", "aria-label": text, "aria-pressed": "false", "data-layer": number });
    node.append(
      drawn("rect", { class: "hit", x: left + number * COLUMN, y: 6, width: COLUMN, height: height - 8, rx: 4 }),
      drawn("rect", { x: middle(number) - 6, y: top(number), width: 12, height: base - top(number), rx: 2, fill: layerColour(number, layers.length) }),
    );
    if (layers.length < 30 || number % 5 === 0) node.append(drawn("text", { x: middle(number), y: base + 17, "text-anchor": "middle" }, `${number}`));
    describe(node, text);
    node.addEventListener("click", () => keepLayer(number));
    svg.append(node);
  });
  networkBox.replaceChildren(svg);
  markNodes();
}

function markNodes() {
  for (const node of networkBox.querySelectorAll(".node")) {
    const kept = Number(node.dataset.layer) === state.layer;
    node.classList.toggle("kept", kept);
    node.setAttribute("aria-pressed", kept);
  }
}

networkBox.addEventListener("keydown", (event) => {
  const node = event.target.closest(".node");
  if (!node) return;
  const nodes = [...networkBox.querySelectorAll(".node")], place = nodes.indexOf(node);
  const to = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: nodes.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    if (!nodes[to]) return;
    node.setAttribute("tabindex", "-1");
    nodes[to].setAttribute("tabindex", "0");
    nodes[to].focus();
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    keepLayer(Number(node.dataset.layer));
  } else if (event.key === "Escape") {
    keepLayer(-1);
  }
});

listeners.push((what) => {
  if (what === "plan") drawNetwork();
  else if (what === "layer") markNodes();
});
