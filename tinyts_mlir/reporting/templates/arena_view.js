// The arena as a picture: where steps and bytes are on the canvas, which band is at a point, and how all of it is drawn.
const MARGIN = { left: 66, right: 12, top: 10, bottom: 24, gap: 16, strip: 76 };
const BUCKETS = 512;
const REACH = 3; // pixels by which a pointer may miss a band

class ArenaView {
  constructor(box, bandsCanvas, marksCanvas) {
    this.box = box;
    this.canvases = [bandsCanvas, marksCanvas];
    this.sameScale = false;
    this.show(state.plan);
  }

  show(plan) {
    this.plan = plan;
    this.bands = plan.bands;
    this.count = plan.bands.first.length;
    this.steps = Math.max(plan.steps.length, 1);
    this.from = 0;
    this.to = this.steps;
    this.indexBands();
  }

  // Bands by the time in which they live, so that a point asks few of them.
  indexBands() {
    const { first, last, address } = this.bands;
    this.stepsABucket = Math.ceil(this.steps / BUCKETS);
    this.buckets = Array.from({ length: Math.ceil(this.steps / this.stepsABucket) }, () => []);
    for (let band = 0; band < this.count; band++) {
      const end = Math.floor(last[band] / this.stepsABucket);
      for (let bucket = Math.floor(first[band] / this.stepsABucket); bucket <= end; bucket++) this.buckets[bucket].push(band);
    }
    this.inTime = Array.from({ length: this.count }, (_, band) => band);
    this.inTime.sort((one, other) => first[one] - first[other] || address[one] - address[other] || one - other);
    this.placeInTime = new Int32Array(this.count);
    this.inTime.forEach((band, place) => { this.placeInTime[band] = place; });
  }

  // --- where things are

  measure() {
    const box = this.box.getBoundingClientRect(), ratio = devicePixelRatio || 1;
    this.width = box.width;
    this.height = box.height;
    for (const canvas of this.canvases) {
      canvas.width = Math.round(box.width * ratio);
      canvas.height = Math.round(box.height * ratio);
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.right = this.width - MARGIN.right;
    this.stripBottom = this.height - MARGIN.bottom;
    this.stripTop = this.stripBottom - MARGIN.strip;
    this.bottom = this.stripTop - MARGIN.gap;
    const most = this.sameScale ? Math.max(...data.plans.map((plan) => plan.arena)) : this.plan.arena;
    this.most = Math.max(most, 1);
  }

  x(step) {
    return MARGIN.left + ((step - this.from) / (this.to - this.from)) * (this.right - MARGIN.left);
  }

  y(address) {
    return this.bottom - (address / this.most) * (this.bottom - MARGIN.top);
  }

  stripY(bytes) {
    return this.stripBottom - (bytes / this.most) * MARGIN.strip;
  }

  stepAt(x) {
    return this.from + ((x - MARGIN.left) / (this.right - MARGIN.left)) * (this.to - this.from);
  }

  rectangle(band) {
    const left = this.x(this.bands.first[band]), right = this.x(this.bands.last[band] + 1);
    const top = this.y(this.bands.address[band] + this.bands.bytes[band]), bottom = this.y(this.bands.address[band]);
    return [left, top, Math.max(right - left, 0.75), Math.max(bottom - top, 0.75)];
  }

  // The band at a point, or the nearest within reach; of those that share bytes, the one made last. -1: none.
  bandAt(x, y) {
    if (x < MARGIN.left - REACH || x > this.right + REACH || y > this.bottom + REACH) return -1;
    let best = -1, least = REACH + 0.01;
    const bucket = (step) => Math.min(Math.max(Math.floor(step / this.stepsABucket), 0), this.buckets.length - 1);
    const end = bucket(this.stepAt(x + REACH));
    for (let number = bucket(this.stepAt(x - REACH)); number <= end; number++) {
      for (const band of this.buckets[number]) {
        const [left, top, width, height] = this.rectangle(band);
        const distance = Math.max(left - x, x - left - width, top - y, y - top - height, 0);
        if (distance < least || (distance === least && best >= 0 && this.bands.first[band] > this.bands.first[best])) {
          best = band;
          least = distance;
        }
      }
    }
    return best;
  }

  aliveAt(step) {
    const bucket = this.buckets[Math.floor(step / this.stepsABucket)] || [];
    const alive = bucket.filter((band) => this.bands.first[band] <= step && step <= this.bands.last[band]);
    return alive.sort((one, other) => this.bands.address[one] - this.bands.address[other] || one - other);
  }

  zoomTo(from, to) {
    const span = Math.min(Math.max(to - from, Math.min(8, this.steps)), this.steps);
    const middle = (from + to) / 2;
    this.from = Math.min(Math.max(middle - span / 2, 0), this.steps - span);
    this.to = this.from + span;
  }

  // --- drawing

  hatch(context) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const pen = tile.getContext("2d");
    pen.strokeStyle = style("--scratch");
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const shift of [-6, 0, 6]) { pen.moveTo(shift - 1, 7); pen.lineTo(shift + 7, -1); }
    pen.stroke();
    return context.createPattern(tile, "repeat");
  }

  draw() {
    this.measure();
    const context = this.canvases[0].getContext("2d");
    context.clearRect(0, 0, this.width, this.height);
    context.fillStyle = style("--empty");
    context.fillRect(MARGIN.left, this.y(this.plan.arena), this.right - MARGIN.left, this.bottom - this.y(this.plan.arena));
    context.save();
    context.beginPath();
    context.rect(MARGIN.left, 0, this.right - MARGIN.left, this.height);
    context.clip();
    this.drawBands(context);
    this.drawLive(context);
    context.restore();
    this.drawAxes(context);
    this.drawMarks();
  }

  drawBands(context) {
    const layers = this.plan.layers.length, input = style("--input"), scratch = this.hatch(context);
    const colours = this.plan.layers.map((_, layer) => layerColour(layer, layers));
    const { kind, layer, first, last } = this.bands;
    for (const band of this.inTime) {
      if (first[band] >= this.to || last[band] + 1 <= this.from) continue;
      const [left, top, width, height] = this.rectangle(band), what = data.kinds[kind[band]];
      const gap = width > 4 && height > 4 ? 0.6 : 0;
      context.globalAlpha = state.layer >= 0 && layer[band] !== state.layer ? 0.16 : 1;
      context.fillStyle = what === "scratch" ? scratch : what === "input" ? input : colours[layer[band]];
      context.fillRect(left, top + gap / 2, width - gap, height - gap);
    }
    context.globalAlpha = 1;
  }

  drawLive(context) {
    const live = this.plan.live;
    context.fillStyle = style("--muted");
    context.globalAlpha = 0.45;
    context.beginPath();
    context.moveTo(this.x(this.from), this.stripBottom);
    const end = Math.min(Math.ceil(this.to), live.length);
    for (let step = Math.floor(this.from); step < end; step++) {
      context.lineTo(this.x(step), this.stripY(live[step]));
      context.lineTo(this.x(step + 1), this.stripY(live[step]));
    }
    context.lineTo(this.x(end), this.stripBottom);
    context.fill();
    context.globalAlpha = 1;
  }

  drawAxes(context) {
    const inKib = this.most >= 8192;
    const written = (bytes) => (inKib ? `${+(bytes / 1024).toFixed(1)}` : commas(bytes));
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = style("--muted");
    context.strokeStyle = style("--line");
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const arena = this.plan.arena;
    const marks = ticks(0, this.most, 6, inKib).filter((tick) => Math.abs(this.y(tick) - this.y(arena)) > 14);
    for (const tick of [...marks, arena]) {
      const y = Math.round(this.y(tick)) + 0.5;
      context.fillText(written(tick), MARGIN.left - 8, y);
      context.beginPath();
      context.moveTo(MARGIN.left - 4, y);
      context.lineTo(MARGIN.left, y);
      context.stroke();
    }
    context.fillText("live", MARGIN.left - 8, this.stripTop + MARGIN.strip / 2);
    for (const y of [this.bottom, this.stripBottom]) {
      context.beginPath();
      context.moveTo(MARGIN.left, y + 0.5);
      context.lineTo(this.right, y + 0.5);
      context.stroke();
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const tick of ticks(this.from, this.to, Math.max(2, Math.floor((this.right - MARGIN.left) / 110)), false)) {
      if (this.x(tick) < this.right - 44) context.fillText(commas(tick), this.x(tick), this.stripBottom + 6);
    }
    context.textAlign = "right";
    context.fillText("step", this.right, this.stripBottom + 6);
    context.save();
    context.translate(13, (MARGIN.top + this.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(inKib ? "address in KiB" : "address in bytes", 0, 0);
    context.restore();
  }

  // What changes with the pointer: cheap to draw, on a canvas of its own.
  drawMarks(cursor = null, range = null) {
    const context = this.canvases[1].getContext("2d");
    context.clearRect(0, 0, this.width, this.height);
    context.save();
    context.beginPath();
    context.rect(MARGIN.left - 2, 0, this.right - MARGIN.left + 4, this.height);
    context.clip();
    this.drawPeak(context);
    if (cursor !== null) this.line(context, this.x(cursor + 0.5), style("--muted"));
    if (range !== null) {
      context.fillStyle = style("--accent");
      context.globalAlpha = 0.18;
      context.fillRect(Math.min(...range), MARGIN.top, Math.abs(range[1] - range[0]), this.stripBottom - MARGIN.top);
      context.globalAlpha = 1;
    }
    if (state.band >= 0) {
      const [left, top, width, height] = this.rectangle(state.band);
      context.lineWidth = 4;
      context.strokeStyle = style("--surface");
      context.strokeRect(left - 1, top - 1, width + 2, height + 2);
      context.lineWidth = 2;
      context.strokeStyle = style("--ink");
      context.strokeRect(left - 1, top - 1, width + 2, height + 2);
    }
    context.restore();
  }

  drawPeak(context) {
    const x = this.x(this.plan.peakStep + 0.5), peak = this.plan.live[this.plan.peakStep] || 0;
    this.line(context, x, style("--peak"));
    context.font = "600 12px system-ui, sans-serif";
    context.textBaseline = "top";
    const text = `peak ${commas(peak)}`, wide = context.measureText(text).width;
    const left = x + wide + 10 > this.right ? x - wide - 8 : x + 6;
    context.fillStyle = style("--paper");
    context.globalAlpha = 0.85;
    context.fillRect(left - 3, this.stripTop - 2, wide + 6, 16);
    context.globalAlpha = 1;
    context.fillStyle = style("--peak");
    context.fillText(text, left, this.stripTop);
  }

  line(context, x, colour) {
    context.strokeStyle = colour;
    context.lineWidth = 1.25;
    context.beginPath();
    context.moveTo(x, MARGIN.top);
    context.lineTo(x, this.stripBottom);
    context.stroke();
  }
}
