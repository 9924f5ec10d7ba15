// The panel that says in words what the pictures show: a band, a kept layer, or else the peak and who holds it.
const details = document.getElementById("details");

function bandRows(band) {
  const bands = state.plan.bands, kind = data.kinds[bands.kind[band]];
  if (kind === "scratch") return "none: scratch of its kernel";
  if (kind === "state") return "none: sums over all rows";
  const first = bands.row[band], behind = bands.behindRow[band];
  const which = behind - first === 1 ? `${first}` : `${first} to ${behind - 1}`;
  return `${which} of ${bands.totalRows[band]}`;
}

function bandTitle(band) {
  const bands = state.plan.bands;
  const result = bands.result[band] ? ` (result ${bands.result[band]})` : "";
  return layerTitle(bands.layer[band]) + result;
}

function readersOf(band) {
  const bands = state.plan.bands;
  const names = bands.readers[band].map(layerTitle);
  if (bands.returned[band]) names.push("the caller");
  if (data.kinds[bands.kind[band]] === "scratch") return "its own kernel";
  return names.length ? names.join(", ") : "nothing";
}

function facts(pairs) {
  const list = make("dl", "");
  for (const [term, value] of pairs) list.append(make("dt", "", term), make("dd", "", breakable(value)));
  return list;
}

function bandFacts(band) {
  const bands = state.plan.bands, layer = state.plan.layers[bands.layer[band]];
  const first = bands.first[band], last = bands.last[band], address = bands.address[band];
  const pairs = [
    ["Rows", bandRows(band)],
    ["Bytes", commas(bands.bytes[band])],
    ["Address", `${commas(address)} to ${commas(address + bands.bytes[band] - 1)}`],
    ["Lives", first === last ? `step ${first}` : `steps ${first} to ${last} (${last - first + 1})`],
    ["Read by", readersOf(band)],
    ["Kernel", layer.kernel],
    ["Tensor", layer.name],
  ];
  if (bands.shares[band].length) {
    pairs.splice(4, 0, ["Lies on", bands.shares[band].map((under) => `${bandTitle(under)}, which dies as it is made`).join(", ")]);
  }
  return pairs;
}

function layerFacts(number) {
  const layer = state.plan.layers[number];
  return [
    ["Kernel", layer.kernel],
    ["Rows", `${commas(layer.rows)} in ${count(layer.bands, "band")} of ${layer.bandRows}`],
    ["Bytes", commas(layer.bytes)],
    ["Scratch", layer.scratch ? `${commas(layer.scratch)} bytes` : "none"],
    ["MACs", commas(layer.macs)],
    ["Instructions", `${commas(layer.instructions)}, predicted`],
    ["Reads", layer.reads.map(layerTitle).join(", ") || "nothing in the arena"],
    ["Tensor", layer.name],
  ];
}

function peakFacts() {
  const plan = state.plan, peak = plan.live[plan.peakStep] || 0;
  const list = make("ol", "");
  for (const [layer, bytes] of plan.holders.slice(0, 8)) {
    const bar = make("span", "bar", make("span", ""));
    bar.firstChild.style.width = `${(100 * bytes) / Math.max(peak, 1)}%`;
    bar.firstChild.style.background = layerColour(layer, plan.layers.length);
    const name = make("span", "", swatch(layer), ` ${layerTitle(layer)}`);
    name.title = plan.layers[layer].name;
    list.append(make("li", "", make("div", "line", name, make("span", "number", commas(bytes))), bar));
  }
  const rest = plan.holders.slice(8);
  if (rest.length) {
    const bytes = rest.reduce((sum, holder) => sum + holder[1], 0);
    list.append(make("li", "note", `and ${count(rest.length, "layer")} more with ${commas(bytes)} bytes`));
  }
  return [
    make("h3", "", `Peak: ${commas(peak)} bytes at step ${plan.peakStep}`),
    make("p", "note", breakable(`of ${count(plan.steps.length, "step")}. While ${layerTitle(plan.steps[plan.peakStep])} runs, these hold the bytes:`)),
    list,
  ];
}

function showDetails() {
  if (state.band >= 0) {
    const layer = state.plan.bands.layer[state.band], kind = data.kinds[state.plan.bands.kind[state.band]];
    const prefix = kind === "map" ? "" : `${kind[0].toUpperCase()}${kind.slice(1)}: `;
    details.replaceChildren(make("h3", "", swatch(layer), " ", breakable(prefix + bandTitle(state.band))), facts(bandFacts(state.band)));
  } else if (state.layer >= 0) {
    details.replaceChildren(make("h3", "", swatch(state.layer), " ", breakable(layerTitle(state.layer))), facts(layerFacts(state.layer)));
  } else {
    details.replaceChildren(...(state.plan.layers.length ? peakFacts() : []));
  }
}

listeners.push(showDetails);
